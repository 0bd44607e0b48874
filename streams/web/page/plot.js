// The scrolling picture: the spectrogram, the announced sounds above it, the time below, and what is in view.

import { themed, whenColoursChange } from "./colours.js";
import { find, make, say } from "./dom.js";
import { KEPT_S, recentEvents, sourceNamed, sources } from "./memory.js";
import { clock, spoken, streamTime } from "./words.js";

const canvas = find("#spectrogram");
const marks = find("#marks");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const AXIS = 22; // pixels for the times below the picture

export const view = {
  source: "", // whose sound
  paused: false,
  end_s: 0, // the time at the right edge, in the stream's seconds
  span_s: 10,
};

let width = 0;
let height = 0;
let last_ms = 0;
let drawn = "";
const after = [];

/** `place()` is called whenever the picture has moved. */
export const whenDrawn = (place) => after.push(place);
export const strip = () => sourceNamed(view.source).strip;
/** When that second of the stream was heard. */
export const heardTime = (s) => sourceNamed(view.source).offset_s + s;
/** When its sound was made, in words: by the clock, or where a recording does not tell, from its start on. */
export function timeWords(s) {
  const { made_s } = sourceNamed(view.source);
  return made_s === null ? streamTime(s) : clock((made_s ?? sourceNamed(view.source).offset_s) + s);
}
export const toPixel = (s) => ((s - view.end_s + view.span_s) / view.span_s) * width;
export const toSeconds = (x) => view.end_s - view.span_s + (x / width) * view.span_s;
/** A time that there is sound of. */
export const within = (s) => Math.min(strip().end_s, Math.max(strip().start_s, s));

export function startPlot() {
  new ResizeObserver(fit).observe(canvas);
  whenColoursChange(() => {
    for (const { strip: each } of sources.values()) each.repaint();
    drawn = "";
  });
  find("#pause").addEventListener("click", () => pause(!view.paused));
  find("#earlier").addEventListener("click", () => move(-view.span_s / 2));
  find("#later").addEventListener("click", () => move(view.span_s / 2));
  requestAnimationFrame(frame);
}

export function pause(paused) {
  if (view.paused === paused) return;
  view.paused = paused;
  const control = find("#pause");
  control.setAttribute("aria-pressed", String(paused));
  say(control, paused ? "Resume" : "Pause");
  if (!paused) view.end_s = strip().end_s;
}

export function move(by_s) {
  pause(true);
  lookAt(view.end_s + by_s);
}

/** Put a time at the right edge, as far as there is sound. */
export function lookAt(end_s) {
  const { start_s, end_s: newest } = strip();
  view.end_s = Math.min(newest, Math.max(Math.min(newest, start_s + view.span_s), end_s));
}

function fit() {
  const ratio = devicePixelRatio || 1;
  ({ clientWidth: width, clientHeight: height } = canvas);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  view.span_s = Math.min(24, Math.max(8, width / 45));
  drawn = "";
}

function frame(now_ms) {
  requestAnimationFrame(frame); // which a browser does not call for a page out of sight
  const { end_s } = strip();
  if (!view.paused) follow(end_s, Math.min(0.25, (now_ms - last_ms) / 1000));
  last_ms = now_ms;
  const shows = [view.source, view.end_s.toFixed(3), width, height, Math.floor(end_s)].join();
  if (shows === drawn || !width) return;
  drawn = shows;
  paint();
  placeMarks();
  find("#later").disabled = !view.paused || view.end_s >= end_s - 0.01;
  for (const place of after) place();
}

/** Glide after the newest sound, which comes in pieces; where a person wants no motion, step with it. */
function follow(end_s, passed_s) {
  const behind = end_s - view.end_s;
  const jump = still.matches || behind > 3 || behind < -0.5;
  view.end_s = jump ? end_s : view.end_s + Math.min(behind, passed_s * (0.7 + behind * 0.5));
}

function paint() {
  const context = canvas.getContext("2d");
  const ratio = canvas.width / width;
  const from_s = view.end_s - view.span_s;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.imageSmoothingEnabled = true;
  context.fillStyle = themed("--spectrum").split(",")[0];
  context.fillRect(0, 0, width, height - AXIS);
  strip().draw(context, width, height - AXIS, from_s, view.end_s);
  context.fillStyle = themed("--gap");
  for (const [start_s, end_s] of strip().gaps) {
    context.fillRect(toPixel(start_s), 0, Math.max(2, toPixel(end_s) - toPixel(start_s)), height - AXIS);
  }
  context.fillStyle = themed("--quiet");
  context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  context.textAlign = "center";
  const every = width / view.span_s < 60 ? 5 : 2;
  const { made_s, offset_s } = sourceNamed(view.source);
  const zero = made_s === null ? 0 : (made_s ?? offset_s); // so that the marks are at whole seconds of what is written
  for (let time = Math.ceil((zero + from_s) / every) * every; time <= zero + view.end_s; time += every) {
    const x = toPixel(time - zero);
    context.fillRect(x, height - AXIS, 1, 4);
    if (x > 30 && x < width - 30) context.fillText(timeWords(time - zero), x, height - 5);
  }
}

const shown = new Map(); // event id -> its mark

function placeMarks() {
  const here = recentEvents(heardTime(strip().end_s)).filter((event) => event.source === view.source);
  const kept = new Set(here.map((event) => event.id));
  for (const [id, mark] of shown) {
    if (!kept.has(id)) {
      mark.remove();
      shown.delete(id);
    }
  }
  for (const event of here) {
    if (!shown.has(event.id)) {
      const mark = make("span", { class: "mark" }, make("span"));
      shown.set(event.id, mark);
      marks.append(mark);
    }
    const mark = shown.get(event.id);
    const end_s = event.state === "end" ? event.end_s : Math.max(event.end_s, strip().end_s);
    const from = Math.max(-KEPT_S * 100, toPixel(event.start_s));
    say(mark.firstChild, spoken(event.corrected_to ?? event.label));
    mark.classList.toggle("on", event.state !== "end");
    mark.style.transform = `translateX(${from.toFixed(1)}px)`;
    mark.style.width = `${Math.max(3, toPixel(end_s) - from - 2).toFixed(1)}px`;
    mark.firstChild.style.paddingLeft = `${Math.max(0, -from).toFixed(1)}px`; // a name stays in view as its mark leaves
  }
}
