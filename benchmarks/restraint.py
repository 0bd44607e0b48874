"""Does it claim what it was taught, and nothing beside? Families of sounds, each class of them taught from a few clips.

    python -m benchmarks.restraint --sets FOLDER [--model M] [--taught 5] [--ambience FOLDER] [--json FILE]

FOLDER/SET/CLASS/*.wav (or flac, ogg ...): a set is a family of classes that are like each other. A class with enough
clips is taught to the model, alone and with everything at its defaults, by the product's own Teacher in a journal of
its own. Then, on clips that were not taught:

- AUROC: the class's own clips against its family's, by the class's evidence, in percent.
- claimed: the share of the family's clips that are announced as it, had one window been enough.
- family: events an hour, where it was not, on a stream of the family's clips, one after the other.
- other kinds: events an hour, and seconds of each hour within them, on a stream of the other sets' clips and of the
  ambience, by the listener's own rule. All of them are wrong.
- mixture: ten times the class, among its family and over the ambience, at random gaps in ten minutes: how many of the
  ten were found, events where it was not, and seconds within events away from it.
- quiet room: events an hour in a room's noise.

The last rows say what the model announces with nothing taught. A set named by --heard is only played. Embeddings of
windows are kept in --cache for each model. Four sets take about ten minutes on one core, again two.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.kept_encoder import KeptEncoder
from benchmarks.matching import Announced, Matched, Played, match
from benchmarks.restraint_sound import (
    Bed,
    Drawn,
    Family,
    TimeLine,
    draw,
    mixture,
    quiet_room,
    random,
    read_bed,
    read_families,
    stream,
)  # fmt: skip
from pace_edge.audio import level_dbfs
from pace_edge.clips import clip_windows, loud_enough, window_levels_dbfs
from pace_edge.config import STARTER_MODEL
from pace_edge.errors import PaceEdgeError, UsageError
from pace_edge.model_file import Model, read_model
from streams.heard import Event, Window
from streams.listening.classify import ears_for
from streams.listening.ears import Ears
from streams.listening.edges import Edges, Levels
from streams.listening.events import EventState, finish, step
from streams.listening.learner import open_journal
from streams.listening.windows import Windower
from streams.teaching.teach import Teacher

TIMES = 10  # that a taught class is played in its mixture
TOGETHER = 3  # taught classes that share a mixture, each heard by its own learner
OTHERS = 30  # clips of the rest of the family in it
LEFT = 4  # clips that a class must have beside the taught ones
FAMILY = 150  # of its clips that a class is held against
QUIET_S = 120.0
PIECE_S = 30  # that is heard at once
GRID_S = 0.1


@dataclass(frozen=True)
class Heard:
    """A time line as the model hears it: its windows, before anybody judged them, where sounds begin and end in each,
    and embeddings [n, D]."""

    windows: tuple[Window, ...]
    edges: tuple[Edges, ...]
    embeddings: np.ndarray
    played: tuple[Played, ...]
    seconds: float


@dataclass(frozen=True)
class Said:
    """What was announced of a time line: the starts, the stretches (label, start, end), and single windows that would
    be announced."""

    starts: tuple[Announced, ...]
    stretches: tuple[tuple[str, float, float], ...]
    windows: int


@dataclass(frozen=True)
class Row:
    """One taught class, in the units of the table."""

    set: str
    label: str
    auroc: float
    claimed: float
    family_events: float
    others_events: float
    others_seconds: float
    found: float
    false: float
    wrong_seconds: float
    quiet_events: float


COLUMNS = {  # head, decimals, and whether less is better
    "auroc": ("AUROC in the family", 1, False), "claimed": ("family claimed, %", 1, True),
    "family_events": ("family: events/h", 1, True),
    "others_events": ("other kinds: events/h", 1, True), "others_seconds": ("s of each hour", 0, True),
    "found": (f"mixture: found of {TIMES}", 1, False), "false": ("false", 1, True),
    "wrong_seconds": ("s wrong", 1, True), "quiet_events": ("quiet room: events/h", 1, True),
}  # fmt: skip


class Bench:
    """A model, its encoder, and the time lines that all classes hear."""

    def __init__(self, model: Model, encoder: KeptEncoder, families: Sequence[Family], bed: Bed, *, taught: int,
                 seconds: float, mixture_s: float, seed: int) -> None:  # fmt: skip
        self.model, self.encoder, self.families, self.bed = model, encoder, families, bed
        self.taught, self.mixture_s, self.seed = taught, mixture_s, seed
        self.rate_hz = model.info.rate_hz
        self.window_s = model.info.window_samples / self.rate_hz
        self.streams = {family.name: self.hear(self._stream(family, seconds)) for family in families}
        rng = random(seed, "ambience")
        alone = bed.alone(round(seconds * self.rate_hz), rng=rng)
        if len(alone):
            self.streams["the ambience"] = self.hear(TimeLine(alone, ()))
        self.quiet = self.hear(TimeLine(quiet_room(round(QUIET_S * self.rate_hz), rng=random(seed, "quiet")), ()))

    def _stream(self, family: Family, seconds: float) -> TimeLine:
        clips = [(label, clip) for label, clips in family.clips.items() for clip in clips]
        return stream(clips, self.bed, seconds=seconds, rng=random(self.seed, family.name, "stream"))

    def hear(self, line: TimeLine) -> Heard:
        info = self.model.info
        windower, levels = Windower(info.window_samples, info.hop_samples), Levels(self.rate_hz)
        windows: list[Window] = []
        edges: list[Edges] = []
        embeddings = [np.empty((0, self.encoder.embedding_size), np.float32)]
        for at in range(0, len(line.samples), PIECE_S * self.rate_hz):
            chunk = line.samples[at : at + PIECE_S * self.rate_hz]
            levels.push(chunk, window=info.window_samples)
            cut = windower.push(chunk)
            embeddings += [self.encoder(np.stack([samples for _, samples in cut]))] if cut else []
            for start, samples in cut:
                end = start + len(samples)
                windows.append(Window(start / self.rate_hz, end / self.rate_hz, "", 0.0, level_dbfs(samples)))
                edges.append(levels.edges(start, end, info.hop_samples))
        seconds = len(line.samples) / self.rate_hz
        return Heard(tuple(windows), tuple(edges), np.concatenate(embeddings), line.played, seconds)

    def clip(self, samples: np.ndarray) -> np.ndarray:
        """The embeddings [n, D] of a clip's loud windows."""
        info = self.model.info
        windows = clip_windows(samples, info.window_samples, info.hop_samples)
        return self.encoder(windows[loud_enough(window_levels_dbfs(windows))])

    def measure(self, family: Family, labels: Sequence[str]) -> list[Row]:
        """Each of these classes of the family."""
        drawn = {label: draw(family, label, self.taught, self.seed) for label in labels}
        rows = []
        for i in range(0, len(labels), TOGETHER):
            together = labels[i : i + TOGETHER]
            mixed = self.hear(self._mixture(family, {label: drawn[label].left for label in together}))
            rows += [self._class(family, label, drawn[label], mixed) for label in together]
        return rows

    def _mixture(self, family: Family, true: dict[str, list[np.ndarray]]) -> TimeLine:
        rest = [(label, clip) for label, clips in family.clips.items() if label not in true for clip in clips]
        return mixture(
            true, rest, self.bed, times=TIMES, others=OTHERS + TIMES * (TOGETHER - len(true)), seconds=self.mixture_s,
            rng=random(self.seed, family.name, *true, "mixture"),
        )  # fmt: skip

    def _class(self, family: Family, label: str, drawn: Drawn, mixed: Heard) -> Row:
        name = f"taught {label}"  # never one of the model's own
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "journal.sqlite"
            with Teacher(self.model, journal=path, encoder=self.encoder) as teacher:
                for i, clip in enumerate(drawn.taught):
                    teacher.learn_clip(name, clip, source=f"clip {i}", force=True, new_class=True)
            with open_journal(self.model, path) as journal:
                ears = ears_for(self.model, self.encoder, journal)
                own = [self.evidence(ears, name, clip) for clip in drawn.left]
                others = [self.evidence(ears, name, clip) for clip in self._others(family, label)]
                heard = [heard for kind, heard in self.streams.items() if kind != family.name]
                said = [listen(ears, one) for one in heard]
                of_family = self.streams[family.name]
                in_family, in_mixture, in_quiet = (listen(ears, one) for one in (of_family, mixed, self.quiet))
        hours = sum(one.seconds for one in heard) / 3600
        away_s = sum(wrong_seconds(one.stretches, name, (), self.window_s) for one in said)
        true = [replace(one, label=name) for one in mixed.played if one.label == label]
        matched = self._matched(mixed, in_mixture, label, name)
        away = self._matched(of_family, in_family, label, name)
        return Row(
            family.name, label, auroc=100 * auroc([score for score, _ in own], [score for score, _ in others]),
            claimed=100 * float(np.mean([claimed for _, claimed in others])),
            family_events=(len(away.wrong) + len(away.nowhere)) * 3600 / of_family.seconds,
            others_events=sum(len(named(one.starts, name)) for one in said) / hours, others_seconds=away_s / hours,
            found=sum(delay is not None for delay in matched.delay_s), false=len(matched.wrong) + len(matched.nowhere),
            wrong_seconds=wrong_seconds(in_mixture.stretches, name, true, self.window_s),
            quiet_events=len(named(in_quiet.starts, name)) * 3600 / self.quiet.seconds,
        )  # fmt: skip

    def _matched(self, heard: Heard, said: Said, label: str, name: str) -> Matched:
        """What was announced under the taught `name` against where `label` was played."""
        played = [replace(one, label=name) if one.label == label else one for one in heard.played]
        return match(played, named(said.starts, name), window_s=self.window_s)

    def _others(self, family: Family, label: str) -> list[np.ndarray]:
        """Clips of the family's other classes, for every class out of the same FAMILY."""
        clips = [(other, clip) for other, clips in family.clips.items() for clip in clips]
        chosen = random(self.seed, family.name, "others").permutation(len(clips))[:FAMILY]
        return [clips[i][1] for i in chosen if clips[i][0] != label]

    def evidence(self, ears: Ears, name: str, samples: np.ndarray) -> tuple[float, bool]:
        """How much a clip is like the class, and whether it would be announced as it, were it one window. Confidences
        end at 1 and 0; the plain score tells those apart."""
        embeddings = self.clip(samples)
        reading, c = ears.learner.read(embeddings), ears.learner.classifier.labels.index(name)
        plain = ears.learner.classifier.plain_scores(ears.learner.features_of(embeddings)).mean(0)[c]
        confidence = float(reading.confidences[c])
        claimed = reading.winner == c and ears.rule.hit(name, confidence, wins=True, going_on=False)
        return confidence + 1e-6 * float(plain), claimed

    def nothing_taught(self) -> list[tuple[str, float, float]]:
        """(what is heard, windows announced an hour, events an hour), with the model as it is."""
        with tempfile.TemporaryDirectory() as folder, open_journal(self.model, Path(folder) / "journal.sqlite") as none:
            ears = ears_for(self.model, self.encoder, none)
            kinds = {**self.streams, "a quiet room": self.quiet}
            rows = []
            for kind, heard in kinds.items():
                said, hours = listen(ears, heard), heard.seconds / 3600
                rows.append((kind, said.windows / hours, len(said.starts) / hours))
        return rows


def listen(ears: Ears, heard: Heard) -> Said:
    """What a listener announces, by its own rule."""
    state, hits = EventState(), 0
    starts: list[Announced] = []
    ends: list[Event] = []
    for window, edges, embedding in zip(heard.windows, heard.edges, heard.embeddings, strict=True):
        verdict = ears.judge(embedding, window.level_dbfs)
        said = verdict.scores.get(verdict.label, 0.0)  # `unknown` has none, and is not announced
        hits += ears.rule.hit(verdict.label, said, wins=True, going_on=False)
        window = replace(window, label=verdict.label, score=verdict.score)
        state, events = step(state, window, verdict.scores, ears.rule, edges)
        starts += [Announced(event.label, event.end_s) for event in events if event.state == "start"]
        ends += [event for event in events if event.state == "end"]
    ends += finish(state)[1]
    return Said(tuple(starts), tuple((e.label, e.start_s, e.end_s) for e in ends), hits)


def chosen(family: Family, only: Sequence[str], *, taught: int, most: int, seed: int) -> list[str]:
    """The classes of a family that are taught: those that `only` names as SET/CLASS, else at most `most`, drawn, of
    those with enough clips; none where it names other sets. Raises UsageError."""
    enough = [label for label, clips in family.clips.items() if len(clips) >= taught + LEFT]
    asked = [name.partition("/")[2] for name in only if name.startswith(f"{family.name}/")]
    if wrong := sorted({*asked} - {*enough}):
        raise UsageError(
            f"{family.name}/{wrong[0]} cannot be taught", expected=f"a class of {taught + LEFT} clips or more",
            got=f"{len(family.clips.get(wrong[0], []))}", do="Name another, or teach fewer clips.",
        )  # fmt: skip
    if asked or (only and family.name not in only):
        return sorted(asked)
    order = random(seed, family.name, "classes").permutation(len(enough))[:most]
    return [enough[i] for i in sorted(order)]


def named(starts: Sequence[Announced], name: str) -> list[Announced]:
    return [one for one in starts if one.label == name]


def auroc(own: Sequence[float], others: Sequence[float]) -> float:
    """The chance that one of the class's own scores is above another's; of two that are alike, a half."""
    mine, theirs = np.array(own)[:, None], np.array(others)[None]
    return float(np.mean((mine > theirs) + 0.5 * (mine == theirs)))


def wrong_seconds(
    stretches: Sequence[tuple[str, float, float]], name: str, true: Sequence[Played], window_s: float
) -> float:
    """Seconds within events of this name, more than a window away from where it truly was."""
    end_s = max((end for _, _, end in stretches), default=0.0)
    at = (np.arange(round(end_s / GRID_S)) + 0.5) * GRID_S
    wrong = np.zeros(len(at), bool)
    for label, start, end in stretches:
        if label == name:
            wrong |= (at > start) & (at < end)
    for one in true:
        wrong &= (at < one.start_s - window_s) | (at > one.end_s + window_s)
    return float(wrong.sum() * GRID_S)


def in_words(row: Row) -> str:
    values = (f"{head} {getattr(row, column):.{digits}f}" for column, (head, digits, _) in COLUMNS.items())
    return f"{row.set}/{row.label}: {', '.join(values)}"


def table(rows: Sequence[Row], silent: Sequence[tuple[str, float, float]]) -> str:
    """Of each set the mean, and of each column the class that fares worst; then what is announced untaught."""
    heads = ["set", "classes", *(head for head, _, _ in COLUMNS.values())]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name in dict.fromkeys(row.set for row in rows):
        mine = [row for row in rows if row.set == name]
        means, worsts = [], []
        for column, (_, digits, less) in COLUMNS.items():
            values = [getattr(row, column) for row in mine]
            worst = max(range(len(mine)), key=lambda i: values[i] if less else -values[i])
            means.append(f"{np.mean(values):.{digits}f}")
            worsts.append(f"{values[worst]:.{digits}f} {mine[worst].label}")
        lines.append(f"| {name}: mean | {len(mine)} | {' | '.join(means)} |")
        lines.append(f"| {name}: worst | | {' | '.join(worsts)} |")
    lines += ["", "| nothing taught, played | windows announced/h | events/h |", "|---|---|---|"]
    lines += [f"| {kind} | {windows:.0f} | {events:.1f} |" for kind, windows, events in silent]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=STARTER_MODEL)
    parser.add_argument("--ambience", type=Path, help="recordings that are under the mixtures, and heard by themselves")
    parser.add_argument("--taught", type=int, default=5, help="clips that a class is taught from (default 5)")
    parser.add_argument("--only", nargs="+", default=[], metavar="SET[/CLASS]", help="teach these, and no others")
    parser.add_argument("--heard", nargs="+", default=["others"], metavar="SET", help="sets that are only played "
                        "(default: others)")  # fmt: skip
    parser.add_argument("--classes", type=int, default=6, help="of a set, drawn (default 6)")
    parser.add_argument("--clips", type=int, default=16, help="of a class, drawn (default 16)")
    parser.add_argument("--minutes", type=float, default=3.0, help="of each set in the stream of other kinds")
    parser.add_argument("--mixture-minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "pace-edge-restraint")
    parser.add_argument("--json", type=Path, help="write every class's row there")
    words = parser.parse_args()
    started = time.monotonic()
    try:
        model = read_model(words.model)
        encoder = KeptEncoder(model, words.cache)
        families = read_families(words.sets, model.info.rate_hz, most=words.clips, seed=words.seed)
        if missing := {name.partition("/")[0] for name in words.only} - {family.name for family in families}:
            raise UsageError(f"there is no set {', '.join(sorted(missing))} in {words.sets}", do="Name one of them.")
        only = words.only or [family.name for family in families if family.name not in words.heard]
        labels = {
            family.name: chosen(family, only, taught=words.taught, most=words.classes, seed=words.seed)
            for family in families
        }
        print(f"{time.monotonic() - started:5.0f} s  the streams ...", file=sys.stderr, flush=True)
        bench = Bench(
            model, encoder, families, read_bed(words.ambience, model.info.rate_hz), taught=words.taught,
            seconds=60 * words.minutes, mixture_s=60 * words.mixture_minutes, seed=words.seed,
        )  # fmt: skip
        encoder.save()
        rows: list[Row] = []
        for family in families:
            if labels[family.name]:
                rows += bench.measure(family, labels[family.name])
                encoder.save()
                for row in rows[-len(labels[family.name]) :]:
                    print(f"{time.monotonic() - started:5.0f} s  {in_words(row)}", file=sys.stderr, flush=True)
        silent = bench.nothing_taught()
    except PaceEdgeError as error:
        sys.exit(f"restraint: {error}")
    encoder.save()
    if words.json:
        nothing = [dict(zip(("played", "windows_an_hour", "events_an_hour"), row, strict=True)) for row in silent]
        found = {
            "model": model.sha256, "taught": words.taught, "seed": words.seed, "nothing_taught": nothing,
            "classes": [asdict(row) for row in rows],
        }  # fmt: skip
        words.json.write_text(json.dumps(found, indent=1) + "\n")
    print(table(rows, silent))


if __name__ == "__main__":
    main()
