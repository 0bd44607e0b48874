// One source's spectrogram as a ring of columns: bytes as they came, and the same as pixels, drawn once each.

import { colours } from "./colours.js";

const SLACK_S = 0.05; // pieces that meet within this are one

export class Strip {
  constructor(kept_s) {
    this.kept_s = kept_s;
    this.clear();
  }

  clear() {
    this.frame_s = 0; // how long a column lasts; 0 before the first came
    this.end_s = 0; // where the newest column ends, in the stream's seconds
    this.at_unix_s = 0; // when that was
    this.columns = 0; // how many there ever were
    this.gaps = []; // [from_s, to_s] where nothing came
  }

  get start_s() {
    return this.end_s - Math.min(this.columns, this.size ?? 0) * this.frame_s;
  }

  /** Add what is new of a mel message. */
  push({ start_s, end_s, at_unix_s, mels, frames, data }) {
    if (!frames) return;
    const beganAgain = end_s < this.end_s && at_unix_s > this.at_unix_s;
    if (this.frame_s && (beganAgain || mels !== this.mels)) this.clear();
    if (!this.frame_s) this.open(start_s, (end_s - start_s) / frames, mels);
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    const seen = Math.max(0, Math.round((this.end_s - start_s) / this.frame_s));
    if (seen >= frames) return;
    if (start_s > this.end_s + SLACK_S) this.skip(start_s);
    this.write(bytes.subarray(seen * mels), frames - seen);
    this.end_s = end_s;
    this.at_unix_s = at_unix_s;
  }

  open(start_s, frame_s, mels) {
    this.frame_s = frame_s;
    this.mels = mels;
    this.end_s = start_s;
    this.size = Math.ceil(this.kept_s / frame_s);
    this.bytes = new Uint8Array(this.size * mels);
    this.canvas = Object.assign(document.createElement("canvas"), { width: this.size, height: mels });
    this.pixels = this.canvas.getContext("2d", { willReadFrequently: false });
  }

  skip(to_s) {
    const lost = Math.min(this.size, Math.round((to_s - this.end_s) / this.frame_s));
    this.gaps = [...this.gaps, [this.end_s, to_s]].filter(([, end_s]) => end_s > to_s - this.kept_s);
    this.write(new Uint8Array(lost * this.mels), lost);
    this.end_s = to_s;
  }

  write(bytes, frames) {
    for (let done = 0; done < frames;) {
      const at = this.columns % this.size;
      const some = Math.min(frames - done, this.size - at);
      const piece = bytes.subarray(done * this.mels, (done + some) * this.mels);
      this.bytes.set(piece, at * this.mels);
      this.paint(at, some);
      this.columns += some;
      done += some;
    }
  }

  paint(at, frames) {
    const table = colours();
    const image = new ImageData(frames, this.mels);
    const pixels = new Uint32Array(image.data.buffer);
    for (let x = 0; x < frames; x += 1) {
      for (let mel = 0; mel < this.mels; mel += 1) {
        pixels[(this.mels - 1 - mel) * frames + x] = table[this.bytes[(at + x) * this.mels + mel]];
      }
    }
    this.pixels.putImageData(image, at, 0);
  }

  /** After the colours changed. */
  repaint() {
    if (this.frame_s) this.paint(0, this.size);
  }

  /** The stretch from_s .. to_s over the whole width of a canvas of `width` and `height`. */
  draw(context, width, height, from_s, to_s) {
    if (!this.frame_s) return;
    const scale = width / (to_s - from_s);
    const oldest = Math.max(0, this.columns - this.size);
    const column = (s) => this.columns - (this.end_s - s) / this.frame_s;
    let first = Math.max(oldest, Math.floor(column(from_s)));
    const last = Math.min(this.columns, Math.ceil(column(to_s)));
    while (first < last) {
      const at = first % this.size;
      const some = Math.min(last - first, this.size - at);
      const x = (this.end_s - (this.columns - first) * this.frame_s - from_s) * scale;
      context.drawImage(this.canvas, at, 0, some, this.mels, x, 0, some * this.frame_s * scale, height);
      first += some;
    }
  }
}
