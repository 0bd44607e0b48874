"""The household set: of each name how many of its clips are announced, and how often other sounds are taken for it.

    python -m benchmarks.household --data ../shared/data --cache FOLDER [--more FOLDER ...]

Prints a Markdown table: a row for each sound of streams/listening/household.py. Heard are the whole of ESC-10, up to 60
clips of each class of UrbanSound8K, 40 of each class of Speech Commands' 12, the sentences of TIMIT, and up to EACH of
each class in the folders MORE: each with a folder for each class, or a clips.csv or labels.csv that says what each clip
is. A clip's first 10 s are a stream of its own, cut and announced as a listener does, with the default rule: two
windows in a row. A clip counts for a sound where its class is in `MEANT`, and is no false event of a sound where its
class is in `MEANT` or `NEAR`. The threshold is the lowest of GRID that keeps to FALSE_AN_HOUR over all other clips. Two
figures: of all of them, and of those that are no recording from a game or an instrument. Needs `pip install
.[train,bench]`.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.shots_data import few_of_each
from export.onnx_file import export_embedder
from export.parity import session
from pace_edge.adapt import yamnet
from pace_edge.adapt.data import read_clips, read_manifest
from pace_edge.adapt.starter import STARTER
from pace_edge.adapt.weights import YAMNET, fetch
from pace_edge.audio import read_audio
from pace_edge.errors import PaceEdgeError
from streams.heard import Window
from streams.listening.event_rule import EventRule
from streams.listening.events import EventState, finish, step
from streams.listening.household import HOUSEHOLD, HouseholdSound
from streams.listening.windows import Windower

FALSE_AN_HOUR = 1.0
GRID = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
LEAST, LEAST_UNTESTED = 0.2, 0.5  # thresholds; a few hours say nothing of the sounds that are not in them
FEWEST = 10  # clips that a recall is said of
SOME = 5  # clips of which too few are found: enough to refuse
RECALL = 0.5
LONGEST_S = 10.0
EACH = 6  # clips of a class in the folders MORE, but all of one that a household sound means

# Classes of the sets, a file's or folder's name in lower case, by the sound that they are
MEANT = {
    "alarm clock": {"alarm_clock", "alarm clock"},
    "appliance beep": {"beeps", "beep", "bleep", "computerbeeps1", "computerbeeps2", "microwave"},
    "baby cry": {"baby_cry", "crying_baby", "babycry"},
    "car horn": {"car_horn", "honkhonk-hi", "honkhonk-high", "honkhonk-low", "honkhonk-med"},
    "cat": {"cat"},
    "clock tick": {"clock_tick"},
    "cough": {"cough", "coughing", "cough-male", "cough-female"},
    "dog bark": {"dog", "dog_bark", "lrbark_1_la_cut", "lrbark_3_la_cut"},
    "doorbell": {"doorbell", "ring", "ring_far", "ring_hall", "ring_noise", "ring_soft", "ring_twice", "other_bell"},
    "drill": {"drilling"},
    "glass breaking": {"glass breaking", "glass_breaking", "glass"},
    "gunshot": {"gun_shot"},
    "knock": {"knock", "door_knock"},
    "rain": {"rain", "lrrain_in_garden_01_la_cut"},
    "rooster": {"rooster"},
    "running water": {"water_fill", "waterrunning", "faucet", "water_tap"},
    "siren": {"siren", "police", "firetruck"},
    "sneeze": {"person_sneeze", "sneezing", "sneeze-female", "sneeze-male"},
    "snoring": {"snoring"},
    "telephone": {"oxygen-im-phone-ring", "phone", "telephone"},
    "toilet flush": {"toilet"},
    "vacuum cleaner": {"vacuum_cleaner"},
}
# Classes that are alike, or are known to hold the sound among others: neither found nor false
NEAR = {
    "alarm clock": {"beeps", "siren"},
    "appliance beep": {"siren", "alarm_clock"},
    "cat": {"gummy-cat-2", "children_playing"},
    "car horn": {"street_music", "jackhammer", "siren"},
    "car alarm": {"siren", "car_horn"},
    "dog bark": {"children_playing", "wolf", "fox", "sea_lion"},
    "drill": {"jackhammer", "chainsaw"},
    "fire alarm": {"siren", "beeps"},
    "gunshot": set[str](),
    "rain": {
        "autumn_rain",
        "ambience",
        "sea_waves",
        "lrfrogsinpondduringstormlacut",
        "weather",
        "toilet",
        "waterrunning",
    },
    "rooster": {"chicken", "hen", "turkey", "farm", "organicfarm"},
    "running water": {"rain", "toilet", "sea_waves", "water", "waterdrop"},
    "siren": set[str](),
    "smoke alarm": {"beeps", "siren"},
    "telephone": {"lomiri-sounds", "oxygen-sounds"},
}
STAGED = ("instruments", "others", "effects", "synthetic", "words", "phrases")  # kinds of MORE that no room has


@dataclass(frozen=True)
class HeardClip:
    """`classes`: what it is called, and the kinds that it belongs to; `names`: of each window, float [windows, 521]."""

    classes: frozenset[str]
    seconds: float
    names: np.ndarray


def clips_of(data: Path, more: list[Path]) -> Iterator[tuple[Path, frozenset[str]]]:
    """Each clip's file, and what it is called."""
    sets = [
        read_manifest(data / "esc10"), few_of_each(read_manifest(data / "urbansound8k_part"), 15),
        few_of_each(read_manifest(data / "speech_commands_v2_test12"), 8),
        read_manifest(data / "timit_sample16"),
    ]  # fmt: skip
    for clip in (clip for clips in sets for clip in clips):
        yield clip.path, frozenset({clip.label})
    meant, seen = set[str]().union(*MEANT.values()), Counter[str]()
    for folder in more:
        for path, name, kind in _in_folder(folder):
            seen[name] += 1
            if seen[name] <= EACH or name.lower() in meant:
                yield path, frozenset({name.split("/")[-1].lower(), kind.lower()})


def _in_folder(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Each clip's file, class and kind."""
    if (table := folder / "clips.csv").exists():
        with table.open(newline="") as file:
            for row in csv.DictReader(file):
                yield folder / row["path"], row["group"], row["kind"]
    elif files := sorted(folder.glob("*.wav")):
        for path in files:
            yield path, path.stem, folder.name
    else:
        for clip in read_clips(folder):
            yield clip.path, clip.label, folder.name


def windows_of(samples: np.ndarray) -> list[np.ndarray]:
    """As a listener cuts a recording, with its end."""
    windower = Windower(STARTER.window_samples, STARTER.hop_samples)
    windows = [window.copy() for _, window in windower.push(samples)]
    return windows + [window for _, window in windower.rest(EventRule.min_hits)]


class Head(torch.nn.Module):
    """The network up to its names alone: PCM [batch, samples] to [batch, 521], as in the starter's file."""

    outputs = ("names",)

    def __init__(self, net: yamnet.PatchedYamNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pcm: torch.Tensor) -> torch.Tensor:
        return self.net.names_of(self.net.patches(pcm))


def hear(data: Path, more: list[Path], cache: Path) -> tuple[list[HeardClip], tuple[str, ...]]:
    """Every clip through the network once, kept in `cache`; and the head's names."""
    net = yamnet.patched_from_tflite(fetch(YAMNET))
    runtime = session(export_embedder(Head(net), STARTER.window_samples))
    cache.mkdir(parents=True, exist_ok=True)
    clips = []
    for path, classes in clips_of(data, more):
        kept = cache / f"{path.parent.name}-{path.stem}.npy"
        samples = read_audio(path, STARTER.rate_hz)[: round(LONGEST_S * STARTER.rate_hz)]
        if not kept.exists():
            heard = [runtime.run(["names"], {"pcm": window[None]})[0] for window in windows_of(samples)]
            np.save(kept, np.concatenate(heard).astype(np.float16))
        clips.append(HeardClip(classes, len(samples) / STARTER.rate_hz, np.load(kept).astype(np.float32)))
        if len(clips) % 500 == 0:
            print(f"{len(clips)} clips", file=sys.stderr, flush=True)
    return clips, net.names


def events_of(scores: np.ndarray, threshold: float) -> int:
    """How many events a stream of these scores [windows] has, by the listener's own rule."""
    if scores.max() < threshold:
        return 0
    rule, state, starts = EventRule(threshold=threshold), EventState(), 0
    for i, score in enumerate(scores.tolist()):
        at = i * STARTER.hop_s
        state, events = step(state, Window(at, at + STARTER.window_s, "it", score, 0.0), {"it": score}, rule)
        starts += sum(event.state == "start" for event in events)
    finish(state)
    return starts


@dataclass(frozen=True)
class Measured:
    """Of one sound at one threshold; `staged_an_hour`: false events in sounds that no room has."""

    threshold: float
    found: int
    clips: int
    false_an_hour: float
    staged_an_hour: float
    most: str  # the class that is taken for it most often


def measured(sound: HouseholdSound, clips: list[HeardClip], names: tuple[str, ...], threshold: float) -> Measured:
    columns = [names.index(name) for name in sound.names]
    meant, near = MEANT.get(sound.label, set()), NEAR.get(sound.label, set())
    found = n = 0
    seconds, false = {False: 0.0, True: 0.0}, {False: 0, True: 0}
    taken: dict[str, int] = {}
    for clip in clips:
        starts = events_of(clip.names[:, columns].max(1), threshold)
        if clip.classes & meant:
            n, found = n + 1, found + bool(starts)
        elif not clip.classes & near:
            staged = bool(clip.classes & set(STAGED))
            seconds[staged] += clip.seconds
            false[staged] += starts
            if starts:
                word = min(clip.classes - set(STAGED), default="")
                taken[word] = taken.get(word, 0) + starts
    most = max(taken, key=lambda word: taken[word], default="")
    hour = {staged: 3600 * false[staged] / max(1.0, seconds[staged]) for staged in seconds}
    return Measured(threshold, found, n, hour[False], hour[True], f"{most} ({taken[most]})" if most else "")


def judged(sound: HouseholdSound, clips: list[HeardClip], names: tuple[str, ...]) -> tuple[Measured, str]:
    """At the threshold that it should have, with the verdict."""
    grid = [measured(sound, clips, names, threshold) for threshold in GRID]
    best = next((one for one in grid if one.false_an_hour <= FALSE_AN_HOUR), grid[-1])
    least = LEAST if best.clips >= FEWEST else LEAST_UNTESTED
    if best.threshold < least:
        best = next(one for one in grid if one.threshold >= least)
    if best.clips >= SOME and best.found < RECALL * best.clips:
        return best, "refused"
    return best, "tested" if best.clips >= FEWEST else "untested"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="keep what was heard in this folder")
    parser.add_argument("--more", type=Path, nargs="*", default=[], help="more folders of clips")
    words = parser.parse_args()
    try:
        clips, names = hear(words.data, words.more, words.cache)
    except PaceEdgeError as error:
        sys.exit(f"household: {error}")
    hours = sum(clip.seconds for clip in clips) / 3600
    print(f"{len(clips)} clips, {hours:.1f} hours.\n")
    print("| sound | verdict | threshold | found | false an hour | in staged sounds | most often taken for it |")
    print("|---|---|---|---|---|---|---|")
    for sound in HOUSEHOLD:
        best, verdict = judged(sound, clips, names)
        same = sound.verdict == verdict and (verdict == "refused" or sound.threshold == best.threshold)
        recall = f"{best.found} of {best.clips}" if best.clips else "none heard"
        label = sound.label if same else f"{sound.label} (household.py says otherwise)"
        print(f"| {label} | {verdict} | {best.threshold:g} | {recall} | {best.false_an_hour:.1f} "
              f"| {best.staged_an_hour:.1f} | {best.most} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
