// The sounds of the last minute, newest first.

import { ask } from "./api.js";
import { eventRow, update } from "./event_row.js";
import { find } from "./dom.js";
import { nowUnix } from "./known.js";
import { addEvent, recentEvents } from "./memory.js";
import { view } from "./plot.js";

const list = find("#events");
const rows = new Map(); // id -> row
const ASK_AFTER_MS = 1500; // by then a clip has been written

export function startEvents() {
  setInterval(showEvents, 1000);
}

export function showEvents() {
  const here = recentEvents(nowUnix()).filter((event) => event.source === view.source);
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

const differs = (a, b) => ["state", "label", "score", "end_s", "plays", "corrected"].some((key) => a[key] !== b[key]);

/** Whether it was kept as a recording is known a moment after it ended. */
export function eventHeard(event) {
  addEvent(event);
  showEvents();
  if (event.state === "end" && event.plays === undefined) setTimeout(refresh, ASK_AFTER_MS);
}

async function refresh() {
  const { events } = await ask("/api/recent").catch(() => ({ events: [] })); // the next one asks again
  for (const event of events) addEvent(event);
  showEvents();
}
