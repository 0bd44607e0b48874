// The listener's one stream of events, kept up: it reconnects by itself and says so, and it rests while nobody looks.

import { Failed, ask } from "./api.js";

const KINDS = ["heard", "mel", "state", "lost"];
const AGAIN_S = [1, 2, 4, 8, 15];
const SILENCE_S = 20; // a line that is cut sends nothing, not even an error

let source = null;
let waiting = 0;
let failures = 0;
let spoke = 0;
let handlers = null;

/**
 * `on`: `begun(recent, state)` at every (re)connection, then `heard`, `mel`, `state`, `lost` with each message's data;
 * `connection(kind, words)` with connecting, open, lost or resting.
 */
export function follow(on) {
  handlers = on;
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : connect()));
  setInterval(() => source && performance.now() - spoke > SILENCE_S * 1000 && again(), 5000);
  if (!document.hidden) connect();
}

export function stop() {
  source?.close();
  source = null;
  clearTimeout(waiting);
}

function rest() {
  stop();
  handlers.connection("resting", "Resting while this page is not in view");
}

function connect() {
  stop();
  spoke = performance.now();
  if (!failures) handlers.connection("connecting", "Connecting");
  const mine = new EventSource("/api/stream");
  const early = []; // what arrives while the last minute is still being asked for
  let begun = false;
  source = mine;
  for (const kind of KINDS) {
    mine.addEventListener(kind, (message) => {
      spoke = performance.now();
      if (mine !== source) return;
      if (begun) handlers[kind](JSON.parse(message.data));
      else early.push([kind, JSON.parse(message.data)]);
    });
  }
  mine.addEventListener("error", () => mine === source && again());
  mine.addEventListener("open", async () => {
    try {
      const [recent, state] = await Promise.all([ask("/api/recent"), ask("/api/state")]);
      if (mine !== source) return;
      handlers.begun(recent, state);
      begun = true;
      failures = 0;
      spoke = performance.now();
      handlers.connection("open", "Listening");
      for (const [kind, data] of early) handlers[kind](data);
    } catch (error) {
      if (mine === source) again(error);
    }
  });
}

/** A stream that was refused does not say why; the state's answer does, and opens the login where that is why. */
async function again(error) {
  stop();
  const wait = AGAIN_S[Math.min(failures, AGAIN_S.length - 1)];
  failures += 1;
  const failed = error ?? (await ask("/api/state").catch((reason) => reason));
  if (source) return; // connected again meanwhile
  if (failed.status === 401) {
    handlers.connection("lost", "Logged out");
    return;
  }
  const full = failures > 1 ? "The listener has no room for this page" : "The line was interrupted";
  const words = failed instanceof Failed ? "No connection to the listener" : full;
  handlers.connection("lost", `${words}. Trying again in ${wait} s`);
  if (!document.hidden) waiting = setTimeout(connect, wait * 1000);
}
