// A label that differs from a class in its form only, such as "Dog bark" beside "dog_bark": which one is meant?

import { button, make } from "./dom.js";

/** Asks until it is answered: what the question is to be asked with instead, or null where it was given up. */
export function askWhich(label, near) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const answer = (choice) => {
      dialog.remove();
      before?.focus();
      resolve(choice);
    };
    const words = `There is “${near}” already. Is that meant?`;
    const dialog = make(
      "dialog",
      { class: "dialog card which", "aria-label": words, oncancel: () => answer(null) },
      make("h2", {}, words),
      make(
        "p",
        { class: "row-tools" },
        button(`Yes, ${near}`, () => answer({ label: near }), { class: "primary" }),
        button(`No, ${label} is a class of its own`, () => answer({ label, new_class: true })),
        button("Cancel", () => answer(null)),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
