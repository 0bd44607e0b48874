// Whose sound is shown: what a person picked, else one that lives. What has ended is shown only where a person picks
// it, is about to teach it, or nothing else lives; it is remembered for a minute.

import { find, make } from "./dom.js";
import { state, whenState } from "./known.js";
import { pause, strip, view } from "./plot.js";
import { clearSelection, selection } from "./selection.js";

const picker = find("#source");
const told = [];
let picked = null; // {name, over: it had ended when it was picked}

/** Called when another source is shown. */
export const whenSource = (tell) => told.push(tell);

/** The source that a person picked and that is shown; empty: none was. */
export const pickedSource = () => (picked?.name === view.source ? picked.name : "");

export function startSourceChoice() {
  picker.addEventListener("change", () => {
    picked = { name: picker.value, over: over(state()).includes(picker.value) };
    showSource(picked.name);
  });
  whenState((now) => {
    offer(now);
    settleSource();
  });
}

export function showSource(name) {
  if (name === view.source) return;
  view.source = name;
  clearSelection();
  pause(false);
  view.end_s = strip().end_s;
  picker.value = name;
  for (const tell of told) tell();
}

/** After what lives, or what is selected, has changed. */
export function settleSource() {
  if (state()) showSource(wanted(state()));
}

const living = ({ sources }) => sources.map((source) => source.name);
const over = ({ ended }) => ended.map((source) => source.name);

function wanted(now) {
  const [lives, ended] = [living(now), over(now)];
  const here = [...lives, ...ended].includes(view.source);
  if (here && selection()?.source === view.source) return view.source;
  if (picked && (picked.over ? [...lives, ...ended] : lives).includes(picked.name)) return picked.name;
  if (lives.includes(view.source) || (here && !lives.length)) return view.source;
  return lives[0] ?? ended.at(-1) ?? view.source;
}

function offer(now) {
  const ended = over(now);
  const names = [...living(now), ...ended];
  const words = names.map((name) => (ended.includes(name) ? `${name} (ended)` : name));
  if (words.join("\n") !== [...picker.options].map((option) => option.textContent).join("\n")) {
    picker.replaceChildren(...names.map((name, i) => make("option", { value: name }, words[i])));
    picker.value = view.source;
  }
  find("#source-choice").hidden = names.length < 2;
}
