// A model file of pace-edge in the browser: it hears, learns and takes back by its own two graphs, run by ONNX Runtime.
// This module only carries the classifier's state (R, W, counts; of newer files Q and squares) from one to the other.

import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs";
import { learnedFile, learningRule, metadata, shapes, state, withOpenClassifier } from "./onnx_file.js";

ort.env.wasm.numThreads = 1; // more would need a server that sends COOP and COEP headers
const OPTIONS = { executionProviders: ["wasm"], logSeverityLevel: 3 }; // not that a new class makes `scores` wider

export async function openModel(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`there is no model at ${url} (${response.status})`);
  const file = new Uint8Array(await response.arrayBuffer());
  const info = metadata(file);
  if (info.schema !== "1") throw new Error(`${url} is no model file of pace-edge that this page can read`);
  const graph = await ort.InferenceSession.create(withOpenClassifier(file), OPTIONS);
  const rule = await ort.InferenceSession.create(learningRule(file), OPTIONS);
  return new Model(file, info, graph, rule);
}

class Model {
  constructor(file, info, graph, rule) {
    this.file = file;
    this.name = info.name;
    this.labels = JSON.parse(info.labels);
    this.rateHz = Number(info.rate_hz);
    this.windowSamples = Number(info.window_samples);
    this.hopSamples = Number(info.hop_samples);
    this.threshold = Number(info.threshold);
    this.lessons = []; // what was taught here: { label, phi, isNew }
    this.graph = graph;
    this.rule = rule;
    this.state = state(file); // R [M, M] or [V, M, M], W [V M, C], counts [C]; perhaps Q [V M, C], squares [V, C]
    this.outputs = ["scores", "features", "thresholds"].filter((name) => graph.outputNames.includes(name));
  }

  // One window of PCM, a Float32Array, to a score for each label, the score at which each is announced, and the features
  // that `learn` takes.
  async hear(pcm) {
    const { "classifier.R": R, ...classifier } = this.stateTensors(); // the graph takes no R
    const feeds = { pcm: new ort.Tensor("float32", pcm, [1, pcm.length]), ...classifier };
    const { scores, features, thresholds } = await this.graph.run(feeds, this.outputs);
    const bars = thresholds?.data ?? new Float32Array(scores.data.length).fill(this.threshold); // older: one for all
    return { scores: scores.data, bars, phi: Float64Array.from(features.data) };
  }

  // One example of a label, known or new: the exact update that pace-edge makes.
  async learn(label, phi) {
    const isNew = !this.labels.includes(label);
    if (isNew) this.setLabels([...this.labels, label]);
    await this.update(label, phi, 1);
    this.lessons.push({ label, phi, isNew });
  }

  // Take back the latest lesson, by the same example with the weight -1; returns its label.
  async undo() {
    if (!this.lessons.length) throw new Error("there is no lesson to take back");
    const { label, phi, isNew } = this.lessons.pop();
    await this.update(label, phi, -1);
    if (isNew) this.setLabels(this.labels.slice(0, -1)); // its class came last, and has no example any more
    return label;
  }

  // The model file as it would be with what was learned here.
  learnedFile() {
    return learnedFile(this.file, this.labels, this.state, `${this.name} taught in a browser`);
  }

  async update(label, phi, weight) {
    const y = Float64Array.from(this.labels, (name) => Number(name === label));
    const example = {
      phi: float64(phi, [1, phi.length]), y: float64(y, [1, y.length]), weight: float64(Float64Array.of(weight), [1]),
    };
    const learned = await this.rule.run({ ...example, ...this.stateTensors() });
    this.state = Object.fromEntries(Object.keys(this.state).map((name) => [name, learned[`${name}_next`].data]));
  }

  // The last class is new, with zeros in all but R, or the one that was last goes.
  setLabels(labels) {
    const { R, ...tables } = this.state, before = tables.counts.length, after = labels.length;
    const resized = (rows) => {
      const result = new Float64Array((rows.length / before) * after);
      for (let row = 0; row < rows.length / before; row++) {
        result.set(rows.subarray(row * before, row * before + Math.min(before, after)), row * after);
      }
      return result;
    };
    this.state = { R, ...Object.fromEntries(Object.entries(tables).map(([name, rows]) => [name, resized(rows)])) };
    this.labels = labels;
  }

  stateTensors() {
    const shape = shapes(this.state);
    return Object.fromEntries(
      Object.entries(this.state).map(([name, data]) => [`classifier.${name}`, float64(data, shape[name])]));
  }
}

const float64 = (data, dims) => new ort.Tensor("float64", data, dims);
