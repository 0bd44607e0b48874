"""What restraint is measured on: sets of clips, drawn and laid on a time line over a room or an ambience.

FOLDER/SET/CLASS/*.wav: a set is a family of classes that are like each other, such as instruments, voices or words.
All draws come from a seed and the names, so that the same folder gives the same sound.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.matching import Played
from pace_edge.adapt.rooms import coloured_noise
from pace_edge.audio import AUDIO_SUFFIXES, read_audio
from pace_edge.errors import UsageError

LONGEST_S = 6.0  # of a clip that is played
LOUD_DB = (-30.0, -14.0)  # RMS of a clip that is played
BED_DB = (-56.0, -46.0)  # of the ambience under it
ROOM_DBFS = -60.0  # of the room where no ambience is given
AMBIENCE_DB = (-34.0, -22.0)  # of an ambience that is heard by itself
GAP_S = (0.3, 2.0)  # between clips of a stream
CLEAR_S = 1.0  # the shortest pause of a mixture


@dataclass(frozen=True)
class Family:
    """`clips`: of each class its clips, float32 [samples] each, in the order of their files."""

    name: str
    clips: dict[str, list[np.ndarray]]


@dataclass(frozen=True)
class TimeLine:
    """float32 [samples], and what is played in them: where each clip is, under its class's name."""

    samples: np.ndarray
    played: tuple[Played, ...]


@dataclass(frozen=True)
class Drawn:
    """A class's clips, `taught` and left."""

    taught: list[np.ndarray]
    left: list[np.ndarray]


def random(seed: int, *names: str) -> np.random.Generator:
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def read_families(folder: Path, rate_hz: int, *, most: int, seed: int = 0) -> list[Family]:
    """Every set, with at most `most` clips of a class, drawn. Raises UsageError where there is none."""
    families = []
    for place in sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []:
        clips = {}
        for kind in sorted(path for path in place.iterdir() if path.is_dir()):
            files = sound_files(kind)
            chosen = sorted(random(seed, place.name, kind.name).permutation(len(files))[:most])
            if chosen:
                clips[kind.name] = [read_audio(files[i], rate_hz) for i in chosen]
        if clips:
            families.append(Family(place.name, clips))
    if not families:
        raise UsageError(
            f"{folder} holds no sets of clips", expected="FOLDER/SET/CLASS/*.wav", do="Name the folder above the sets."
        )
    return families


def sound_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)


def draw(family: Family, label: str, taught: int, seed: int) -> Drawn:
    clips = family.clips[label]
    order = random(seed, family.name, label, "taught").permutation(len(clips))
    return Drawn([clips[i] for i in order[:taught]], [clips[i] for i in sorted(order[taught:])])


def stream(clips: Sequence[tuple[str, np.ndarray]], bed: Bed, *, seconds: float, rng: np.random.Generator) -> TimeLine:
    """Clips one after the other, in a random order, with short pauses, until all are played or the time is over."""
    rate_hz = bed.rate_hz
    parts: list[tuple[str, np.ndarray, int]] = []
    at = round(rng.uniform(*GAP_S) * rate_hz)
    for i in rng.permutation(len(clips)):
        label, clip = clips[i]
        clip = audible(clip, rate_hz, rng=rng)
        if at + len(clip) > seconds * rate_hz:
            break
        parts.append((label, clip, at))
        at += len(clip) + round(rng.uniform(*GAP_S) * rate_hz)
    return _laid(parts, bed.under(at, rng=rng), rate_hz)


def mixture(
    true: dict[str, list[np.ndarray]], family: Sequence[tuple[str, np.ndarray]], bed: Bed, *, times: int,
    others: int, seconds: float, rng: np.random.Generator,
) -> TimeLine:  # fmt: skip
    """Each class of `true` so many `times`, and `others` of the family, in a random order, at random gaps.

    Where a class has fewer clips than it takes, they come again, at other levels.
    """
    rate_hz, chosen = bed.rate_hz, []
    for label, clips in true.items():
        order = np.concatenate([rng.permutation(len(clips)) for _ in range(times // len(clips) + 1)])[:times]
        chosen += [(label, clips[i]) for i in order]
    if family:
        chosen += [family[i] for i in rng.choice(len(family), others, replace=others > len(family))]
    chosen = [
        (label, audible(clip, rate_hz, rng=rng)) for label, clip in (chosen[i] for i in rng.permutation(len(chosen)))
    ]
    total = round(seconds * rate_hz)
    free = total - sum(len(clip) for _, clip in chosen) - round(CLEAR_S * rate_hz) * (len(chosen) + 1)
    if free < 0:
        raise UsageError(
            f"{len(chosen)} clips do not fit into a mixture of {seconds:g} s",
            do="Give --minutes more, or shorter clips.",
        )
    gaps = rng.dirichlet(np.ones(len(chosen) + 1)) * free + CLEAR_S * rate_hz
    parts, at = [], 0
    for (label, clip), gap in zip(chosen, gaps[:-1], strict=True):
        at += int(gap)
        parts.append((label, clip, at))
        at += len(clip)
    return _laid(parts, bed.under(total, rng=rng), rate_hz)


def _laid(parts: Sequence[tuple[str, np.ndarray, int]], samples: np.ndarray, rate_hz: int) -> TimeLine:
    played = []
    for label, clip, at in parts:
        samples[at : at + len(clip)] += clip
        played.append(Played(label, at / rate_hz, (at + len(clip)) / rate_hz))
    return TimeLine(np.clip(samples, -1, 1), tuple(played))


def audible(clip: np.ndarray, rate_hz: int, *, rng: np.random.Generator) -> np.ndarray:
    """The clip at a random level of LOUD_DB, lower where it would be clipped."""
    return _at_level(clip[: round(LONGEST_S * rate_hz)], rng.uniform(*LOUD_DB))


def _at_level(samples: np.ndarray, rms_dbfs: float) -> np.ndarray:
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) + 1e-9
    gain = min(10 ** (rms_dbfs / 20) / rms, 0.95 / (float(np.abs(samples).max()) + 1e-9))
    return (samples * gain).astype(np.float32)


@dataclass(frozen=True)
class Bed:
    """What is always there: ambiences, each [samples], or a room's noise."""

    rate_hz: int
    ambiences: tuple[np.ndarray, ...] = ()

    def under(self, samples: int, *, rng: np.random.Generator) -> np.ndarray:
        """float32 [samples] for other sounds to be laid over."""
        return self._of(samples, BED_DB, rng) if self.ambiences else quiet_room(samples, rng=rng)

    def alone(self, samples: int, *, rng: np.random.Generator) -> np.ndarray:
        """The same as loud as one hears it; nothing where there is no ambience."""
        return self._of(samples, AMBIENCE_DB, rng) if self.ambiences else np.zeros(0, np.float32)

    def _of(self, samples: int, level_db: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
        parts, have = [], 0
        for i in self._in_turn(rng):
            parts.append(_at_level(self.ambiences[i], rng.uniform(*level_db)))
            have += len(parts[-1])
            if have >= samples:
                break
        return np.concatenate(parts)[:samples]

    def _in_turn(self, rng: np.random.Generator) -> Iterator[int]:
        while True:
            yield from rng.permutation(len(self.ambiences)).tolist()


def quiet_room(samples: int, *, rng: np.random.Generator) -> np.ndarray:
    return coloured_noise(samples, "pink", rng=rng) * np.float32(10 ** (ROOM_DBFS / 20))


def read_bed(folder: Path | None, rate_hz: int) -> Bed:
    """Raises UsageError where a folder is given and holds no sound."""
    files = sound_files(folder) if folder else []
    if folder and not files:
        raise UsageError(f"{folder} holds no recordings", do="Name a folder of ambiences, or leave --ambience out.")
    return Bed(rate_hz, tuple(audio for file in files if (audio := read_audio(file, rate_hz)).any()))
