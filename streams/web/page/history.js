// What was announced, as far back as it is kept, newest first.

import { ask } from "./api.js";
import { failed } from "./answer.js";
import { button, field, find, make, say } from "./dom.js";
import { eventRow } from "./event_row.js";
import { known, whenState } from "./known.js";
import { addView } from "./tabs.js";
import { count, day, fromField, percent } from "./words.js";

const PAGE = 50;
const section = find("#view-history");
const inputs = {
  since: make("input", { id: "since", type: "datetime-local" }),
  until: make("input", { id: "until", type: "datetime-local" }),
  label: make("input", { id: "history-label", list: "labels", type: "search", autocomplete: "off" }),
  source: make("select", { id: "history-source" }, make("option", { value: "" }, "all")),
  min_score: make("input", { id: "least", type: "range", min: 0, max: 1, step: 0.05, value: 0 }),
};
const least = make("output", { for: "least" }, "any");
const found = make("p", { class: "quiet", role: "status" });
const answer = make("div");
const list = make("div", { class: "days" });
const more = button("Earlier ones", () => load(true), { hidden: true });

let oldest = null; // the last event shown
let cursor = null; // where the next page begins
let asked = 0;

export function startHistory() {
  section.append(
    make("h1", {}, "History"),
    make(
      "form",
      { class: "filters", onsubmit: (event) => event.preventDefault() },
      field("From", inputs.since),
      field("Until", inputs.until),
      field("Class", inputs.label),
      field("Microphone", inputs.source),
      make("p", { class: "field" }, make("label", { for: "least" }, "Score at least ", least), inputs.min_score),
      button("Clear filters", clear),
    ),
    found,
    answer,
    list,
    more,
  );
  for (const input of Object.values(inputs)) input.addEventListener("change", () => load());
  inputs.min_score.addEventListener("input", sayLeast);
  whenState(({ sources }) => {
    const names = sources.map(({ name }) => name);
    const here = [...inputs.source.options].map((option) => option.value);
    for (const name of names.filter((each) => !here.includes(each)))
      inputs.source.append(make("option", { value: name }, name));
  });
  addView("history", { opened: () => load() });
}

function sayLeast() {
  const value = Number(inputs.min_score.value);
  say(least, value ? percent(value) : "any");
}

function clear() {
  for (const input of Object.values(inputs)) input.value = input.type === "range" ? 0 : "";
  sayLeast();
  load();
}

function query() {
  const time = (input) => (input.value ? fromField(input.value) : "");
  return {
    since: time(inputs.since),
    until: time(inputs.until),
    label: inputs.label.value.trim(),
    source: inputs.source.value,
    min_score: Number(inputs.min_score.value) || "",
    limit: PAGE,
  };
}

async function load(further = false) {
  const mine = (asked += 1);
  if (!(await known()).keeps.history) {
    say(found, "No history is kept. Set outputs.history.keep, and start the listener again.");
    return;
  }
  try {
    const {
      events,
      more: left,
      before,
    } = await ask("/api/history", { query: { ...query(), before: further ? cursor : "" } });
    if (mine !== asked) return;
    cursor = before;
    if (!further) {
      list.replaceChildren();
      answer.replaceChildren();
      oldest = null;
    }
    for (const event of events) add(event);
    more.hidden = !left;
    const shown = list.querySelectorAll(".event").length;
    say(
      found,
      shown
        ? `${count(shown, "sound")}${left ? ", and there are earlier ones" : ""}`
        : "Nothing that was announced fits.",
    );
  } catch (error) {
    failed(answer, error);
  }
}

const dayOf = ({ at_unix_s, heard_unix_s }) =>
  at_unix_s === null ? `Time unknown, heard: ${day(heard_unix_s)}` : day(at_unix_s);

function add(event) {
  const heading = dayOf(event);
  if (!oldest || dayOf(oldest) !== heading) {
    list.append(make("h2", {}, heading), make("ol", { class: "events" }));
  }
  list.lastChild.append(eventRow(event, answer, { source: inputs.source.options.length > 2 }));
  oldest = event;
}
