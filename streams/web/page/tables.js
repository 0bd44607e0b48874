// Values laid out: a list of names with what they are, and a table that scrolls within itself on a narrow screen.

import { make } from "./dom.js";
import { spoken } from "./words.js";

/** Names and plain values of an object as a list. */
export function facts(values) {
  const rows = Object.entries(values).filter(
    ([, value]) => value !== null && typeof value !== "object" && value !== "",
  );
  return make(
    "dl",
    { class: "facts-list" },
    rows.map(([name, value]) =>
      make(
        "div",
        {},
        make("dt", {}, spoken(name)),
        make("dd", {}, typeof value === "number" ? rounded(value) : String(value)),
      ),
    ),
  );
}

const rounded = (value) => (Number.isInteger(value) ? value.toLocaleString() : value.toPrecision(3));

export function table(caption, heads, rows) {
  return make(
    "div",
    { class: "table", role: "region", "aria-label": caption, tabindex: 0 },
    make(
      "table",
      {},
      make("caption", { class: "unseen" }, caption),
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          heads.map((head) => make("th", { scope: "col" }, head)),
        ),
      ),
      make(
        "tbody",
        {},
        rows.map(([first, ...others]) =>
          make(
            "tr",
            {},
            make("th", { scope: "row" }, first),
            others.map((value) => make("td", {}, String(value))),
          ),
        ),
      ),
    ),
  );
}
