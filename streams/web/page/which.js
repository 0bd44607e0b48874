// What is asked before something is taught: which class a label means that differs from it in its form only, such as "Dog
// bark" beside "dog_bark"; and whether a doubtful sound is meant.

import { button, make } from "./dom.js";

/** What the question is to be asked with instead, or null where it was given up. */
export const askWhich = (label, near) =>
  asked(`There is “${near}” already. Is that meant?`, "", [
    [`Yes, ${near}`, { label: near }],
    [`No, ${label} is a class of its own`, { label, new_class: true }],
  ]);

/** Whether it is to be taught although it is doubtful, for the reason in `words`. */
export const askAnyway = (words) => asked("Is this the sound you mean?", words, [["Teach it anyway", true]]);

/** Asks until it is answered, with one of the `choices` [words, value], or null. */
function asked(question, words, choices) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const answer = (choice) => {
      dialog.remove();
      before?.focus();
      resolve(choice);
    };
    const dialog = make(
      "dialog",
      { class: "dialog card which", "aria-label": question, oncancel: () => answer(null) },
      make("h2", {}, question),
      words && make("p", {}, words),
      make(
        "p",
        { class: "row-tools" },
        choices.map(([said, value], i) => button(said, () => answer(value), i ? {} : { class: "primary" })),
        button("Cancel", () => answer(null)),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
