// What is heard right now: in large words, as a level, and as the scores of the classes that are nearest.

import { find, make, say, set } from "./dom.js";
import { state, thresholdOf, whenState } from "./known.js";
import { sourceNamed, sources } from "./memory.js";
import { view, whenDrawn } from "./plot.js";
import { clearSelection } from "./selection.js";
import { began, percent, spoken } from "./words.js";

const SHOWN = 6;
const QUIET_DBFS = -80;
const picker = find("#source");

export function startLive() {
  picker.addEventListener("change", () => listenTo(picker.value));
  whenState(showSources);
  whenDrawn(() => find("#plot").classList.toggle("has-sound", Boolean(sourceNamed(view.source).strip.frame_s)));
}

export function showWindow(window) {
  if (window.source === view.source) show(window);
}

/** Said to who cannot see: sounds that are announced, not every window. */
export function announce(event) {
  if (event.state === "start") say(find("#announced"), `${spoken(event.label)}, ${began(event)}`);
}

export function showLatest() {
  if (!view.source || !sources.has(view.source)) listenTo(sources.keys().next().value ?? view.source);
  const latest = sourceNamed(view.source).windows.at(-1);
  if (latest) show(latest);
}

function listenTo(name) {
  if (name === undefined || name === view.source) return;
  clearSelection();
  view.source = name;
  picker.value = name;
  showLatest();
}

function showSources({ sources: all }) {
  const names = all.map((source) => source.name);
  if (names.join("\n") !== [...picker.options].map((option) => option.value).join("\n")) {
    picker.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
    if (view.source) picker.value = view.source;
  }
  find("#source-choice").hidden = names.length < 2;
  if (!names.includes(view.source) && names.length) listenTo(names[0]);
  const mine = all.find((source) => source.name === view.source);
  if (mine && !["healthy", "opening"].includes(mine.state) && mine.words) {
    describe(mine.state === "ended" ? "Nothing any more" : "No sound", mine.words, "none");
  }
}

function show(window) {
  const { label, score } = window;
  const best = Object.entries(window.top);
  const background = state()?.model.background;
  if (label === background) describe("Nothing special", `${percent(score)} sure that it is background.`, "none");
  else if (label === "unknown") describe("Something unknown", nearest(best), "unknown");
  else if (score < thresholdOf(label))
    describe(`${spoken(label)}, perhaps`, `${percent(score)} sure: too little to announce it.`, "maybe");
  else describe(spoken(label), `${percent(score)} sure.`, "sure");
  showLevel(window.level_dbfs, window.clipped);
  showScores(window, background);
}

const nearest = ([first]) =>
  first ? `Nearest: ${spoken(first[0])}, ${percent(first[1])} sure. Teach it below.` : "Teach it below.";

function describe(words, more, kind) {
  say(find("#now-label"), words);
  say(find("#now-more"), more);
  find(".now").dataset.kind = kind;
}

function showLevel(dbfs, clipped) {
  const share = Math.min(1, Math.max(0, 1 - dbfs / QUIET_DBFS));
  const meter = find("#level");
  meter.setAttribute("aria-valuenow", Math.max(QUIET_DBFS, Math.round(dbfs)));
  meter.setAttribute("aria-valuetext", `${Math.round(dbfs)} dBFS`);
  find(".level-bar", meter).style.transform = `scaleX(${share.toFixed(3)})`;
  meter.classList.toggle("clipped", clipped > 0.001);
  say(find("#level-number"), clipped > 0.001 ? `${Math.round(dbfs)} dBFS, too loud` : `${Math.round(dbfs)} dBFS`);
}

const bars = new Map(); // label -> {row, score, seen_s: when it was last among the best}

/** A class stays a while after it was heard, at its present score, so that the list is calm. */
function showScores({ top, end_s }, background) {
  for (const label of Object.keys(top)) {
    if (!bars.has(label)) bars.set(label, { row: scoreRow(label) });
    bars.get(label).seen_s = end_s;
  }
  const order = [...bars].sort(
    ([a, { seen_s: seenA }], [b, { seen_s: seenB }]) => (top[b] ?? 0) - (top[a] ?? 0) || seenB - seenA,
  );
  for (const [label] of order.slice(SHOWN)) bars.delete(label);
  find("#scores").replaceChildren(
    ...order.slice(0, SHOWN).map(([label, { row }]) => {
      const score = top[label] ?? 0;
      const announced = label === background ? 2 : thresholdOf(label); // never
      set(row, { vars: { "--score": score.toFixed(3), "--threshold": announced } });
      row.classList.toggle("announced", score >= announced);
      say(row.lastChild, percent(score));
      return row;
    }),
  );
}

function scoreRow(label) {
  return make(
    "li",
    {},
    make("span", { class: "name" }, spoken(label)),
    make("span", { class: "bar", "aria-hidden": "true" }, make("span", { class: "fill" })),
    make("span", { class: "number" }),
  );
}
