// A stretch of sound, chosen by dragging over the picture, by a tap, by “That!”, or by arrow keys on its two ends.

import { find, say } from "./dom.js";
import { lookAt, pause, strip, toPixel, toSeconds, view, whenDrawn, within } from "./plot.js";
import { seconds } from "./words.js";

const LEAST_S = 0.3;
const TAP_S = 2;
const box = find("#selection");
const ends = { start_s: find("#selection-start"), end_s: find("#selection-end") };

let chosen = null; // {source, start_s, end_s}; of a sound that the listener found also what it was called
let tell = () => {};
let drawn = () => {};

export const selection = () => chosen;

/** `changed(selection | null)` whenever it is another; `dragged()` once one was made with a mouse or a finger. */
export function startSelection({ changed, dragged }) {
  [tell, drawn] = [changed, dragged];
  const picture = find("#spectrogram");
  picture.addEventListener("pointerdown", begin);
  for (const [edge, handle] of Object.entries(ends)) {
    handle.addEventListener("pointerdown", (event) => dragEdge(event, edge));
    handle.addEventListener("keydown", (event) => keyEdge(event, edge));
  }
  find("#plot").addEventListener("keydown", (event) => event.key === "Escape" && clearSelection());
  whenDrawn(place);
}

export function clearSelection() {
  if (!chosen) return;
  const focused = box.contains(document.activeElement);
  chosen = null;
  box.hidden = true;
  pause(false);
  if (focused) find("#pause").focus();
  tell(null);
}

export function select(start_s, end_s) {
  pause(true);
  const from = within(Math.min(start_s, end_s));
  const to = within(Math.max(start_s, end_s, from + LEAST_S));
  chosen = { source: view.source, start_s: Math.min(from, to - LEAST_S), end_s: to };
  show();
}

/** A sound of the source that is shown, exactly as the listener has it: the picture may come a moment later. */
export function selectSound(sound) {
  pause(true);
  chosen = sound;
  show();
}

function show() {
  const { start_s, end_s } = chosen;
  if (end_s > view.end_s + 0.01 || start_s < view.end_s - view.span_s) lookAt(end_s + view.span_s * 0.1);
  place();
  tell(chosen);
}

function begin(event) {
  if (event.button !== 0 || !strip().frame_s) return;
  const left = event.target.getBoundingClientRect().left;
  const from_x = event.clientX - left;
  const anchor_s = toSeconds(from_x);
  let moved = false;
  pause(true); // so that what a finger is on does not run away
  follow(
    event,
    (x) => {
      moved ||= Math.abs(x - left - from_x) > 5;
      if (moved) select(anchor_s, toSeconds(x - left));
    },
    () => {
      if (!moved && chosen) return clearSelection();
      if (!moved) select(anchor_s - TAP_S / 2, anchor_s + TAP_S / 2);
      return drawn();
    },
  );
}

function dragEdge(event, edge) {
  const { left } = find("#spectrogram").getBoundingClientRect();
  follow(event, (x) => moveEdge(edge, toSeconds(x - left)));
}

function follow(event, moved, done = () => {}) {
  const { target, pointerId } = event;
  const move = (now) => now.pointerId === pointerId && moved(now.clientX);
  const end = (now) => {
    if (now.pointerId !== pointerId) return;
    target.removeEventListener("pointermove", move);
    target.removeEventListener("pointerup", end);
    target.removeEventListener("pointercancel", end);
    if (now.type === "pointerup") done();
    else if (!chosen) pause(false); // the finger scrolls the page
  };
  target.setPointerCapture(pointerId);
  target.addEventListener("pointermove", move);
  target.addEventListener("pointerup", end);
  target.addEventListener("pointercancel", end);
}

function keyEdge(event, edge) {
  const step = event.shiftKey ? 1 : 0.1;
  const by = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step, PageDown: -1, PageUp: 1 }[
    event.key
  ];
  const to = { Home: strip().start_s, End: strip().end_s }[event.key];
  if (by === undefined && to === undefined) return;
  event.preventDefault();
  moveEdge(edge, to ?? chosen[edge] + by);
}

function moveEdge(edge, s) {
  const { start_s, end_s } = chosen;
  if (edge === "start_s") select(Math.min(s, end_s - LEAST_S), end_s);
  else select(start_s, Math.max(s, start_s + LEAST_S));
}

function place() {
  if (chosen && chosen.end_s < strip().start_s) clearSelection(); // too long ago to be taught
  box.hidden = !chosen || chosen.source !== view.source || !strip().frame_s;
  if (box.hidden) return;
  const [from, to] = [toPixel(chosen.start_s), toPixel(chosen.end_s)];
  box.style.transform = `translateX(${from.toFixed(1)}px)`;
  box.style.width = `${Math.max(2, to - from).toFixed(1)}px`;
  say(find(".length", box), seconds(chosen.end_s - chosen.start_s));
  for (const [edge, handle] of Object.entries(ends)) {
    const ago = strip().end_s - chosen[edge];
    handle.setAttribute("aria-valuemin", strip().start_s.toFixed(1));
    handle.setAttribute("aria-valuemax", strip().end_s.toFixed(1));
    handle.setAttribute("aria-valuenow", chosen[edge].toFixed(1));
    handle.setAttribute("aria-valuetext", `${seconds(Math.max(0, ago))} before the newest sound`);
  }
}
