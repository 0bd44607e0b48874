// What it knows: every class with how well it is known, those taught here first.

import { ask } from "./api.js";
import { failed } from "./answer.js";
import { closeClass, openClass } from "./class_page.js";
import { button, field, find, make, say } from "./dom.js";
import { state } from "./known.js";
import { oneIn } from "./effect.js";
import { addView, address, isShown } from "./tabs.js";
import { count, percent } from "./words.js";

const section = find("#view-classes");
const filter = make("input", { id: "class-filter", type: "search", autocomplete: "off" });
const body = make("ul", { class: "class-list" });
const number = make("p", { class: "quiet", role: "status" });
const place = make("div");
const all = make(
  "div",
  {},
  make("h1", {}, "Classes"),
  make(
    "p",
    { class: "lead" },
    "What it knows by name. How well is measured: each example that was taught here is left out in turn.",
  ),
  make("div", { class: "filters" }, field("Find a class", filter)),
  number,
  place,
  body,
);
const one = make("div");
let listed = [];

export function startClasses() {
  section.append(all, one);
  filter.addEventListener("input", show);
  document.addEventListener("changed", () => isShown("classes") && !all.hidden && load());
  addView("classes", { opened: open, closed: closeClass });
}

function open(label) {
  all.hidden = Boolean(label);
  one.hidden = !label;
  closeClass();
  if (label) openClass(one, label);
  else load();
}

async function load() {
  try {
    ({ labels: listed } = await ask("/api/labels"));
    place.replaceChildren();
    show();
  } catch (error) {
    failed(place, error);
    place.firstChild.append(button("Try again", load));
  }
}

function show() {
  const part = filter.value.trim().toLowerCase();
  const found = listed.filter(({ label }) => label.toLowerCase().includes(part));
  found.sort((a, b) => (b.taught > 0) - (a.taught > 0)); // stable: else as the classifier has them
  body.replaceChildren(...found.map(row));
  say(
    number,
    part ? `${found.length} of ${count(listed.length, "class", "classes")}` : count(listed.length, "class", "classes"),
  );
}

function row(known) {
  const { label, hidden, background, checked, right, threshold } = known;
  const notes = [
    hidden && "hidden",
    background && "never announced",
    label in (state()?.thresholds ?? {}) && `announced from ${percent(threshold)}`,
  ];
  return make(
    "li",
    { class: "class-row" },
    make(
      "p",
      { class: "class-name" },
      make("a", { href: address("classes", label) }, label),
      notes.filter(Boolean).map((note) => make("span", { class: "tag" }, note)),
    ),
    make("p", { class: "class-has quiet" }, examples(known)),
    make(
      "p",
      { class: "class-score" },
      checked
        ? [
            make(
              "span",
              { class: "bar", "aria-hidden": "true", vars: { "--score": right / checked } },
              make("span", { class: "fill" }),
            ),
            make("span", {}, `${right} of ${checked} called right`),
          ]
        : make("span", { class: "quiet" }, "not measured"),
    ),
    make("p", { class: "class-advice quiet" }, [advice(known), others(known)].filter(Boolean).join(" ")),
  );
}

/** What else would be announced as it, short. */
export function others({ confusion }) {
  if (!confusion?.taken.length) return "";
  const names = confusion.taken.slice(0, 3).map(([name]) => name);
  return `Would also announce ${oneIn(confusion.share)} other sounds: ${names.join(", ")}.`;
}

export function examples({ built_in, taught }) {
  return (
    [taught && `${taught} taught here`, built_in && `${Math.round(built_in)} came with the model`]
      .filter(Boolean)
      .join(", ") || "no examples"
  );
}

export function advice({ confused_with, more, more_from, taught, checked }) {
  const wrong = confused_with.map(([other, times]) => `${other} (${times})`).join(", ");
  const words = [wrong && `Taken for ${wrong}.`];
  if (more > 0) words.push(`${count(more, "more example")} would help: ${more_from}.`);
  else if (more === null && taught) words.push(`${more_from.charAt(0).toUpperCase()}${more_from.slice(1)}.`);
  else if (checked && !wrong) words.push("Enough examples.");
  return words.filter(Boolean).join(" ");
}
