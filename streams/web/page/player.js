// One recording at a time, with a button that plays and stops it.

import { button, say } from "./dom.js";
import { Failed } from "./api.js";
import { failed } from "./answer.js";

const audio = new Audio();
let playing = null;

audio.addEventListener("ended", () => stopped());

/** `about`: what the recording is of, for who cannot see where the button stands. */
export function playButton(url, about, place) {
  return button("Play", (event) => toggle(event.currentTarget, url, place), {
    class: "play",
    "aria-label": `Play ${about}`,
  });
}

async function toggle(control, url, place) {
  const again = control === playing;
  audio.pause();
  stopped();
  if (again) return;
  playing = control;
  say(control, "Stop");
  audio.src = url;
  try {
    await audio.play();
  } catch (error) {
    if (error.name === "AbortError") return; // another was started
    stopped();
    failed(
      place,
      new Failed("The recording cannot be played.", "It is not written yet, or it was removed to make room."),
    );
  }
}

function stopped() {
  if (playing) say(playing, "Play");
  playing = null;
}
