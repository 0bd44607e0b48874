// The score from which a class is announced: a slider, with what the class scored in the last hour drawn behind it.

import { ask } from "./api.js";
import { attempt } from "./answer.js";
import { button, draw, find, make, say } from "./dom.js";
import { oneIn } from "./effect.js";
import { state, thresholdOf } from "./known.js";
import { percent } from "./words.js";

export function thresholdForm(label, place) {
  const usual = state().threshold;
  const slider = make("input", { id: "threshold", type: "range", min: 0.02, max: 1, step: 0.01 });
  slider.value = thresholdOf(label);
  const words = make("output", { for: "threshold", class: "threshold-words" });
  const often = make("p", { class: "often" });
  let kept = []; // of the other sounds that the model keeps, the share that would be announced there
  let here = []; // how often it would be announced here, at each of some thresholds
  const picture = make("div", { class: "histogram" });
  const show = () => {
    const value = percent(Number(slider.value));
    say(words, value);
    slider.setAttribute("aria-valuetext", `${value} sure`);
    say(often, [howOften(here, Number(slider.value)), ofKept(here, kept, Number(slider.value))].join(" ").trim());
    colour(picture, Number(slider.value));
  };
  const set = (threshold, control) =>
    attempt(
      place,
      control,
      async () => {
        await ask("/api/threshold", { body: { label, threshold } });
        return { did: `'${label}' is announced from ${percent(threshold ?? usual)} now` };
      },
    );
  slider.addEventListener("input", show);
  slider.addEventListener("change", () => set(Number(slider.value), null));
  const hint = make("p", { class: "hint" }, "What it scored in the last hour is loading.");
  ask("/api/scores", { query: { label } }).then(
    (scores) => {
      drawScores(picture, scores);
      here = scores.here;
      kept = scores.kept;
      say(hint, "Behind the slider: the scores of the last hour's windows; those at the right of it are announced.");
      show();
    },
    (error) => say(hint, error.message),
  );
  show();
  return make(
    "section",
    { class: "card threshold" },
    make("h2", {}, make("label", { for: "threshold" }, "Announce it from")),
    words,
    make("div", { class: "slider" }, picture, slider),
    often,
    hint,
    button(`As all others: ${percent(usual)}`, (press) => {
      slider.value = usual;
      show();
      set(null, press.currentTarget);
    }),
  );
}

/** The threshold that was counted and is nearest. */
function nearestOf(here, threshold) {
  const off = (rate) => Math.abs(rate.threshold - threshold);
  return here.reduce((best, rate) => (off(rate) < off(best) ? rate : best), here[0]);
}

/** Of sounds that no class has learned, so that something can be said before hours were heard. */
function ofKept(here, kept, threshold) {
  const share = kept[here.indexOf(nearestOf(here, threshold))];
  return share === undefined ? "" : `Of other sounds that the model keeps, ${oneIn(share)} would be announced.`;
}

/** In words, at the nearest threshold that was counted, with true ones: whoever confirms one teaches it. */
function howOften(here, threshold) {
  const nearest = nearestOf(here, threshold);
  if (!nearest) return "";
  return nearest.an_hour === null ? `How often that is here: ${nearest.words}.` : `Here that is ${nearest.words}.`;
}

/** Heights go with the root of the counts, so that a few high scores show beside very many low ones. */
function drawScores(picture, { bins, counts }) {
  const most = Math.max(1, ...counts.map(Math.sqrt));
  const svg = draw("svg", { viewBox: "0 0 100 30", preserveAspectRatio: "none", "aria-hidden": "true" });
  counts.forEach((n, i) => {
    const height = n ? Math.max(0.8, (Math.sqrt(n) / most) * 30) : 0;
    svg.append(
      draw("rect", {
        x: bins[i] * 100 + 0.2,
        width: (bins[i + 1] - bins[i]) * 100 - 0.4,
        y: 30 - height,
        height,
        "data-from": bins[i],
      }),
    );
  });
  picture.replaceChildren(svg);
}

function colour(picture, threshold) {
  if (!find("svg", picture)) return;
  for (const bar of picture.querySelectorAll("rect"))
    bar.classList.toggle("announced", Number(bar.dataset.from) >= threshold - 1e-9);
}
