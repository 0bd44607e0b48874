// What the page needs of an ONNX file, cut out of its bytes and put back: protobuf's wire format, and the field numbers
// of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto for the few fields that matter here.

const MODEL = { irVersion: 1, graph: 7, opsetImport: 8, metadata: 14, training: 20 };
const TRAINING = { algorithm: 2 };
const GRAPH = { initializer: 5, input: 11, output: 12 };
const TENSOR = { dims: 1, type: 2, name: 8, rawData: 9 };
const FLOAT = 1, DOUBLE = 11; // TensorProto.DataType
const R = "classifier.R", named = (name) => `classifier.${name}`; // R is in the rule, these are in the graph:
const OPEN = {
  W: ["features", "classes"], counts: ["classes"],
  Q: ["features", "classes"], squares: ["views", "classes"], // not in older files
};
const PREFIX = "pace_edge."; // of the metadata's keys

// What the metadata says of the model, values as in the file.
export function metadata(file) {
  const entries = all(file, MODEL.metadata).map((entry) => [text(first(entry, 1)), text(first(entry, 2))]);
  const ours = entries.filter(([key]) => key.startsWith(PREFIX));
  return Object.fromEntries(ours.map(([key, value]) => [key.slice(PREFIX.length), value]));
}

// The classifier's state in the file: R [V, M, M] ([M, M] where V is 1), W [V M, C], counts [C] and, where they are
// there, Q [V M, C] and squares [V, C], Float64Arrays by rows.
export function state(file) {
  const graph = first(file, MODEL.graph), there = openNames(graph);
  const held = Object.fromEntries(there.map((name) => [name, tensor(graph, named(name))]));
  return { R: tensor(ruleGraph(file), R), ...held };
}

// The dimensions of such a state's tensors. R has V M M numbers, and W one row for each of V M features.
export function shapes({ R: r, W: w, counts }) {
  const C = counts.length, width = w.length / C, M = r.length / width, V = width / M;
  return { R: V === 1 ? [M, M] : [V, M, M], W: [width, C], counts: [C], Q: [width, C], squares: [V, C] };
}

// The learning rule, training_info[0].algorithm, as a model of its own with the same IR version and operators. Its
// input R has a default, the file's; it is left out, because ONNX Runtime for the web does not take such an input.
export function learningRule(file) {
  const keep = [...fields(file)].filter(({ number }) => number === MODEL.irVersion || number === MODEL.opsetImport);
  return join(...keep.map(({ whole }) => whole), field(MODEL.graph, withTensors(ruleGraph(file), { [R]: null })));
}

// The file's graph with the state as inputs, all but R, so that what was learned can be fed.
export function withOpenClassifier(file) {
  return rewritten(file, MODEL.graph, (graph) => {
    const there = openNames(graph), none = Object.fromEntries(there.map((name) => [named(name), null]));
    const inputs = there.map((name) => field(GRAPH.input, valueInfo(named(name), DOUBLE, OPEN[name])));
    return join(withTensors(graph, none), ...inputs);
  });
}

// The file with what was learned in place of what it knew: pace-edge reads it, and it can go on learning.
export function learnedFile(file, labels, learned, name) {
  const shape = shapes(learned), C = learned.counts.length;
  const protos = Object.fromEntries(Object.entries(learned).map(
    ([key, values]) => [named(key), tensorProto(named(key), values, shape[key])]));
  const wider = { scores: valueInfo("scores", FLOAT, ["batch", C]), thresholds: valueInfo("thresholds", FLOAT, [C]) };
  const said = { labels: JSON.stringify(labels), counts: JSON.stringify([...learned.counts]), name };
  const changes = [
    [MODEL.graph, (graph) => rewritten(
      withTensors(graph, protos), GRAPH.output, (output) => wider[text(first(output, 1))] ?? output)],
    [MODEL.training, (training) => rewritten(training, TRAINING.algorithm, (graph) => withTensors(graph, protos))],
    [MODEL.metadata, (entry) => {
      const key = text(first(entry, 1)), value = said[key.slice(PREFIX.length)];
      if (key === PREFIX + "sha256") return null; // checksums of the parts as they were
      if (value === undefined || !key.startsWith(PREFIX)) return entry;
      return join(field(1, bytes(key)), field(2, bytes(value)));
    }],
  ];
  return changes.reduce((changed, [number, change]) => rewritten(changed, number, change), file);
}

// ONNX's messages

const ruleGraph = (file) => first(first(file, MODEL.training), TRAINING.algorithm);
const tensorName = (proto) => text(first(proto, TENSOR.name));

// The parts of the state that the graph has.
function openNames(graph) {
  const there = new Set(all(graph, GRAPH.initializer).map(tensorName));
  return Object.keys(OPEN).filter((name) => there.has(named(name)));
}

function tensor(graph, name) {
  const proto = all(graph, GRAPH.initializer).find((initializer) => tensorName(initializer) === name);
  if (!proto || first(proto, TENSOR.type) !== DOUBLE) throw new Error(`the file has no float64 tensor ${name}`);
  return new Float64Array(first(proto, TENSOR.rawData).slice().buffer); // a copy, because it must be aligned
}

// A graph with other initializers in place of those of these names, or without them where there is null.
function withTensors(graph, others) {
  return rewritten(graph, GRAPH.initializer, (proto) => {
    const other = others[tensorName(proto)];
    return other === undefined ? proto : other;
  });
}

function tensorProto(name, data, dims) {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const shape = dims.map((dim) => field(TENSOR.dims, dim));
  return join(...shape, field(TENSOR.type, DOUBLE), field(TENSOR.name, bytes(name)), field(TENSOR.rawData, raw));
}

// A dimension is a size, or a name where any size will do.
function valueInfo(name, type, dims) {
  const shape = dims.map((dim) => field(1, typeof dim === "number" ? field(1, dim) : field(2, bytes(dim))));
  return join(field(1, bytes(name)), field(2, field(1, join(field(1, type), field(2, join(...shape))))));
}

// Protobuf's wire format

// The fields of a message: number, content (a number, or a view of its bytes), and a view of the whole field.
function* fields(message) {
  let at = 0;
  const broken = () => new Error("this is no ONNX file, or not a whole one");
  const varint = () => {
    let value = 0;
    for (let scale = 1; at < message.length; scale *= 128) {
      const byte = message[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw broken();
  };
  const take = (size) => {
    if (at + size > message.length) throw broken();
    return message.subarray(at, (at += size));
  };
  const readers = { 0: varint, 1: () => take(8), 2: () => take(varint()), 5: () => take(4) };
  while (at < message.length) {
    const start = at, key = varint(), read = readers[key % 8];
    if (!read) throw broken();
    const content = read();
    yield { number: Math.floor(key / 8), content, whole: message.subarray(start, at) };
  }
}

const all = (message, number) => [...fields(message)].filter((f) => f.number === number).map((f) => f.content);
const first = (message, number) => all(message, number)[0] ?? new Uint8Array();

// The message with every field of a number changed, or left out where `change` returns null.
function rewritten(message, number, change) {
  const parts = [...fields(message)].map((f) => {
    if (f.number !== number) return f.whole;
    const content = change(f.content);
    return content ? field(number, content) : new Uint8Array();
  });
  return join(...parts);
}

// One field: a number as a varint, or bytes.
function field(number, content) {
  if (typeof content === "number") return join(varint(number * 8), varint(content));
  return join(varint(number * 8 + 2), varint(content.length), content);
}

function varint(value) {
  const groups = [];
  for (; value > 127; value = Math.floor(value / 128)) groups.push((value % 128) + 128);
  return Uint8Array.from([...groups, value]);
}

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const text = (content) => new TextDecoder().decode(content);
const bytes = (words) => new TextEncoder().encode(words);
