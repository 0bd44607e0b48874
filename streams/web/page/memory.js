// The last minute as the page remembers it, for each source: its picture, its windows, and the sounds announced.

import { Strip } from "./strip.js";

export const KEPT_S = 60;

/** name -> {strip, windows, offset_s: when the stream's second 0 was heard, made_s: when it was made; null: not known} */
export const sources = new Map();
export const events = new Map(); // id -> event, in the order they began

export function sourceNamed(name) {
  if (!sources.has(name)) sources.set(name, { strip: new Strip(KEPT_S), windows: [], offset_s: 0, made_s: undefined });
  return sources.get(name);
}

export function begin({ windows = [], events: announced = [], mel = [] }) {
  sources.clear();
  events.clear();
  for (const piece of mel) addMel(piece);
  for (const window of windows) addWindow(window);
  for (const event of announced) addEvent(event);
}

export function addMel(mel) {
  const source = sourceNamed(mel.source);
  source.strip.push(mel);
  source.offset_s = source.strip.at_unix_s - source.strip.end_s;
}

export function addWindow(window) {
  const source = sourceNamed(window.source);
  const { windows } = source;
  const last = windows.at(-1);
  if (last && window.heard_unix_s <= last.heard_unix_s) return; // seen already
  source.made_s = window.at_unix_s === null ? null : window.at_unix_s - window.end_s;
  if (last && window.end_s <= last.end_s) windows.length = 0; // the stream began again
  windows.push(window);
  while (windows[0].end_s < window.end_s - KEPT_S) windows.shift();
}

export function addEvent(event) {
  const known = events.get(event.id);
  if (known?.state === "end" && event.state !== "end") return;
  events.set(event.id, { ...known, ...event });
}

document.addEventListener("corrected", ({ detail: { id, corrected_to } }) => {
  if (events.has(id)) events.get(id).corrected_to = corrected_to;
});

/** Those that were still going on within the last minute; the older ones are dropped. */
export function recentEvents(now_unix_s) {
  for (const [id, event] of events) {
    if (event.state === "end" && event.heard_unix_s + (event.end_s - event.start_s) < now_unix_s - KEPT_S)
      events.delete(id);
  }
  return [...events.values()];
}
