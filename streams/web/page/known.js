// What the listener says of itself (/api/state), and the names that are offered where one is typed.

import { find, make } from "./dom.js";

const told = [];
let latest = null;
let skew_s = 0; // of the listener's clock to this device's

let begun = () => {};
const first = new Promise((resolve) => (begun = resolve));

export const state = () => latest;
/** Once it is known for the first time; a view that is opened at once has to wait for it. */
export const known = async () => {
  await first;
  return latest;
};
export const whenState = (tell) => told.push(tell);

export function setState(now) {
  latest = now;
  skew_s = now.now_unix_s - Date.now() / 1000;
  const names = now.labels.filter((label) => label !== now.model.background);
  if (names.join("\n") !== [...find("#labels").children].map((option) => option.value).join("\n")) {
    find("#labels").replaceChildren(...names.map((label) => make("option", { value: label })));
  }
  for (const tell of told) tell(now);
  begun();
}

/** By the listener's clock. */
export const nowUnix = () => Date.now() / 1000 + skew_s;

/** The score from which a sound of this class is announced. */
export const thresholdOf = (label) => latest?.thresholds[label] ?? latest?.household[label] ?? latest?.threshold ?? 0;

/** Names a person taught here, newest last as the listener has them, before those that came with the model. */
export function taughtLabels() {
  if (!latest) return [];
  const own = new Set(latest.model.labels);
  return latest.labels.filter((label) => !own.has(label));
}
