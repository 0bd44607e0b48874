// What asks once more before it is done to a class: a new name, and forgetting.

import { ask } from "./api.js";
import { attemptChange, change } from "./answer.js";
import { button, field, find, make, newId } from "./dom.js";
import { labelInput } from "./name_form.js";
import { count } from "./words.js";

/** In `dialog`, what comes of it in `answer`; `renamed(label)` before anything else is told. */
export function openRename({ dialog, answer }, label, renamed) {
  const input = labelInput(label);
  const rename = (control) =>
    attemptChange(answer, control, async () => {
      const done = await ask("/api/rename", { body: { label, new_label: input.value.trim() } });
      renamed(done.label);
      return done;
    });
  const hint = ["If there is a class of the new name already, the two become one."];
  openDialog(dialog, `Rename ${label}`, hint, rename, { verb: "Rename", extra: field("New name", input) });
}

export function openForget({ dialog, answer }, { label, taught, built_in }) {
  const purge = make("input", { id: newId("purge"), type: "checkbox" });
  const words = make("label", { for: purge.id }, "Also erase it from the disk. This cannot be undone.");
  const hint = ["To stop only the announcements, hide it instead."];
  if (built_in) {
    hint.unshift(
      "It came with the model: it is never named again, but its examples go on speaking, nameless, against others.",
    );
  }
  if (taught) {
    const examples = count(taught, "example");
    hint.unshift(`What was taught is taken back exactly, as if it had never been: ${examples}. Undo brings it back.`);
  }
  const forget = (control) =>
    change(answer, control, "/api/forget", { label, purge: purge.checked });
  const extra = taught ? make("p", { class: "check" }, purge, words) : null;
  openDialog(dialog, `Forget ${label}?`, hint, forget, { verb: "Forget", extra, danger: true });
}

function openDialog(dialog, words, hint, run, { verb, extra, danger = false }) {
  const before = document.activeElement;
  const close = () => {
    dialog.replaceChildren();
    before.focus();
  };
  const submit = async (event) => {
    event.preventDefault();
    if (await run(find("button", form))) dialog.replaceChildren();
  };
  const form = make(
    "form",
    { class: "dialog card", "aria-label": words, onsubmit: submit, onkeydown: (e) => e.key === "Escape" && close() },
    make("h2", {}, words),
    hint.map((line) => make("p", {}, line)),
    extra,
    make(
      "p",
      { class: "row-tools" },
      make("button", { class: danger ? "danger strong" : "primary" }, verb),
      button("Cancel", close),
    ),
  );
  dialog.replaceChildren(form);
  find("input, button", form).focus();
}
