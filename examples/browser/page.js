// The page: sound from the microphone is cut into windows for the worker in ear.js, whose answers are shown.

const STARTER = "../../pace_edge/starter/pace-starter.onnx"; // ?model=URL opens another
const QUIET_DBFS = -60; // the left end of the level

const element = (id) => document.getElementById(id);
const ear = new Worker("ear.js", { type: "module" });
const ask = (kind, value) => ear.postMessage({ kind, value });
const rows = new Map(); // label -> its row in the list

let form; // of the model: rateHz, windowSamples, hopSamples
let microphone; // while it is open: { stream, context }
let recent, sinceWindow; // the latest samples, and how many came after the latest window
let busy = false; // the worker has a window; meanwhile windows are left out, not queued

ear.onmessage = ({ data }) => {
  if (data.kind === "error") say(`That failed: ${data.reason}.`);
  if (data.kind === "form") form = data;
  if (data.kind === "open") say("The model is ready. Listening starts with the button.");
  if (data.kind === "learn") say(`Learned “${data.label}”; it will be known from now on.`);
  if (data.kind === "undo") say(`Took back what was last learned of “${data.label}”.`);
  if (data.kind === "file") download(data.bytes);
  if (data.kind === "hear" || data.of === "hear") busy = false;
  if (data.labels) show(data);
};
ear.onerror = (event) => say(`This page cannot run here: ${event.message ?? "a module did not load"}.`);

element("listen").onclick = () => (microphone ? stop("Not listening.") : listen());
element("undo").onclick = () => ask("undo");
element("save").onclick = () => ask("save");
element("teach").onsubmit = (event) => {
  event.preventDefault();
  const label = element("label").value.trim();
  if (label) ask("learn", label);
};
ask("open", new URL(new URLSearchParams(location.search).get("model") ?? STARTER, location).href);

async function listen() {
  element("listen").disabled = true;
  try {
    // As the sound is: what makes calls clearer removes the sounds that are meant here.
    const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    microphone = { stream };
    const context = (microphone.context = new AudioContext({ sampleRate: form.rateHz })); // the browser resamples
    await context.audioWorklet.addModule("tap.js");
    const mono = { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" };
    const tap = new AudioWorkletNode(context, "tap", mono);
    recent = new Float32Array(form.windowSamples);
    sinceWindow = form.hopSamples - form.windowSamples; // the first window must be full
    tap.port.onmessage = ({ data }) => hear(data);
    context.createMediaStreamSource(stream).connect(tap);
    await context.resume();
    stream.getAudioTracks()[0].onended = () => stop("The microphone is gone.");
    element("listen").textContent = "Stop listening";
    say("Listening.");
  } catch (error) {
    stop(`There is no sound: ${error.message}.`);
  }
  element("listen").disabled = false;
}

function stop(why) {
  microphone?.stream.getTracks().forEach((track) => track.stop());
  microphone?.context?.close();
  microphone = undefined;
  element("listen").textContent = "Listen";
  say(why);
}

function hear(samples) {
  recent.copyWithin(0, samples.length);
  recent.set(samples, recent.length - samples.length);
  sinceWindow += samples.length;
  if (sinceWindow < form.hopSamples) return;
  sinceWindow -= form.hopSamples;
  element("level").value = Math.max(QUIET_DBFS, level(recent.subarray(-form.hopSamples)));
  if (busy) return;
  busy = true;
  ask("hear", recent);
}

// The RMS level in dB relative to full scale.
function level(samples) {
  return 10 * Math.log10(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

function show({ labels, scores, bars, lessons }) {
  if (labels.join("\n") !== [...rows.keys()].join("\n")) {
    rows.clear();
    element("classes").replaceChildren();
    for (const label of labels) rows.set(label, addRow(label));
    element("labels").replaceChildren(...labels.map((label) => new Option(label)));
  }
  element("listen").disabled = false;
  element("undo").disabled = element("save").disabled = !lessons;
  element("teach-button").disabled = !scores;
  if (!scores) return;
  const best = scores.indexOf(Math.max(...scores));
  labels.forEach((label, c) => setRow(rows.get(label), scores[c], c === best));
  const name = scores[best] < bars[best] ? `not sure (${labels[best]}?)` : labels[best];
  if (element("heard").textContent !== name) element("heard").textContent = name; // it is read aloud when it changes
}

function addRow(label) {
  const row = element("row").content.cloneNode(true).firstElementChild;
  row.querySelector(".name").textContent = label;
  row.querySelector("meter").setAttribute("aria-label", label);
  element("classes").append(row);
  return row;
}

function setRow(row, score, isBest) {
  row.classList.toggle("best", isBest);
  row.querySelector("meter").value = score;
  row.querySelector(".score").textContent = Math.min(1, Math.max(0, score)).toFixed(2); // of few examples it exceeds 1
}

function download(bytes) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes]));
  link.download = "learned.onnx";
  link.click();
  URL.revokeObjectURL(link.href);
}

function say(words) {
  element("status").textContent = words;
}
