// The model file: what it is, and how close it came to the network it was made from.

import { make } from "./dom.js";
import { facts, table } from "./tables.js";
import { count, megabytes, percent } from "./words.js";

/** `model` as /api/model has it. */
export function modelCard(model, { version }) {
  return make(
    "section",
    { class: "card wide" },
    make("h2", {}, "Model"),
    facts({
      name: model.name,
      knows: count(model.labels.length, "class", "classes"),
      hears: `${model.window_s} s every ${model.hop_s} s at ${model.rate_hz / 1000} kHz`,
      announces_from: percent(model.threshold),
      never_announced: model.background,
      runs_on: model.runs_on,
      size: megabytes(model.bytes),
      checksum: model.sha256.slice(0, 16),
      pace_edge: version,
    }),
    facts({ backbone: model.backbone, licence: model.licence }),
    model.provenance && make("details", {}, make("summary", {}, "How it was made"), facts(model.provenance)),
    model.parity ? parity(model.parity) : make("p", { class: "hint" }, "The file holds no parity table."),
  );
}

function parity({ windows, rows, int8, fp16 }) {
  const heads = ["File", "Same class", "Right", "Score differs by", "Time", "Size"];
  return make(
    "div",
    {},
    make("h3", {}, "Parity"),
    make(
      "p",
      { class: "quiet" },
      `On ${windows} held-out windows, against the network it was exported from; time is relative to ONNX float32.`,
    ),
    table(
      "Parity",
      heads,
      rows.map((row) => [
        row.name,
        share(row.agreement),
        share(row.accuracy),
        row.score_difference.toExponential(1),
        row.time_ratio.toFixed(2),
        megabytes(row.bytes),
      ]),
    ),
    [int8, fp16].filter(Boolean).map((words) => make("p", { class: "hint" }, words)),
  );
}

const share = (value) => `${(value * 100).toFixed(1)} %`;
