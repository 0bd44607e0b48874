// The views, by the address's hash: #live, #classes, #classes/doorbell, #history ...

import { find } from "./dom.js";

const views = new Map();
let shown = null;

/** `opened(rest)` is called when the view is shown, with what follows the slash; `closed()` when another is. */
export function addView(name, { opened = () => {}, closed = () => {} } = {}) {
  views.set(name, { opened, closed, section: find(`#view-${name}`) });
}

export const address = (name, rest) => `#${name}/${encodeURIComponent(rest)}`;

export function startTabs() {
  addEventListener("hashchange", () => show(true));
  show(false);
}

/** Another view in place of all, such as the login, until the address is followed again. */
export function showOnly(name) {
  enter(name, "");
}

export const isShown = (name) => shown === name;

function show(moved) {
  if (location.hash === "#main") return find("#main").focus();
  const [name, rest] = location.hash.slice(1).split("/", 2);
  enter(views.has(name) && name !== "login" ? name : "live", readable(rest ?? ""));
  if (moved) {
    scrollTo(0, 0);
    find("#main").focus({ preventScroll: true });
  }
  return undefined;
}

function readable(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function enter(name, rest) {
  if (shown !== null) views.get(shown).closed();
  shown = name;
  for (const [other, { section }] of views) section.hidden = other !== name;
  for (const link of document.querySelectorAll(".tabs a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  views.get(name).opened(rest);
}
