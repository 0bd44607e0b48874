// The examples' embeddings in two dimensions. Those of this class can be reached by keyboard and lead to the list.

import { draw, make } from "./dom.js";
import { percent } from "./words.js";

const WIDTH = 320;
const HEIGHT = 220;
const EDGE = 16;
const NAME_WIDTH = 60;
const NAME_HEIGHT = 11;

/** `chosen(id)` is called when a point of this class is pressed. */
export function classMap({ label, examples, map: { points, share } }, chosen) {
  if (points.length < 2) return make("p", { class: "hint" }, "There are too few examples for a map.");
  const odd = new Set(examples.filter((example) => example.odd).map(({ id }) => id));
  const placed = place(points);
  const own = placed.filter((point) => point.label === label);
  const others = placed.filter((point) => point.label !== label);
  const picture = draw(
    "svg",
    { class: "map", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": `Map of the examples of ${label}` },
    ...others.map(({ x, y }) => draw("circle", { cx: x, cy: y, r: 3, class: "other", "aria-hidden": "true" })),
    ...names(others),
    ...own.map((point) => ownPoint(point, odd.has(point.id), chosen)),
  );
  const near = `Near means alike, as far as a flat picture can show it (${percent(share)} of the differences).`;
  const ringed = " A ringed one is odd: unlike the others of its class; hear it, and remove it if it is wrong.";
  const words = `${near} The large points are ${label}'s.${odd.size ? ringed : ""}`;
  return make("div", {}, picture, make("p", { class: "hint" }, words));
}

function ownPoint({ x, y, id, label }, odd, chosen) {
  const pressed = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    chosen(id);
  };
  const words = `Example ${id} of ${label}${odd ? ", odd" : ""}: show it in the list`;
  return draw(
    "g",
    { class: "point", role: "button", tabindex: 0, "aria-label": words, onclick: () => chosen(id), onkeydown: pressed },
    draw("circle", { cx: x, cy: y, r: 12, class: "reach" }),
    ...(odd ? [draw("circle", { cx: x, cy: y, r: 10, class: "ring" })] : []),
    draw("circle", { cx: x, cy: y, r: 6, class: "own" }),
  );
}

/** Each class's name where most of its points are, below another name that stands there already. */
function names(points) {
  const taken = [];
  return [...new Set(points.map(({ label }) => label))].map((label) => {
    const mine = points.filter((point) => point.label === label);
    const x = middle(mine.map((point) => point.x));
    let y = middle(mine.map((point) => point.y)) - 7;
    while (taken.some((other) => Math.abs(other.x - x) < NAME_WIDTH && Math.abs(other.y - y) < NAME_HEIGHT)) y += 2;
    taken.push({ x, y });
    const anchor = x < 40 ? "start" : x > WIDTH - 40 ? "end" : "middle";
    const words = label.length > 18 ? `${label.slice(0, 17)}…` : label;
    return draw("text", { x, y, "aria-hidden": "true", "text-anchor": anchor }, words);
  });
}

const middle = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** The points with x and y in the picture. */
function place(points) {
  const x = scale(
    points.map((point) => point.x),
    WIDTH,
  );
  const y = scale(
    points.map((point) => -point.y),
    HEIGHT,
  );
  return points.map((point) => ({ ...point, x: x(point.x), y: y(-point.y) }));
}

function scale(values, size) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const share = (value) => (most > least ? (value - least) / (most - least) : 0.5);
  return (value) => Math.round(10 * (EDGE + share(value) * (size - 2 * EDGE))) / 10;
}
