// What listens and how it does: the microphone, its gain, health, losses, outputs, the model, and access.

import { ask } from "./api.js";
import { attempt, failed } from "./answer.js";
import { button, field, find, make, newId, say } from "./dom.js";
import { known, whenState } from "./known.js";
import { modelCard } from "./model.js";
import { facts, table } from "./tables.js";
import { addView } from "./tabs.js";
import { count, duration } from "./words.js";

const LATE_S = 30;
const section = find("#view-settings");
const answer = make("div");
const body = make("div", { class: "cards" });

export function startSettings() {
  section.append(make("h1", {}, "Settings"), answer, body);
  whenState(showSources);
  addView("settings", { opened: load });
}

async function load() {
  answer.replaceChildren();
  try {
    const asked = ["settings", "devices", "health", "model"].map((what) => ask(`/api/${what}`));
    const [settings, { devices }, health, model, state] = await Promise.all([...asked, known()]);
    body.replaceChildren(
      soundCard(settings, devices),
      sourcesCard(),
      healthCard(health),
      outputsCard(health),
      modelCard(model, state),
      valuesCard(settings),
      accessCard(state),
    );
  } catch (error) {
    failed(answer, error);
    find(".answer", answer).append(button("Try again", load));
  }
}

const card = (title, ...content) => make("section", { class: "card" }, make("h2", {}, title), content);

function soundCard({ gain_db, sources }, devices) {
  const place = make("div");
  const gain = make("input", { id: "gain", type: "range", min: -20, max: 40, step: 1 });
  const words = make("output", { for: "gain" });
  const show = () => say(words, `${Number(gain.value) > 0 ? "+" : ""}${gain.value} dB`);
  gain.value = gain_db;
  gain.addEventListener("input", show);
  gain.addEventListener("change", () =>
    set(place, null, { gain_db: Number(gain.value) }, `The gain is ${words.textContent} now`),
  );
  show();
  const named = sources.length ? sources : [{ name: "", input: null }]; // the default microphone has no name
  return card(
    "Sound",
    named.map((source, i) => deviceForm(source, i, devices, place)),
    make("p", { class: "field" }, make("label", { for: "gain" }, "Gain ", words), gain),
    place,
  );
}

/** A source that is no microphone, such as a file or a network stream, stays what it is. */
function deviceForm({ name, input }, index, devices, place) {
  const usual = "The default microphone";
  const select = make(
    "select",
    { id: newId("device") },
    make("option", { value: "" }, usual),
    devices.map((device) => make("option", { value: device.name }, device.name)),
  );
  select.value = input ?? "";
  if (select.selectedIndex < 0) {
    select.append(make("option", { value: input }, input));
    select.value = input;
  }
  return make(
    "form",
    {
      class: "inline-form",
      onsubmit: (event) => {
        event.preventDefault();
        const chosen = select.value || null;
        set(
          place,
          find("button", event.target),
          { source: { name: name || `${index}`, device: chosen } },
          chosen ? `It listens to ${chosen} now` : "It listens to the default microphone now",
        );
      },
    },
    field(name ? `Microphone of ${name}` : index ? `Microphone ${index + 1}` : "Microphone", select, { class: "field grow" }),
    make("button", {}, "Use it"),
  );
}

const set = (place, control, body, did) =>
  attempt(place, control, async () => ({ ...(await ask("/api/settings", { body })), did }));

const sourceList = make("ul", { class: "plain-list" });
const heardWords = make("p", { class: "quiet" });

const sourcesCard = () => card("Listening to", sourceList, heardWords);

/** Kept up while the card is in view: a source may end, go away and come back. */
function showSources({ sources, counters }) {
  const rows = sources.map((source) =>
    make(
      "li",
      {},
      make("strong", {}, source.name),
      make("span", { class: `tag ${["healthy", "hearing"].includes(source.state) ? "well" : "odd"}` }, source.state),
      source.words && make("p", { class: "quiet" }, source.words),
    ),
  );
  sourceList.replaceChildren(...(rows.length ? rows : [make("li", {}, "Nothing is heard at the moment.")]));
  say(heardWords, `${count(counters.events ?? 0, "sound")} announced in ${duration(counters.sound_s ?? 0)}.`);
}

function healthCard({ labels, journal, alive_s }) {
  const drifted = labels.filter((one) => one.drifted);
  const words = drifted.length
    ? drifted.map((one) => make("li", { class: "wrong" }, one.words))
    : [
        make(
          "li",
          {},
          labels.length
            ? "What is heard lately sounds as it was taught."
            : "Nothing was heard often enough yet to say.",
        ),
      ];
  const late =
    alive_s > LATE_S && make("li", { class: "wrong" }, `The listener has not come round for ${duration(alive_s)}.`);
  return card(
    "Health",
    make(
      "ul",
      { class: "plain-list" },
      words,
      late,
      (journal.damage ?? []).map((line) => make("li", { class: "wrong" }, line)),
    ),
  );
}

function outputsCard({ counters, sinks }) {
  const lost = {
    gaps: counters.gaps,
    samples_dropped: counters.dropped_samples,
    samples_missing_while_a_source_was_away: counters.away_samples,
    overflows: counters.overflows,
    clipped_windows: counters.clipped,
    journal_failures: counters.journal_failures,
  };
  const heads = ["Output", "Written", "Waiting", "Failed", "Discarded"];
  const rows = Object.entries(sinks).map(([name, sink]) => [
    name,
    sink.written,
    sink.waiting ?? 0,
    sink.failed,
    sink.discarded ?? 0,
  ]);
  return card(
    "Losses and outputs",
    facts(lost),
    rows.length
      ? table("What became of the reports", heads, rows)
      : make("p", { class: "hint" }, "Nothing else is told what it hears."),
  );
}

function valuesCard({ values, kept_in }) {
  return make(
    "section",
    { class: "card wide" },
    make("h2", {}, "All settings"),
    make("p", { class: "quiet" }, `Kept in ${kept_in}; pace-edge config explains each.`),
    make(
      "details",
      {},
      make("summary", {}, count(values.length, "setting")),
      table(
        "All settings",
        ["Setting", "Value"],
        values.map(({ key, value }) => [key, value]),
      ),
    ),
  );
}

function accessCard({ token }) {
  const place = make("div");
  const leave = async () => {
    await ask("/api/logout", { body: {} });
    location.reload();
  };
  return card(
    "Access",
    make(
      "p",
      {},
      token
        ? "This page is open because you gave the token."
        : "No token is asked for: the listener answers this machine alone.",
    ),
    token && button("Log out", (press) => attempt(place, press.currentTarget, leave, { quiet: true })),
    place,
  );
}
