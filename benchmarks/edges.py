"""How far from the truth events begin and end: by the sound's level, and by the windows alone.

python -m benchmarks.edges --data ../shared/data [--minutes 15]

Clips of ESC-10 and words of Speech Commands (fold 5), up to 12 dB quieter than recorded, are played to the starter over
pink noise: in a quiet room and in a loud one, close upon each other, and between sounds of UrbanSound8K. The truth is
where a clip's level is within 30 dB of its peak, in pieces of 20 ms. Of a sound that is announced by its name, the
first event's start and the last event's end count. `pip install .[train]`; DATA as in benchmarks/programme.py.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.matching import Played
from benchmarks.programme_sound import RATE_HZ, at_some_level, known_clips, placed, room_noise, unknown_clips
from pace_edge.adapt.data import Clip
from streams.heard import Event
from streams.listening.listener import Listener

FOLD = 5
OF_EACH_CLASS = 8
LEAD_S, TRAIL_S = 6.0, 5.0  # of the room alone, at both ends
BETWEEN = 0.6  # of the pauses hold an unknown sound, where there are any


@dataclass(frozen=True)
class Room:
    """What is played in: noise of `dbfs`, pauses between `pauses_s`, and in them unknown sounds or not."""

    name: str
    dbfs: float
    pauses_s: tuple[float, float]
    unknown: bool = False


ROOMS = (
    Room("quiet room", -60, (4, 10)),
    Room("loud room", -45, (4, 10)),
    Room("close upon each other", -60, (0.3, 2)),
    Room("between unknown sounds", -55, (2, 6), unknown=True),
)


def play(room: Room, known: Sequence[Clip], unknown: Sequence[Clip], *, seconds: float, seed: int) -> tuple[
    np.ndarray, list[Played]
]:  # fmt: skip
    """PCM float32 [samples], and the known sounds in it, in order: each clip once, as long as there is room."""
    rng = np.random.default_rng(seed)
    pcm = np.zeros(round(seconds * RATE_HZ))
    strange = [unknown[i] for i in rng.permutation(len(unknown))] if room.unknown else []
    at, last, played = LEAD_S, seconds - TRAIL_S, []

    def put(clip: Clip) -> Played | None:
        nonlocal at
        label, samples = at_some_level(clip, rng)
        begin, at = round(at * RATE_HZ), at + len(samples) / RATE_HZ + rng.uniform(*room.pauses_s)
        if begin + len(samples) > last * RATE_HZ:
            return None
        pcm[begin : begin + len(samples)] += samples
        return placed(label, samples, begin)

    for i in rng.permutation(len(known)):
        if strange and rng.random() < BETWEEN:
            put(strange.pop())
        if (sound := put(known[i])) is None:
            break
        played.append(sound)
    pcm += 10 ** (room.dbfs / 20) * room_noise(len(pcm), rng)
    return np.clip(pcm, -1, 1).astype(np.float32), played


def events_of(pcm: np.ndarray) -> list[Event]:
    """The ends of what the starter announces in it, with a journal of its own."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["PACE_EDGE_HOME"] = home
        with Listener() as listener:
            heard = [*listener.feed(pcm, live=False), *listener.finish()]
    return [one for one in heard if isinstance(one, Event) and one.state == "end"]


@dataclass(frozen=True)
class Errors:
    """In seconds, of each sound that was found; more than 0: too late."""

    start: np.ndarray
    end: np.ndarray
    start_of_windows: np.ndarray
    end_of_windows: np.ndarray


def errors(played: Sequence[Played], events: Sequence[Event]) -> Errors:
    rows = []
    for sound in played:
        windows = [(event, event.windows_s or (event.start_s, event.end_s)) for event in events]
        mine = [
            (event, span) for event, span in windows
            if event.label == sound.label and span[0] < sound.end_s and span[1] > sound.start_s
        ]  # fmt: skip
        if mine:
            (first, first_s), (last, last_s) = mine[0], mine[-1]
            rows.append((
                first.start_s - sound.start_s, last.end_s - sound.end_s,
                first_s[0] - sound.start_s, last_s[1] - sound.end_s,
            ))  # fmt: skip
    return Errors(*np.array(rows).reshape(-1, 4).T)


def table(results: Sequence[tuple[Room, int, Errors]]) -> Iterator[str]:
    yield "| | found | | mean | mean without sign | median | 95 % | worst |"
    yield "|---|---|---|---|---|---|---|---|"
    for room, played, error in results:
        rows = (("start, by windows", error.start_of_windows), ("**start**", error.start),
                ("end, by windows", error.end_of_windows), ("**end**", error.end))  # fmt: skip
        for i, (what, values) in enumerate(rows):
            found = f"{room.name} | {len(values)} of {played}" if not i else " | "
            off = np.abs(values)
            yield (
                f"| {found} | {what} | {values.mean():+.2f} | {off.mean():.2f} | {np.median(off):.2f} |"
                f" {np.percentile(off, 95):.2f} | {off.max():.2f} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15.0, help="in each room (default 15)")
    args = parser.parse_args()
    results = []
    for seed, room in enumerate(ROOMS):
        known = known_clips(args.data, FOLD, OF_EACH_CLASS, seed=seed)
        pcm, played = play(room, known, unknown_clips(args.data), seconds=60 * args.minutes, seed=seed)
        results.append((room, len(played), errors(played, events_of(pcm))))
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
