// One announced sound as a row: when, what, how sure; played, corrected, or its class hidden.

import { change } from "./answer.js";
import { button, find, make, say } from "./dom.js";
import { openNameForm } from "./name_form.js";
import { playButton } from "./player.js";
import { began, percent, seconds } from "./words.js";

/** `place`: where the answers are said. `hides`: offer to hide the class. */
export function eventRow(event, place, { hides = false, source = false } = {}) {
  const row = make(
    "li",
    { class: "event" },
    time(event),
    make("span", { class: "name" }),
    make("span", { class: "facts quiet" }),
    make("span", { class: "row-tools" }),
  );
  row.places = { place, hides, source };
  update(row, event);
  return row;
}

function time(event) {
  if (event.at_unix_s === null)
    return make("span", { class: "number", title: "Time unknown: seconds from the start of the recording" }, began(event));
  return make("time", { class: "number", datetime: new Date(event.at_unix_s * 1000).toISOString() }, began(event));
}

/** The same sound, of which more is known. What a person has open in the row stays. */
export function update(row, event) {
  const { place, hides, source } = row.places;
  const before = row.event;
  row.event = event;
  row.classList.toggle("on", event.state !== "end");
  const length = event.state === "end" ? seconds(event.end_s - event.start_s) : "now";
  const corrected = event.corrected_to && event.corrected_to !== event.label;
  const name = corrected ? `${event.label}, corrected to: ${event.corrected_to}` : event.label;
  say(find(".name", row), name);
  say(find(".facts", row), `${percent(event.score)}, ${length}${source ? `, ${event.source}` : ""}`);
  if (before && ["plays", "label", "corrected_to"].every((key) => before[key] === event[key])) return;
  const named = `${name}, ${began(event)}`;
  const tools = find(".row-tools", row);
  const focused = tools.contains(document.activeElement) && document.activeElement.textContent;
  tools.replaceChildren(
    ...[
      event.plays && playButton(`/api/event/audio?id=${encodeURIComponent(event.id)}`, named, place),
      button("Correct", (press) => openCorrection(row, place, press.currentTarget), {
        "aria-label": `Correct ${named}`,
      }),
      hides &&
        button("Hide", (press) => change(place, press.currentTarget, "/api/hide", { label: row.event.label }), {
          "aria-label": `Hide ${event.label}: do not announce it any more`,
        }),
    ].filter(Boolean),
  );
  if (focused) [...tools.children].find((control) => control.textContent === focused)?.focus();
}

function openCorrection(row, place, control) {
  const correct = async (label, press) => {
    const { id, corrected_to } = row.event;
    const undone = () => tellCorrected(row, corrected_to ?? null);
    if (!(await change(place, press, "/api/correct", { event: id, label }, { undone }))) return false;
    tellCorrected(row, label);
    return true;
  };
  openNameForm(row, "What was it really?", "Correct", correct, control);
}

/** To this row, and to what the live view remembers; the history is asked for anew. */
function tellCorrected(row, corrected_to) {
  update(row, { ...row.event, corrected_to });
  document.dispatchEvent(new CustomEvent("corrected", { detail: { id: row.event.id, corrected_to } }));
}
