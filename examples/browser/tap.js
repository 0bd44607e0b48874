// Runs on the audio thread: passes on what the microphone gives, mono, at the rate of its AudioContext.

class Tap extends AudioWorkletProcessor {
  process([[samples]]) {
    if (samples) this.port.postMessage(samples.slice()); // the browser uses its buffer again
    return true;
  }
}

registerProcessor("tap", Tap);
