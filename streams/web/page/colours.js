// The spectrogram's colours, quiet to loud, in the theme's own tones: the style sheet names the stops.

const darkness = matchMedia("(prefers-color-scheme: dark)");
let table = null;

/** 256 pixels as a Uint32Array, in the machine's own byte order. */
export function colours() {
  table ??= gradient();
  return table;
}

export function whenColoursChange(repaint) {
  darkness.addEventListener("change", () => {
    table = null;
    repaint();
  });
}

export function themed(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function gradient() {
  const canvas = Object.assign(document.createElement("canvas"), { width: 256, height: 1 });
  const context = canvas.getContext("2d");
  const fill = context.createLinearGradient(0, 0, 256, 0);
  themed("--spectrum")
    .split(",")
    .forEach((colour, i, all) => fill.addColorStop(i / (all.length - 1), colour.trim()));
  context.fillStyle = fill;
  context.fillRect(0, 0, 256, 1);
  return new Uint32Array(context.getImageData(0, 0, 256, 1).data.buffer);
}
