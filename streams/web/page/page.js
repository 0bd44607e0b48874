// The page: its views, and the stream that feeds them.

import { ask } from "./api.js";
import { startClasses } from "./classes.js";
import { find, say } from "./dom.js";
import { eventHeard, showEvents, startEvents } from "./events.js";
import { startHistory } from "./history.js";
import { setState } from "./known.js";
import { announce, showConnection, showNow, startLive } from "./live.js";
import { startLogin } from "./login.js";
import { addMel, addWindow, begin } from "./memory.js";
import { startPlot, view } from "./plot.js";
import { startReview } from "./review.js";
import { startSettings } from "./settings.js";
import { startSourceChoice } from "./source_choice.js";
import { follow, stop } from "./stream.js";
import { addView, startTabs } from "./tabs.js";
import { startTeach } from "./teach.js";
import { count } from "./words.js";

const LOST_SHOWN_MS = 20000;

/** Where that fails the stream's own trouble is told. */
const refresh = () => ask("/api/state").then(setState, () => {});

const hears = {
  window(window) {
    addWindow(window);
    if (window.source === view.source) showNow();
  },
  event(event) {
    eventHeard(event);
    announce(event);
    showNow();
  },
  source: refresh,
  learned: refresh,
  changed: refresh,
  gap: (gap) => trouble(gapWords(gap)),
  notice: (notice) => trouble(notice.words),
};

const CAUSES = {
  machine: "this machine was too slow to read it.",
  source: "the source was away.",
  system: "the sound system lost it.",
};

const gapWords = ({ source, cause }) =>
  `Sound is missing at ${source || "a source"}${cause in CAUSES ? `: ${CAUSES[cause]}` : "."}`;

let hiding = 0;

function trouble(words) {
  const line = find("#trouble");
  say(line, words);
  line.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (line.hidden = true), LOST_SHOWN_MS);
}

addView("live", { opened: showEvents });
startTeach();
startSourceChoice();
startLive();
startEvents();
startClasses();
startHistory();
startReview();
startSettings();
startLogin({ locked: stop });
startPlot();
startTabs();
follow({
  begun(recent, state) {
    begin(recent);
    setState(state);
    showNow();
    showEvents();
  },
  heard: (record) => hears[record.type]?.(record),
  mel: addMel,
  state: (state) => (state?.model ? setState(state) : refresh()),
  lost: ({ count: lost }) =>
    trouble(`This page was too slow to read ${count(lost, "message")}. The listener went on without it.`),
  connection(kind, words) {
    find("#connection").dataset.state = kind;
    say(find("#connection-words"), words);
    showConnection(kind);
  },
});
