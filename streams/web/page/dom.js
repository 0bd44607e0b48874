// Elements made of plain values. A label is any text, so text is always set as text and never read as HTML; styles go
// through properties, as the page's security policy allows no style attribute.

export const find = (selector, root = document) => root.querySelector(selector);

/** make("a", {href: "#live", class: "quiet", onclick: f, vars: {"--score": 0.5}}, "text", element, null, [more]) */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  set(element, attributes);
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== ""),
  );
  return element;
}

export function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "vars")
      for (const [name, number] of Object.entries(value)) element.style.setProperty(name, number);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  return element;
}

/** An SVG element. */
export function draw(name, attributes = {}, ...children) {
  const element = set(document.createElementNS("http://www.w3.org/2000/svg", name), attributes);
  element.append(...children);
  return element;
}

/** Text of an element, touched only where it changes, so that a screen reader is not told the same again. */
export function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/** A heading's field with its label: <p class="field"><label>words</label>control</p> */
export function field(words, control, attributes = {}) {
  return make("p", { class: "field", ...attributes }, make("label", { for: control.id }, words), control);
}

let used = 0;
/** An id that nothing else has. */
export const newId = (stem) => `${stem}-${(used += 1)}`;

export function button(words, onclick, attributes = {}) {
  return make("button", { type: "button", onclick, ...attributes }, words);
}
