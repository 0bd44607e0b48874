// The sounds of the last minute, newest first.

import { eventRow, update } from "./event_row.js";
import { find } from "./dom.js";
import { nowUnix, state } from "./known.js";
import { addEvent, recentEvents } from "./memory.js";
import { view } from "./plot.js";

const list = find("#events");
const rows = new Map(); // id -> row

export function startEvents() {
  setInterval(showEvents, 1000);
}

export function showEvents() {
  const clips = state()?.keeps.clips ?? false;
  const here = recentEvents(nowUnix())
    .filter((event) => event.source === view.source)
    .map((event) => ({ ...event, plays: clips && event.state === "end" }));
  const kept = new Set(here.map((event) => event.id));
  for (const [id, row] of rows) {
    if (!kept.has(id) && !row.contains(document.activeElement) && !find("form", row)) {
      row.remove();
      rows.delete(id);
    }
  }
  for (const event of here) {
    const row = rows.get(event.id);
    if (!row) {
      const added = eventRow(event, find("#events-answer"), { hides: true });
      rows.set(event.id, added);
      list.prepend(added);
    } else if (differs(row.event, event)) {
      update(row, event);
    }
  }
  find("#no-events").hidden = rows.size > 0;
}

const differs = (a, b) => ["state", "label", "score", "end_s", "plays", "corrected_to"].some((key) => a[key] !== b[key]);

export function eventHeard(event) {
  addEvent(event);
  showEvents();
}
