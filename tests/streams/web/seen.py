"""What can be measured of a page as it is shown: the contrast of its text."""

from __future__ import annotations

from typing import Any

from tests.chromium import Chromium

# Every visible element that has text of its own, against what is painted behind it, by WCAG 2.2
_CONTRASTS = r"""(() => {
  const parse = (colour) => {
    const numbers = (colour.match(/[-+.\d]+(?:e-?\d+)?/g) ?? []).map(Number);
    if (colour.startsWith("color(srgb")) return [...numbers.slice(0, 3), numbers[3] ?? 1];
    if (!colour.startsWith("rgb")) throw new Error(`what colour is ${colour}`);
    return [...numbers.slice(0, 3).map((v) => v / 255), numbers[3] ?? 1];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((v, i) => v * a + under[i] * (1 - a));
  const behind = (element) => {
    if (!element) return [1, 1, 1];
    const colour = parse(getComputedStyle(element).backgroundColor);
    return colour[3] === 1 ? colour.slice(0, 3) : over(colour, behind(element.parentElement));
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const field = element.matches("input:not([type=range], [type=radio], [type=checkbox]), select");
    if (!(own || field) || !element.checkVisibility({ visibilityProperty: true })) continue;
    const under = behind(element);
    const style = getComputedStyle(element);
    const colour = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [luminance(over(parse(colour), under)), luminance(under)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([ratio, `${element.tagName} ${element.id} ${element.className}: ${element.textContent.slice(0, 40)}`]);
  }
  return found;
})()"""


def low_contrasts(browser: Chromium, least: float = 4.5) -> list[Any]:
    """[ratio, which element] of each that is lower. Raises where there is no text at all."""
    found = browser.run(_CONTRASTS)
    assert len(found) > 5, found
    return [one for one in found if one[0] < least]
