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
  const [x, y] = [
    scale(
      points.map((p) => p.x),
      WIDTH,
    ),
    scale(
      points.map((p) => -p.y),
      HEIGHT,
    ),
  ];
  const own = points.filter((point) => point.label === label);
  const oddOnes = new Set(examples.filter((example) => example.odd).map(({ id }) => id));
  const others = [...new Set(points.map((point) => point.label))].filter((other) => other !== label);
  const picture = draw("svg", {
    class: "map",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: "group",
    "aria-label": `Map of the examples of ${label} among those of other classes`,
  });
  for (const point of points.filter((each) => each.label !== label)) {
    picture.append(draw("circle", { cx: x(point.x), cy: y(-point.y), r: 3, class: "other", "aria-hidden": "true" }));
  }
  const taken = []; // where names stand already
  for (const other of others)
    picture.append(
      name(
        points.filter((point) => point.label === other),
        other,
        x,
        y,
        taken,
      ),
    );
  for (const point of own) picture.append(dot({ ...point, odd: oddOnes.has(point.id) }, label, x, y, examples, chosen));
  const kept = `Near means alike, as far as a flat picture can show it (${percent(share)} of the differences).`;
  const odd = " A ringed one is odd: unlike the others of its class; hear it, and remove it if it is wrong.";
  const words = `${kept} The large points are ${label}'s.${oddOnes.size ? odd : ""}`;
  return make("div", {}, picture, make("p", { class: "hint" }, words));
}

function dot(point, label, x, y, examples, chosen) {
  const place = { cx: x(point.x), cy: y(-point.y) };
  const circle = draw("circle", { ...place, r: 6, class: "own" });
  if (point.id === null || !examples.some(({ id }) => id === point.id))
    return draw("g", { "aria-hidden": "true" }, circle);
  const group = draw(
    "g",
    {
      class: "point",
      role: "button",
      tabindex: 0,
      "aria-label": `Example ${point.id} of ${label}${point.odd ? ", odd" : ""}: show it in the list`,
      onclick: () => chosen(point.id),
      onkeydown: (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        chosen(point.id);
      },
    },
    draw("circle", { ...place, r: 12, class: "reach" }),
  );
  if (point.odd) group.append(draw("circle", { ...place, r: 10, class: "ring" }));
  group.append(circle);
  return group;
}

/** A class's name where most of its points are. */
function name(points, label, x, y, taken) {
  const middle = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  const at = x(middle(points.map((p) => p.x)));
  let line = y(-middle(points.map((p) => p.y))) - 7;
  while (taken.some(([x, y]) => Math.abs(x - at) < NAME_WIDTH && Math.abs(y - line) < NAME_HEIGHT)) line += 2;
  taken.push([at, line]);
  const text = draw("text", {
    x: at,
    y: line,
    "aria-hidden": "true",
    "text-anchor": at < 40 ? "start" : at > WIDTH - 40 ? "end" : "middle",
  });
  text.textContent = label.length > 18 ? `${label.slice(0, 17)}…` : label;
  return text;
}

function scale(values, size) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const share = (value) => (most > least ? (value - least) / (most - least) : 0.5);
  return (value) => Math.round(10 * (EDGE + share(value) * (size - 2 * EDGE))) / 10;
}
