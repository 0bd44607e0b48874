// Teaching: what is selected, or the last seconds, or a recording, gets a name. A name that was typed stays until it
// has been learned.

import { ask, Failed } from "./api.js";
import { attemptChange, failed } from "./answer.js";
import { button, find, say } from "./dom.js";
import { state, taughtLabels, whenState } from "./known.js";
import { strip, timeWords, view } from "./plot.js";
import { clearSelection, selectLast, selection, startSelection } from "./selection.js";
import { seconds } from "./words.js";

const CHIPS = 8;
const LARGEST_BYTES = 25e6;
const form = find("#teach");
const label = find("#label");
const answer = find("#teach-answer");
const lastSeconds = () => Number(new FormData(form).get("last"));

export function startTeach() {
  startSelection(sayWhat);
  whenState(offerNames);
  find("#that").addEventListener("click", () => {
    selectLast(lastSeconds());
    label.focus();
  });
  for (const choice of form.elements.last) {
    choice.addEventListener("change", () => sayWhat(selection()));
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    teach();
  });
  find("#background").addEventListener("click", (event) => learn(event.currentTarget, { background: true }));
  find("#teach-file").addEventListener("click", (event) => teachFile(event.currentTarget));
  sayWhat(null);
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

/** Times of a stream where there is one; else the listener knows what it heard last. */
function stretch(chosen) {
  if (chosen) return chosen;
  const { end_s, frame_s } = strip();
  if (!frame_s) return { last_s: lastSeconds() };
  return { source: view.source, start_s: Math.max(0, end_s - lastSeconds()), end_s };
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

function sayWhat(chosen) {
  say(
    find("#plot-words"),
    chosen ? "Move its ends, also with the arrow keys; Escape gives up." : "Drag across a sound to select it.",
  );
  if (!chosen) {
    say(find("#teach-what"), `Teaches the last ${lastSeconds()} s, unless you select a sound above.`);
    return;
  }
  const { start_s, end_s } = chosen;
  say(
    find("#teach-what"),
    `Teaches ${seconds(end_s - start_s)}: ${timeWords(start_s)} to ${timeWords(end_s)}.`,
  );
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
