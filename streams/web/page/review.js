// The least certain sounds, one question at a time.

import { ask } from "./api.js";
import { attemptChange, failed } from "./answer.js";
import { button, find, make, say } from "./dom.js";
import { openNameForm } from "./name_form.js";
import { playButton } from "./player.js";
import { addView, isShown } from "./tabs.js";
import { article, count, percent, seconds, spoken, when } from "./words.js";

const UNKNOWN = "unknown"; // a sound that is like no class: there is nothing to say yes to
const section = find("#view-review");
const left = make("p", { class: "quiet", role: "status" });
const card = make("div");
const answer = make("div");
let questions = [];
let skipped = 0; // since they were asked for

export function startReview() {
  section.append(
    make("h1", {}, "Review"),
    make(
      "p",
      { class: "lead" },
      "The sounds it was least sure of, least sure first. It learns from each that you name.",
    ),
    left,
    card,
    answer,
  );
  document.addEventListener("keydown", pressed);
  addView("review", { opened: load });
}

async function load() {
  answer.replaceChildren();
  try {
    ({ questions } = await ask("/api/review", { query: { limit: 200 } })); // all that are remembered
    skipped = 0;
    show();
  } catch (error) {
    questions = [];
    card.replaceChildren();
    failed(answer, error);
  }
}

function show() {
  say(left, questions.length ? `${count(questions.length, "question")} left` : "");
  if (!questions.length) {
    card.replaceChildren(
      make(
        "div",
        { class: "card question empty" },
        make("p", { class: "question-words", tabindex: -1 }, skipped ? "Nothing else to ask." : "Nothing to ask."),
        make(
          "p",
          { class: "quiet" },
          skipped
            ? `What was skipped is asked again the next time: ${count(skipped, "question")}.`
            : "Sounds that were announced without much certainty wait here for an answer.",
        ),
      ),
    );
    return;
  }
  const [{ event, label, source, at_unix_s, start_s, end_s, why, score, plays }] = questions;
  card.replaceChildren(
    make(
      "div",
      { class: "card question" },
      make("p", { class: "quiet" }, `${when(at_unix_s)}, ${seconds(end_s - start_s)}, ${source}`),
      make(
        "h2",
        { class: "question-words", tabindex: -1 },
        label === UNKNOWN ? "What was this?" : `Was this ${article(label)}?`,
      ),
      make("p", { class: "quiet" }, `${percent(score)} sure${why ? `: ${why}` : ""}.`),
      make(
        "p",
        {},
        plays
          ? playButton(`/api/event/audio?id=${encodeURIComponent(event)}`, `the ${spoken(label)}`, answer)
          : "No recording of it was kept.",
      ),
      make(
        "p",
        { class: "answers" },
        label !== UNKNOWN && button("Yes", (press) => reply({ answer: "yes" }, press.currentTarget), {
          class: "primary",
          "aria-keyshortcuts": "y",
        }),
        button("No", (press) => reply({ answer: "no" }, press.currentTarget), { "aria-keyshortcuts": "n" }),
        button("Something else", other, { "aria-keyshortcuts": "s" }),
        button("Skip", skip, { class: "plain", "aria-keyshortcuts": "k" }),
      ),
      make("p", { class: "hint keys" }, "Keys: P plays, Y yes, N no, S something else, K skip."),
    ),
  );
}

async function reply(said, control) {
  const [{ event }] = questions;
  try {
    const taken = await attemptChange(answer, control, () => told(event, said), { throws: true });
    if (!taken) return false; // it is being answered
  } catch (error) {
    if (!past(error, said)) return false;
  }
  next();
  return true;
}

const told = (event, said) => ask("/api/review", { body: { event, ...said } });

/** Whether a question that was refused an answer is not worth another try: the next one comes. A name that cannot be
 * used can be typed again, and a listener that does not answer be asked again. */
const past = ({ status, near }, { answer: how }) =>
  how === "other" ? status === 409 && !near : status === 409 || status === 422;

/** It stays open, and is asked again the next time. */
function skip() {
  answer.replaceChildren();
  skipped += 1;
  next();
}

function next() {
  questions.shift();
  show();
  find(".question-words", card)?.focus(); // the button that was pressed is gone
}

function other(press) {
  const teach = (label, control) => reply({ answer: "other", label }, control);
  openNameForm(find(".question", card), "What was it?", "Teach", teach, press.currentTarget);
}

const KEYS = { y: "Yes", n: "No", s: "Something else", k: "Skip", p: "Play" };

function pressed(event) {
  const typing = event.target.matches("input, select, textarea");
  if (!isShown("review") || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const words = KEYS[event.key.toLowerCase()];
  const control = [...card.querySelectorAll("button")].find((each) => each.textContent === words);
  if (!control) return;
  event.preventDefault();
  control.click();
}
