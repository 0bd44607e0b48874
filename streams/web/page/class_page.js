// One class: its threshold, its examples on a map and in a list, and what can be done to it.

import { ask } from "./api.js";
import { change, clearAnswer, failed } from "./answer.js";
import { advice, examples } from "./classes.js";
import { classMap } from "./class_map.js";
import { openForget, openRename } from "./class_dialogs.js";
import { button, find, make } from "./dom.js";
import { known } from "./known.js";
import { confusionWords } from "./effect.js";
import { openNameForm } from "./name_form.js";
import { playButton } from "./player.js";
import { address, isShown } from "./tabs.js";
import { thresholdForm } from "./threshold.js";
import { count, percent, when } from "./words.js";

let opened = null; // {root, label}
let asked = 0;
const answer = make("div");
const dialog = make("div");

document.addEventListener("changed", () => opened && isShown("classes") && load());

export function openClass(root, label) {
  opened = { root, label };
  clearAnswer(answer);
  dialog.replaceChildren();
  root.replaceChildren(make("p", { class: "quiet", role: "status" }, "Loading …"));
  load();
}

export function closeClass() {
  opened?.root.replaceChildren();
  opened = null;
}

async function load() {
  const mine = opened;
  const turn = (asked += 1);
  const late = () => opened !== mine || turn !== asked;
  try {
    const [{ labels }] = await Promise.all([ask("/api/labels"), known()]);
    const summary = labels.find(({ label }) => label === mine.label);
    const found = summary && (await ask("/api/label", { query: { label: mine.label } }));
    if (late()) return;
    const focused = mine.root.contains(document.activeElement);
    if (found) show(mine.root, found, summary);
    else
      mine.root.replaceChildren(
        back(),
        make("h1", {}, mine.label),
        make("p", { class: "quiet" }, "There is no such class now."),
        answer,
      );
    if (focused) focusAnswer();
  } catch (error) {
    if (late()) return;
    mine.root.replaceChildren(back(), make("h1", {}, mine.label), answer);
    failed(answer, error);
  }
}

/** What was pressed is drawn anew; who uses a keyboard goes on where the answer stands. */
function focusAnswer() {
  const said = answer.firstElementChild;
  said?.setAttribute("tabindex", "-1");
  said?.focus();
}

const back = () => make("p", {}, make("a", { href: "#classes", class: "back" }, "All classes"));

function show(root, found, summary) {
  const { label } = found;
  const hidden = summary.hidden;
  const fixed = summary.background;
  root.replaceChildren(
    ...[
      back(),
      make(
        "div",
        { class: "class-head" },
        make(
          "div",
          {},
          make("h1", {}, label),
          make("p", { class: "quiet" }, `${examples(summary)}. ${advice(summary)}`),
          confusionWords(summary) && make("p", { class: "quiet" }, confusionWords(summary)),
        ),
        !fixed &&
          make(
            "div",
            { class: "row-tools" },
            button("Rename", () => openRename({ dialog, answer }, label, renamed)),
            button(hidden ? "Show again" : "Hide", (press) =>
              change(answer, press.currentTarget, hidden ? "/api/unhide" : "/api/hide", { label }),
            ),
            button("Forget", () => openForget({ dialog, answer }, summary), { class: "danger" }),
          ),
      ),
      hidden &&
        make(
          "p",
          { class: "hint" },
          "Hidden: its sounds are still known, so that they are not taken for another's, but not announced.",
        ),
      dialog,
      answer,
      make(
        "div",
        { class: "class-body" },
        !fixed && thresholdForm(label, answer),
        make("section", { class: "card" }, make("h2", {}, "How its examples lie"), classMap(found, showExample)),
        make(
          "section",
          { class: "card wide" },
          make("h2", {}, `${count(found.examples.length, "example")} taught here`),
          exampleList(found),
        ),
      ),
    ].filter(Boolean),
  );
}

function exampleList({ label, examples: taught }) {
  if (!taught.length) {
    return make(
      "p",
      { class: "hint" },
      "Nothing was taught here under this name. What came with the model cannot be listed.",
    );
  }
  return make(
    "ul",
    { class: "examples" },
    taught.toReversed().map((example) => {
      const { id, at_unix_s, source, windows, left_out, odd, why, plays } = example;
      const named = `example ${id}, ${when(at_unix_s)}`;
      const right = left_out?.label === label;
      return make(
        "li",
        { class: "example", id: `example-${id}`, tabindex: -1 },
        make("p", { class: "name" }, when(at_unix_s), odd && make("span", { class: "tag odd" }, "odd one")),
        make("p", { class: "quiet" }, `${source}, ${count(windows, "window")}`),
        make(
          "p",
          { class: right || !left_out || left_out.alone ? "quiet" : "wrong" },
          leftOut(left_out, right),
          odd && why && ` ${why}`,
        ),
        make(
          "p",
          { class: "row-tools" },
          plays && playButton(`/api/example/audio?id=${id}`, named, answer),
          button("Move", (press) => openMove(press.currentTarget, id), {
            "aria-label": `Move ${named} to another class`,
          }),
          button("Remove", (press) => change(answer, press.currentTarget, "/api/remove", { example: id }), {
            "aria-label": `Remove ${named}`,
          }),
        ),
      );
    }),
  );
}

function leftOut(left_out, right) {
  if (!left_out || left_out.alone) return "The only one: it cannot be checked.";
  return right
    ? `Left out, it is called right, ${percent(left_out.score)} sure.`
    : `Left out, it is called ${left_out.label}, ${percent(left_out.score)} sure.`;
}

function showExample(id) {
  const item = find(`#example-${id}`);
  item?.scrollIntoView({ block: "center" });
  item?.focus();
}

function openMove(control, example) {
  const move = (label, press) => change(answer, press, "/api/correct", { example, label });
  openNameForm(control.closest("li"), "It was really", "Move", move, control);
}

function renamed(label) {
  opened.label = label;
  history.replaceState(null, "", address("classes", label));
}
