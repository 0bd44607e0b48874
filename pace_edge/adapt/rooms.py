"""Short sounds in the rooms where they are heard: a word somewhere in a window, over a bed of noise, at some level."""

from __future__ import annotations

from typing import Literal

import numpy as np

Colour = Literal["white", "pink", "brown"]
COLOURS: tuple[Colour, ...] = ("white", "pink", "brown")
_SLOPE = {"white": 0.0, "pink": -0.5, "brown": -1.0}  # of the amplitude over frequency


def coloured_noise(samples: int, colour: Colour, *, rng: np.random.Generator) -> np.ndarray:
    """Noise of RMS 1: float32 [samples]."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    spectrum *= np.maximum(np.arange(len(spectrum)), 8.0) ** _SLOPE[colour]
    return _unit_rms(np.fft.irfft(spectrum, samples))


def room_noise(samples: int, recorded: list[np.ndarray], *, rng: np.random.Generator) -> np.ndarray:
    """A bed of RMS 1, float32 [samples]: three times in four from recorded rooms, else synthetic."""
    if not recorded or rng.random() < 0.25:
        return coloured_noise(samples, COLOURS[rng.integers(len(COLOURS))], rng=rng)
    bed: list[np.ndarray] = []
    while sum(map(len, bed)) < samples:
        bed.append(recorded[rng.integers(len(recorded))])
    return _unit_rms(np.concatenate(bed)[:samples])


def in_a_room(clip: np.ndarray, samples: int, recorded: list[np.ndarray], *, rng: np.random.Generator) -> np.ndarray:
    """The clip at a random place of a window [samples], up to 0.1 s of it cut off, 15 to 45 dB above the room."""
    edge = 1600
    window = room_noise(samples, recorded, rng=rng) * _rms(clip) * 10 ** (-rng.uniform(15, 45) / 20)
    start = int(rng.integers(-edge, max(samples - len(clip) + edge, 1 - edge)))
    first, last = max(start, 0), min(start + len(clip), samples)
    window[first:last] += clip[first - start : last - start]
    return at_some_level(window, -12, 3, rng=rng)


def at_some_level(window: np.ndarray, low_db: float, high_db: float, *, rng: np.random.Generator) -> np.ndarray:
    return np.clip(window * 10 ** (rng.uniform(low_db, high_db) / 20), -1, 1).astype(np.float32)


def _rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) + 1e-5


def _unit_rms(x: np.ndarray) -> np.ndarray:
    return (x / _rms(x)).astype(np.float32)
