// One announced sound as a row: when, what, how sure; played, corrected, or its class hidden.

import { change } from "./answer.js";
import { button, find, make, say } from "./dom.js";
import { openNameForm } from "./name_form.js";
import { playButton } from "./player.js";
import { clock, percent, seconds, spoken } from "./words.js";

/** `place`: where the answers are said. `hides`: offer to hide the class. */
export function eventRow(event, place, { hides = false, source = false } = {}) {
  const row = make(
    "li",
    { class: "event" },
    make("time", { class: "number", datetime: new Date(event.at_unix_s * 1000).toISOString() }, clock(event.at_unix_s)),
    make("span", { class: "name" }),
    make("span", { class: "facts quiet" }),
    make("span", { class: "row-tools" }),
  );
  row.places = { place, hides, source };
  update(row, event);
  return row;
}

/** The same sound, of which more is known. What a person has open in the row stays. */
export function update(row, event) {
  const { place, hides, source } = row.places;
  const before = row.event;
  row.event = event;
  row.classList.toggle("on", event.state !== "end");
  const length = event.state === "end" ? seconds(event.end_s - event.start_s) : "now";
  say(find(".name", row), event.corrected ?? event.label);
  const was = event.corrected && event.corrected !== event.label ? `, called ${spoken(event.label)} at first` : "";
  say(find(".facts", row), `${percent(event.score)}, ${length}${was}${source ? `, ${event.source}` : ""}`);
  if (before && ["plays", "label", "corrected"].every((key) => before[key] === event[key])) return;
  const named = `${event.corrected ?? event.label}, ${clock(event.at_unix_s)}`;
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
    const { id } = row.event;
    if (!(await change(place, press, "/api/correct", { event: id, label }))) return false;
    update(row, { ...row.event, corrected: label });
    document.dispatchEvent(new CustomEvent("corrected", { detail: { id, corrected: label } }));
    return true;
  };
  openNameForm(row, "What was it really?", "Correct", correct, control);
}
