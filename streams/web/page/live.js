// What is heard right now: in large words, as a level, and as the scores of the classes that are nearest.

import { find, make, say, set } from "./dom.js";
import { state, thresholdOf, whenState } from "./known.js";
import { events, sourceNamed } from "./memory.js";
import { view, whenDrawn } from "./plot.js";
import { whenSource } from "./source_choice.js";
import { began, percent, spoken, spokenName } from "./words.js";

const SHOWN = 6;
const QUIET_DBFS = -80;
const HEARD = ["healthy", "opening", "hearing"];
let connected = true;

export function startLive() {
  whenState(showNow);
  whenSource(showNow);
  whenDrawn(() => find("#plot").classList.toggle("has-sound", Boolean(sourceNamed(view.source).strip.frame_s)));
}

/** Said to who cannot see: sounds that are announced, not every window. */
export function announce(event) {
  if (event.state === "start") say(find("#announced"), `${spoken(event.label)}, ${began(event)}`);
}

/** Whether the listener is followed: else nothing is known of now. */
export function showConnection(kind) {
  connected = kind !== "lost";
  showNow();
}

/** What is so of the source that is shown. */
export function showNow() {
  const latest = sourceNamed(view.source).windows.at(-1);
  const { over, state: how = "hearing", words = "" } = told(view.source);
  if (!connected) quiet("No connection", "What is heard now is not known.");
  else if (over) quiet("Ended", `${closed(words)} What it heard in the last minute can still be taught.`);
  else if (!HEARD.includes(how) && words) quiet("No sound", closed(words));
  else if (latest) show(latest);
}

/** What the listener says of a source. */
function told(name) {
  const named = (one) => one.name === name;
  const ended = state()?.ended.find(named);
  return state()?.sources.find(named) ?? (ended ? { ...ended, over: true } : {});
}

/** A source's words may begin with its name, so they stay as they are. */
const closed = (words) => (/[.!?]$/.test(words) ? words : `${words}.`);

function quiet(words, more) {
  say(find("#now-name"), "Not hearing");
  describe(words, more, "none");
  showLevel(null, 0);
}

function show(window) {
  const { label, score } = window;
  const best = Object.entries(window.top);
  const [like] = Object.entries(window.sounds_like);
  const background = state()?.model.background;
  const going = [...events.values()].findLast((event) => event.source === window.source && event.state !== "end");
  say(find("#now-name"), "Hearing now");
  if (label !== background && label !== "unknown" && score >= thresholdOf(label))
    describe(spoken(label), `${percent(score)} sure.`, "sure");
  else if (going)
    describe(spoken(going.corrected_to ?? going.label), `It goes on; ${percent(going.score)} sure at its best.`, "sure");
  else if (label === background) describe("Nothing special", `${percent(score)} sure that it is background.`, "none");
  else if (label === "unknown" && like) describe(`Sounds like: ${spokenName(like[0])}`, named(like[1], best), "unknown");
  else if (label === "unknown") describe("Something unknown", nearest(best), "unknown");
  else describe(`${spoken(label)}, perhaps`, `${percent(score)} sure: too little to announce it.`, "maybe");
  showLevel(window.level_dbfs, window.clipped);
  showScores(window, background);
}

const nearest = ([first]) =>
  first ? `Nearest: ${spoken(first[0])}, ${percent(first[1])} sure. Teach it below.` : "Teach it below.";

/** What is like no class may have a name that nobody taught. */
const named = (score, best) => `${percent(score)} sure; it is like no class. ${nearest(best)}`;

function describe(words, more, kind) {
  say(find("#now-label"), words);
  say(find("#now-more"), more);
  find(".now").dataset.kind = kind;
}

/** `dbfs` null: there is no sound. */
function showLevel(dbfs, clipped) {
  const shown = dbfs === null ? QUIET_DBFS : Math.max(QUIET_DBFS, Math.round(dbfs));
  const words = dbfs === null ? "no sound" : `${Math.round(dbfs)} dBFS`;
  const meter = find("#level");
  meter.setAttribute("aria-valuenow", shown);
  meter.setAttribute("aria-valuetext", words);
  const share = dbfs === null ? 0 : Math.min(1, Math.max(0, 1 - dbfs / QUIET_DBFS));
  find(".level-bar", meter).style.transform = `scaleX(${share.toFixed(3)})`;
  meter.classList.toggle("clipped", clipped > 0.001);
  say(find("#level-number"), clipped > 0.001 ? `${words}, too loud` : words);
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
