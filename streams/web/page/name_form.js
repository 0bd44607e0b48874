// A small form that asks for a label, where it stands: what was it really?

import { button, field, find, make, newId } from "./dom.js";

export function labelInput(value = "") {
  const input = make("input", {
    id: newId("label"),
    list: "labels",
    maxlength: 200,
    autocomplete: "off",
    required: true,
  });
  input.setAttribute("autocapitalize", "off");
  input.value = value;
  return input;
}

/**
 * Opens in `place`, once. `named(label, control)` does the work; the form goes where it says true, and what was typed
 * stays where it does not. `back`: what has the focus after Escape or Cancel.
 */
export function openNameForm(place, question, verb, named, back) {
  find(".inline-form", place)?.remove();
  const input = labelInput();
  const close = () => {
    form.remove();
    back?.focus();
  };
  const submit = async (event) => {
    event.preventDefault();
    const label = input.value.trim();
    if (label && (await named(label, find("button", form)))) form.remove();
  };
  const form = make(
    "form",
    { class: "inline-form", onsubmit: submit, onkeydown: (event) => event.key === "Escape" && close() },
    field(question, input, { class: "field grow" }),
    make("button", { class: "primary" }, verb),
    button("Cancel", close),
  );
  place.append(form);
  input.focus();
}
