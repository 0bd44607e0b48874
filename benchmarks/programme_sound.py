"""Makes a programme: known sounds in a quiet room or between unknown sounds, with a marker at each end.

Layout: MARGIN_S of room noise, a marker, MARGIN_S, the sounds with pauses between, MARGIN_S, a marker, MARGIN_S. A
marker is MARKER_S of white noise, so that what was heard can be laid beside what was played to some milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.matching import Played
from pace_edge.adapt.data import Clip, read_manifest
from pace_edge.adapt.rooms import coloured_noise
from pace_edge.adapt.starter import STARTER
from pace_edge.audio import level_dbfs, read_audio

RATE_HZ = STARTER.rate_hz
ROOM_DBFS = -60.0
MARKER_DBFS, MARKER_S = -30.0, 1.0
MARGIN_S = 5.0
QUIETER_DB = 12.0  # a clip is played at its own level or up to so much quieter
APART_S = 3.0  # an unknown sound from a known one
AUDIBLE_DB = 30.0  # below the loudest 20 ms of its clip a sound has not begun, or is over
_BLOCK = RATE_HZ // 50


@dataclass(frozen=True)
class Programme:
    """`played`: the known sounds, `unknown` those in the pauses between them; `pauses_s`: how long all pauses are."""

    path: Path
    seconds: float
    played: tuple[Played, ...]
    unknown: tuple[Played, ...]
    pauses_s: float

    @property
    def marks_s(self) -> tuple[float, float]:
        """The beginning of the first marker and the end of the last."""
        return MARGIN_S, self.seconds - MARGIN_S


def make_programme(
    path: Path, sounds: Sequence[Clip], unknown: Sequence[Clip], *, seconds: float, seed: int
) -> Programme:
    """Write it to `path`. `sounds` are played once each, in random order; `unknown`, if any, fill the pauses."""
    rng = np.random.default_rng(seed)
    clips = [at_some_level(sounds[i], rng) for i in rng.permutation(len(sounds))]
    total = round(seconds * RATE_HZ)
    pcm = np.zeros(total)
    edge = round((2 * MARGIN_S + MARKER_S) * RATE_HZ)
    pause = (total - 2 * edge - sum(len(samples) for _, samples in clips)) / (len(clips) + 1)
    if pause < 2 * APART_S * RATE_HZ:
        raise ValueError(f"{len(clips)} sounds do not fit into {seconds:g} s")
    strange = [unknown[i] for i in rng.permutation(len(unknown))]
    at, played, between = edge, [], []
    for label, samples in clips:
        after = at + round(rng.uniform(0.5, 1.5) * pause)
        after = min(after, total - edge - len(samples))
        between += _fill(pcm, at, after, strange, rng)
        pcm[after : after + len(samples)] += samples
        played.append(placed(label, samples, after))
        at = after + len(samples)
    between += _fill(pcm, at, total - edge, strange, rng)
    pcm += 10 ** (ROOM_DBFS / 20) * room_noise(total, rng)
    marker = 10 ** (MARKER_DBFS / 20) * rng.standard_normal(round(MARKER_S * RATE_HZ))
    margin = round(MARGIN_S * RATE_HZ)
    pcm[margin : margin + len(marker)] += marker
    pcm[total - margin - len(marker) : total - margin] += marker
    soundfile.write(path, np.clip(pcm, -1, 1).astype(np.float32), RATE_HZ, subtype="PCM_16")
    sound_s = sum(len(samples) for _, samples in clips) / RATE_HZ
    return Programme(path, seconds, tuple(played), tuple(between), seconds - sound_s)


def marks(windows: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """When the first marker began and the last one ended, seconds of the stream, from windows (start, end, level).

    The first window that is loud holds a part of the first marker at its end, and the level says how much.
    """
    loud = [i for i, (_, _, level) in enumerate(windows) if level > MARKER_DBFS - 15]

    def share(i: int, neighbours: Sequence[int]) -> float:
        whole = max(windows[j][2] for j in neighbours)
        return MARKER_S * min(1.0, float(10 ** ((windows[i][2] - whole) / 10)))

    first, last = loud[0], loud[-1]
    return (
        windows[first][1] - share(first, range(first, min(first + 4, len(windows)))),
        windows[last][0] + share(last, range(max(0, last - 3), last + 1)),
    )


def known_clips(data: Path, fold: int, per_class: int, *, seed: int) -> list[Clip]:
    """Sounds and words of one fold, `per_class` of each. Words that are no class of their own are `speech`."""
    rng = np.random.default_rng(seed)
    clips = read_manifest(data / "esc10") + read_manifest(data / "speech_commands_v2_test12")
    clips = [clip for clip in clips if clip.fold == fold and clip.label != "silence"]
    by_class = {label: [c for c in clips if c.label == label] for label in sorted({c.label for c in clips})}
    return [here[i] for here in by_class.values() for i in rng.permutation(len(here))[:per_class]]


def unknown_clips(data: Path) -> list[Clip]:
    """UrbanSound8K without its dogs."""
    return [clip for clip in read_manifest(data / "urbansound8k_part") if clip.label != "dog_bark"]


def audible(samples: np.ndarray) -> tuple[int, int]:
    """The first sample of the sound in a clip, and the one after its last, by blocks of 20 ms."""
    blocks = np.array([level_dbfs(samples[i : i + _BLOCK]) for i in range(0, len(samples), _BLOCK)])
    (loud,) = np.nonzero(blocks > blocks.max() - AUDIBLE_DB)
    return int(loud[0]) * _BLOCK, min(len(samples), (int(loud[-1]) + 1) * _BLOCK)


def at_some_level(clip: Clip, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    gain = 10 ** (-rng.uniform(0, QUIETER_DB) / 20)
    return {"unknown": "speech"}.get(clip.label, clip.label), gain * read_audio(clip.path, RATE_HZ)


def placed(label: str, samples: np.ndarray, at: int) -> Played:
    first, last = audible(samples)
    return Played(label, (at + first) / RATE_HZ, (at + last) / RATE_HZ)


def _fill(pcm: np.ndarray, start: int, end: int, strange: list[Clip], rng: np.random.Generator) -> list[Played]:
    """Put unknown clips, taken off `strange`, into the middle of a pause, a second apart."""
    apart = round(APART_S * RATE_HZ)
    at, between = start + apart, []
    while strange:
        label, samples = at_some_level(strange[-1], rng)
        if at + len(samples) > end - apart:
            break
        strange.pop()
        pcm[at : at + len(samples)] += samples
        between.append(placed(label, samples, at))
        at += len(samples) + RATE_HZ
    return between


def room_noise(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Pink noise of RMS 1 without seams: pieces that fade into each other at equal power."""
    size = 4 * RATE_HZ
    fade = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    room = np.zeros(samples + 2 * size)
    for start in range(0, samples + size, size // 2):
        room[start : start + size] += fade * coloured_noise(size, "pink", rng=rng)
    return room[size // 2 : size // 2 + samples]
