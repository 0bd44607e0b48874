// Teaching: what is selected, or the last sound, or a recording, gets a name. A name that was typed stays until it
// has been learned.

import { ask, Failed } from "./api.js";
import { attempt, attemptChange, failed } from "./answer.js";
import { button, find, say } from "./dom.js";
import { state, taughtLabels, whenState } from "./known.js";
import { pause, timeWords } from "./plot.js";
import { clearSelection, selection, selectSound, startSelection } from "./selection.js";
import { pickedSource, settleSource, showSource } from "./source_choice.js";
import { seconds, spoken } from "./words.js";

const CHIPS = 8;
const LARGEST_BYTES = 25e6;
const form = find("#teach");
const label = find("#label");
const answer = find("#teach-answer");

export function startTeach() {
  startSelection({ changed, dragged: () => label.focus() });
  whenState(offerNames);
  find("#that").addEventListener("click", (event) => showLastSound(event.currentTarget));
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    clearSelection();
    pause(false);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    teach();
  });
  find("#background").addEventListener("click", (event) => learn(event.currentTarget, { background: true }));
  find("#teach-file").addEventListener("click", (event) => teachFile(event.currentTarget));
  sayWhat(null);
}

/** Select the last sound, whole, of the source that a person picked, else of whichever heard it loudest. */
async function showLastSound(control) {
  const found = await attempt(answer, control, () => lastSound(), { quiet: true });
  if (!found) return;
  const { sound } = found;
  showSource(sound.source);
  selectSound(sound);
  label.focus();
}

async function lastSound() {
  const found = await ask("/api/last-sound", { query: { source: pickedSource() } });
  if (found.sound) return found;
  throw new Failed(found.words, "Drag across what you mean, or teach from a recording.");
}

async function teach() {
  const name = named();
  if (name && (await learn(find(".primary", form), { label: name }))) label.value = "";
}

function named() {
  const name = label.value.trim();
  if (!name) {
    failed(answer, new Failed("The sound has no name yet.", "Type one, or choose one below."));
    label.focus();
  }
  return name;
}

async function learn(control, what) {
  const chosen = selection();
  const learned = await attemptChange(answer, control, () =>
    ask("/api/learn", { body: { ...what, ...stretch(chosen) } }),
  );
  if (learned && selection() === chosen) clearSelection();
  return learned;
}

/** What is selected; else the listener takes the last sound, and says which that was. */
function stretch(chosen) {
  if (!chosen) return pickedSource() ? { source: pickedSource() } : {};
  const { source, start_s, end_s } = chosen;
  return { source, start_s, end_s };
}

async function teachFile(control) {
  const [file] = find("#file").files;
  if (!file) return failed(answer, new Failed("No file is chosen.", "Choose a recording of the sound first."));
  if (file.size > LARGEST_BYTES) {
    return failed(answer, new Failed("The file is too large: at most 25 MB.", "Cut the sound out of it."));
  }
  const name = named();
  if (!name) return undefined;
  const learned = await attemptChange(answer, control, () =>
    ask("/api/learn/file", { query: { label: name }, body: file }),
  );
  if (learned) {
    label.value = "";
    find("#file").value = "";
  }
  return learned;
}

function changed(chosen) {
  sayWhat(chosen);
  if (!chosen) settleSource();
}

function sayWhat(chosen) {
  say(
    find("#plot-words"),
    chosen ? "Move its ends, also with the arrow keys; Escape gives up." : "Drag across a sound to select it.",
  );
  if (!chosen) {
    say(find("#teach-what"), "Teaches the last sound, whole, unless you select one above.");
    return;
  }
  const { start_s, end_s, called } = chosen;
  const words = [`Teaches ${seconds(end_s - start_s)}: ${timeWords(start_s)} to ${timeWords(end_s)}.`];
  if (called) words.push(`It was called ${spoken(called)}.`);
  if (chosen.later?.length) words.push(`Not taken, since quieter: what came after it (${chosen.later.join("; ")}).`);
  say(find("#teach-what"), words.join(" "));
}

let offered = "";

/** What was taught here first: a person teaches the same few sounds again. */
function offerNames() {
  const {
    labels,
    model: { background },
  } = state();
  const taught = taughtLabels().reverse();
  const names = [...taught, ...labels.filter((name) => !taught.includes(name))].filter((name) => name !== background);
  const some = names.slice(0, CHIPS);
  if (some.join("\n") === offered) return;
  offered = some.join("\n");
  find("#chips").replaceChildren(
    ...some.map((name) =>
      button(
        name,
        () => {
          label.value = name;
          label.focus();
        },
        { class: "chip" },
      ),
    ),
  );
}
