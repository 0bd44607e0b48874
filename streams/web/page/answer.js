// What came of an action, said where it was asked for: what was done and what it did to the others, with the way back;
// or what went wrong and what to do.

import { Failed, ask } from "./api.js";
import { button, find, make } from "./dom.js";
import { confusionWords, doneWords, effectWords } from "./effect.js";
import { sentence } from "./words.js";

/**
 * Do `work`, an async function, and say in `place` what came of it. While it runs, `control` cannot be pressed again.
 * Gives the answer, or null where it failed. An answer with the `id` of what was done can be taken back, unless
 * it was `known` and nothing was done; `undone` is called when it was. `throws`: the failure, which was
 * said, is for the caller too.
 */
export async function attempt(place, control, work, { undone, quiet = false, throws = false } = {}) {
  if (control?.getAttribute("aria-disabled") === "true") return null;
  control?.setAttribute("aria-disabled", "true"); // which keeps the focus, as `disabled` would not
  try {
    const answer = await work();
    if (quiet) place.replaceChildren();
    else done(place, answer, undone);
    return answer;
  } catch (error) {
    failed(place, error);
    if (throws) throw error;
    return null;
  } finally {
    control?.removeAttribute("aria-disabled");
  }
}

/** The same of what changes the classes, which is told to the views that show them. */
export async function attemptChange(place, control, work, options) {
  const answer = await attempt(place, control, work, options);
  if (answer) document.dispatchEvent(new CustomEvent("changed", { detail: answer }));
  return answer;
}

/** POST a change and say what came of it. */
export const change = (place, control, path, body, options) =>
  attemptChange(place, control, () => ask(path, { body }), options);

export function done(place, answer, undone) {
  const box = make(
    "div",
    { class: "answer good", role: "status" },
    make("p", { class: "did" }, sentence(doneWords(answer))),
    effectWords(answer) && make("p", { class: "effect" }, effectWords(answer)),
    confusionWords(answer) && make("p", { class: "confusion" }, confusionWords(answer)),
  );
  if (answer.id && !answer.known) {
    for (const old of document.querySelectorAll(".undo")) old.remove(); // it would be refused: this came after it
    const undo = (event) => takeBack(place, event.currentTarget, answer.id, undone);
    box.append(button("Undo", undo, { class: "undo" }));
  }
  put(place, box);
}

export function failed(place, error) {
  if (!(error instanceof Failed)) throw error;
  put(
    place,
    make(
      "div",
      { class: "answer bad", role: "alert" },
      make("p", { class: "did" }, sentence(error.message)),
      error.todo && make("p", {}, error.todo),
    ),
  );
}

export const clearAnswer = (place) => place.replaceChildren();

/** Refused where another page, or a command, has done something since. */
async function takeBack(place, control, id, undone) {
  if (await change(place, control, "/api/undo", { id })) undone?.();
  find(".answer", place)?.setAttribute("tabindex", "-1"); // the button that had the focus is gone
  find(".answer", place)?.focus();
}

function put(place, box) {
  place.replaceChildren(box);
  box.scrollIntoView({ block: "nearest" });
}
