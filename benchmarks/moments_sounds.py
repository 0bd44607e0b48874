"""The sounds of `benchmarks.taught_moments`: recordings that ship, formulae with an onset and
a decay, and a room's noise.

All are mono float32 at RATE_HZ. A sound's level is that of its loudest 0.1 s, in dB relative to full scale.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pace_edge.audio import read_audio

RATE_HZ = 16000
HERE = Path(__file__).resolve().parent.parent
SHIPPED = ("ring", "other_bell", "ring_twice")
LONG_S = 12.0
LOUDEST_S = 0.1
CLIPS_S = (0.5, 6.0)  # how much of a clip of --data must be audible to be used
PAUSE_S = 1.0
_AUDIBLE_DB = 30.0


def sound(name: str) -> np.ndarray:
    """One of SHIPPED or of the formulae below, at some level."""
    if name in SHIPPED:
        return read_audio(HERE / "examples" / "sounds" / f"{name}.wav", RATE_HZ)
    return _FORMULAE[name]().astype(np.float32)


def at_level(samples: np.ndarray, dbfs: float) -> np.ndarray:
    """As loud as that in its loudest 0.1 s; what is above full scale is clipped, as a sound card does it."""
    return np.clip(samples * 10 ** ((dbfs - loudest_dbfs(samples)) / 20), -1, 1).astype(np.float32)


def loudest_dbfs(samples: np.ndarray) -> float:
    size = round(LOUDEST_S * RATE_HZ)
    power = np.convolve(samples.astype(float) ** 2, np.ones(size) / size, "valid")
    return float(10 * np.log10(power.max()))


def pink(seconds: float, dbfs: float, rng: np.random.Generator) -> np.ndarray:
    """Pink noise of this RMS level whose end fits its beginning."""
    spectrum = np.fft.rfft(rng.standard_normal(round(seconds * RATE_HZ)))
    hz = np.fft.rfftfreq(round(seconds * RATE_HZ), 1 / RATE_HZ)
    spectrum[hz < 20] = 0
    spectrum[hz >= 20] /= np.sqrt(hz[hz >= 20])
    noise = np.fft.irfft(spectrum)
    return (10 ** (dbfs / 20) * noise / np.sqrt(np.mean(noise**2))).astype(np.float32)


def clicks(seconds: float, rng: np.random.Generator, *, a_second: float = 4.0) -> np.ndarray:
    """Steps or keys: short knocks at irregular times."""
    out = np.zeros(round(seconds * RATE_HZ))
    at = 0.0
    while (at := at + rng.uniform(0.5, 1.5) / a_second) < seconds - 0.1:
        tick = _decay(0.06, 0.012) * rng.standard_normal(round(0.06 * RATE_HZ))
        out[round(at * RATE_HZ) :][: len(tick)] += rng.uniform(0.5, 1) * tick
    return out.astype(np.float32)


def clips(data: Path, rng: np.random.Generator, count: int) -> list[tuple[str, np.ndarray]]:
    """So many recordings of DATA (esc10, urbansound8k_part), with the names of their files: of one sound each, which
    begins and ends in them and has no pause of a second (two shots are two sounds)."""
    found: list[tuple[str, np.ndarray]] = []
    rows = [path for name in ("esc10", "urbansound8k_part") for path in _audio_of(data / name)]
    for i in rng.permutation(len(rows)):
        samples = read_audio(rows[i], RATE_HZ)
        first, last, pause = _audible(samples)
        if (
            pause < PAUSE_S * RATE_HZ
            and CLIPS_S[0] <= (last - first) / RATE_HZ <= CLIPS_S[1]
            and last - first < 0.9 * len(samples)
        ):
            found.append((rows[i].name, samples[first:last]))
        if len(found) == count:
            break
    return found


def _audio_of(folder: Path) -> Sequence[Path]:
    with (folder / "labels.csv").open(newline="") as file:
        return [folder / row["path"] for row in csv.DictReader(file)]


def _audible(samples: np.ndarray) -> tuple[int, int, int]:
    """Its first and last sample that is less than so many dB below the loudest, in pieces of 20 ms, and the longest
    pause between, in samples."""
    size = RATE_HZ // 50
    power = np.array([np.mean(samples[i : i + size].astype(float) ** 2) for i in range(0, len(samples), size)])
    (loud,) = np.nonzero(power > power.max() * 10 ** (-_AUDIBLE_DB / 10))
    pause = int(np.diff(loud, prepend=loud[0]).max()) * size
    return int(loud[0]) * size, min(len(samples), (int(loud[-1]) + 1) * size), pause


def _time(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * RATE_HZ)) / RATE_HZ


def _tones(hz: Sequence[float], strengths: Sequence[float], seconds: float) -> np.ndarray:
    return np.array(strengths) @ np.sin(2 * np.pi * np.outer(hz, _time(seconds)))


def _decay(seconds: float, tau_s: float) -> np.ndarray:
    t = _time(seconds)
    return np.minimum(1, t / 0.003) * np.exp(-t / tau_s)


def _fades(samples: np.ndarray, seconds: float = 0.05) -> np.ndarray:
    ramp = np.minimum(1, _time(len(samples) / RATE_HZ) / seconds)
    return samples * ramp * ramp[::-1]


def _chime() -> np.ndarray:
    """Ding, dong: two struck bars."""
    out = np.zeros(round(2.4 * RATE_HZ))
    for at_s, hz in ((0.0, 784.0), (0.7, 622.0)):
        bar = _tones((hz, 2.76 * hz, 5.4 * hz), (1.0, 0.4, 0.15), 1.7)
        out[round(at_s * RATE_HZ) :][: len(bar)] += (bar * _decay(1.7, 0.4))[: len(out) - round(at_s * RATE_HZ)]
    return out


def _knock() -> np.ndarray:
    """Three times on a wooden door."""
    rng, out = np.random.default_rng(3), np.zeros(round(1.3 * RATE_HZ))
    for at_s in (0.0, 0.35, 0.7):
        wood = _tones((180, 310, 520), (1, 1, 1), 0.3) * _decay(0.3, 0.04)
        blow = wood + 0.5 * rng.standard_normal(len(wood)) * _decay(0.3, 0.008)
        out[round(at_s * RATE_HZ) :][: len(blow)] += blow
    return out


def _whistle() -> np.ndarray:
    """A person calls a dog: up, and up again."""
    hz = np.concatenate([np.linspace(1200, 2100, round(0.5 * RATE_HZ)), np.linspace(1500, 2600, round(0.7 * RATE_HZ))])
    tone = np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ)
    half = round(0.5 * RATE_HZ)
    return np.concatenate([_fades(tone[:half]), np.zeros(RATE_HZ // 10), _fades(tone[half:], 0.15)])


def _beeps() -> np.ndarray:
    """A kitchen timer."""
    beep = _fades(np.sign(np.sin(2 * np.pi * 2000 * _time(0.12))) * 0.5, 0.01)
    return np.concatenate([np.concatenate([beep, np.zeros(round(0.13 * RATE_HZ))])] * 8)


def _phone() -> np.ndarray:
    """An old telephone: it rings, pauses for 0.8 s, and rings again."""
    t = _time(1.0)
    ring = _fades(np.sin(2 * np.pi * 25 * t) ** 2 * (np.sin(2 * np.pi * 1050 * t) + np.sin(2 * np.pi * 1320 * t)))
    return np.concatenate([ring, np.zeros(round(0.8 * RATE_HZ)), ring, np.zeros(round(0.1 * RATE_HZ))])


def _kettle() -> np.ndarray:
    """It begins to whistle, and goes on for LONG_S."""
    rng, t = np.random.default_rng(5), _time(LONG_S)
    hz = 1700 + 500 * np.minimum(1, t / 3) + 30 * np.sin(2 * np.pi * 5 * t)
    steam = 0.2 * rng.standard_normal(len(t))
    return (
        (np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ) + steam)
        * np.minimum(1, t / 1.5)
        * np.minimum(1, (LONG_S - t) / 0.5)
    )


def _slam() -> np.ndarray:
    """A door falls shut."""
    rng = np.random.default_rng(7)
    boom = np.sin(2 * np.pi * 70 * _time(0.6)) * _decay(0.6, 0.12)
    return boom + 0.7 * rng.standard_normal(len(boom)) * _decay(0.6, 0.04)


def _buzzer() -> np.ndarray:
    """The house's front door is opened."""
    t = _time(1.6)
    return _fades(np.sign(np.sin(2 * np.pi * 120 * t)) * 0.4 + 0.3 * np.sin(2 * np.pi * 480 * t), 0.02)


_FORMULAE = {
    "chime": _chime, "knock": _knock, "whistle": _whistle, "beeps": _beeps, "phone": _phone, "kettle": _kettle,
    "slam": _slam, "buzzer": _buzzer,
}  # fmt: skip
