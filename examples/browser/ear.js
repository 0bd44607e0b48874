// The model in a worker, so that the page stays quick while it computes. Requests { kind, value } are answered in their
// order: open (a URL), hear (PCM of one window), learn (a label for the latest window), undo, save (the model file with
// what was learned).

import { openModel } from "./model.js";

let model, pcm, latest; // `latest`: scores, bars and features of the window `pcm`
let before = Promise.resolve();

onmessage = ({ data: { kind, value } }) => {
  before = before.then(() => answer(kind, value)).then(
    (label) => {
      const { labels, lessons } = model;
      postMessage({ kind, label, labels, scores: latest?.scores, bars: latest?.bars, lessons: lessons.length });
    },
    (error) => postMessage({ kind: "error", of: kind, reason: error.message }),
  );
};

async function answer(kind, value) {
  if (kind === "open") {
    model = await openModel(value);
    const { rateHz, windowSamples, hopSamples } = model;
    return postMessage({ kind: "form", rateHz, windowSamples, hopSamples });
  }
  if (kind === "save") return postMessage({ kind: "file", bytes: model.learnedFile() });
  let label;
  if (kind === "hear") pcm = value;
  if (kind === "learn") await model.learn((label = value), latest.phi);
  if (kind === "undo") label = await model.undo();
  if (pcm) latest = await model.hear(pcm); // what was just heard, as it is called now
  return label;
}
