"""Sound from a person's arrays: the one place where they become float32 mono in -1..1, or are refused with a sentence.

Nothing is guessed. Whole numbers are divided by the full scale of their type; floats must lie in -1..1, so that 16-bit
numbers in a float array are never taken for sound at 32,767 times full scale. An array of two axes has its channels on
the shorter one, if that is at most `MOST_CHANNELS` long and the other is longer; anything else is ambiguous.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np

from pace_edge.audio import TOO_LOUD, Resampler, check_channel, level_dbfs, mono
from pace_edge.errors import AudioError

MOST_CHANNELS = 32
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 1000, 1_000_000
CANCELLED_DB = 20.0  # the mix is so much quieter than that of unrelated channels as loud as these
CANCEL = "cancel each other: one is the other upside down"
TAKE_ONE = "Take one alone: channel=1."
_AUDIBLE_DBFS = -90.0  # quieter channels have nothing to cancel


def as_sound(
    samples: Any, rate_hz: float | None, *, to_hz: int, channel: int | None = None, name: str = "this array"
) -> np.ndarray:
    """A whole clip as float32 mono [n] in -1..1 at `to_hz`.

    `samples`: numbers that NumPy can read (a list, an array, a torch tensor) of shape [n], [n, channels] or
    [channels, n], at `rate_hz` samples per second. int8, uint8, int16 and int32 have the full scale of their type;
    floats run from -1 to 1 and are clipped there, as those of a file are. `channel`: this one alone, the first is 1;
    else the channels' average. `name`: what errors call it. Raises AudioError.

    >>> from pace_edge.samples import as_sound
    >>> as_sound([0.0, 0.25, 0.5], 16000, to_hz=16000).tolist()
    [0.0, 0.25, 0.5]
    """
    blocks = ArrayBlocks(rate_hz, to_hz=to_hz, channel=channel, name=name)
    array = _numbers(samples, name)
    _check_bits_in_use(array, name)
    sound = np.concatenate([blocks.push(array), blocks.last()])
    if blocks.cancelled:
        raise AudioError(f"the channels of {name} {CANCEL}", do=TAKE_ONE)
    if not len(sound):
        raise AudioError(f"{name} is empty", expected="sound", got="0 samples", do="Give it some samples.")
    return sound


def as_chunk(
    samples: Any, *, rate_hz: float | None, to_hz: int, name: str = "this chunk", after_s: float = 0.0
) -> np.ndarray:
    """A piece of a stream as float32 [n] in -1..1; it may be empty. It is not resampled, since that needs what came
    before it: `rate_hz` other than `to_hz` is an AudioError, and so is more than one channel. `after_s`: where in the
    stream it begins, for what errors say."""
    if rate_hz is not None and (got_hz := checked_rate(rate_hz, name)) != to_hz:
        raise AudioError(
            f"{name} is at another rate than the model", expected=f"{to_hz} Hz", got=f"{got_hz} Hz",
            do="Resample the whole stream first, or let listen(source=blocks, rate_hz=...) do it.",
        )  # fmt: skip
    array = _numbers(samples, name)
    if array.ndim == 2 and 1 not in array.shape and array.size:
        raise AudioError(
            f"{name} has more than one channel", expected="mono [samples]", got=f"shape {list(array.shape)}",
            do="Feed one channel, or let listen(source=blocks, rate_hz=...) mix them.",
        )  # fmt: skip
    return ArrayBlocks(to_hz, to_hz=to_hz, name=name, after_s=after_s).push(array)


class ArrayBlocks:
    """Arrays that follow one another in one sound, of any sizes, to float32 mono blocks at `to_hz`.

    On which axis the channels lie is decided by the first block from which it can be told, and kept.
    """

    def __init__(
        self,
        rate_hz: float | None,
        *,
        to_hz: int,
        channel: int | None = None,
        name: str = "this array",
        after_s: float = 0.0,
    ) -> None:
        self.rate_hz = checked_rate(rate_hz, name)
        self._resampler = Resampler(self.rate_hz, to_hz)
        self._channel, self._name = channel, name
        self._channels_first: bool | None = None
        self._done_s = after_s  # seconds that came before the next block
        self.cancelled = False  # the channels of the latest block left next to nothing of each other

    def push(self, samples: Any) -> np.ndarray:
        """The next block, which may be empty, and so may what it becomes. Raises AudioError."""
        frames = self._frames(_numbers(samples, self._name))
        self._check_finite(frames)
        sound = _full_scale(frames, self._name)
        check_channel(self._channel, sound.shape[1], self._name)
        mixed = mono(sound, self._channel)
        self.cancelled = self._channel is None and _cancel(sound, mixed)
        self._done_s += len(frames) / self.rate_hz
        return self._resampler.push(np.ascontiguousarray(mixed, np.float32))

    def last(self) -> np.ndarray:
        """What the resampler held back; nothing can be pushed after it."""
        return self._resampler.last()

    def _frames(self, array: np.ndarray) -> np.ndarray:
        """[n], [n, channels] or [channels, n] to [n, channels]."""
        if array.ndim == 1:
            return array[:, None]
        if array.ndim == 2 and not array.size:
            return np.empty((0, 1), array.dtype)
        if array.ndim != 2:
            raise AudioError(
                f"{self._name} has {array.ndim} axes", expected="[samples], [samples, channels] or [channels, samples]",
                got=f"shape {list(array.shape)}", do="Give one sound at a time.",
            )  # fmt: skip
        if self._channels_first is None:
            self._channels_first = self._are_channels_first(*array.shape)
        return array.T if self._channels_first else array

    def _are_channels_first(self, first: int, second: int) -> bool:
        if 1 in (first, second):  # mono, whichever axis is the longer
            return first == 1
        few, many = min(first, second), max(first, second)
        if few > MOST_CHANNELS or many <= MOST_CHANNELS:
            raise AudioError(
                f"it cannot be told which axis of {self._name} are its channels",
                expected=f"one axis of at most {MOST_CHANNELS} and the other longer", got=f"shape [{first}, {second}]",
                do="Give one channel as [samples].",
            )  # fmt: skip
        return first < second

    def _check_finite(self, frames: np.ndarray) -> None:
        if frames.dtype.kind != "f" or (finite := np.isfinite(frames).all(1)).all():
            return
        at = int(np.argmin(finite))
        raise AudioError(
            f"{self._name} has a number that is no sound at {self._done_s + at / self.rate_hz:.2f} s",
            expected="finite numbers in -1..1", got=str(frames[at][~np.isfinite(frames[at])][0]),
            do="Find out where it comes from; numpy.nan_to_num makes it 0.",
        )  # fmt: skip


def checked_rate(rate_hz: Any, name: str) -> int:
    """Samples per second as a whole number. Raises AudioError."""
    right = isinstance(rate_hz, numbers.Real) and not isinstance(rate_hz, bool | np.bool_)
    if right and float(rate_hz).is_integer() and LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        return int(rate_hz)
    do = "Say at which rate it was recorded."
    if right and 8 <= rate_hz < LOWEST_RATE_HZ:
        do = f"If {rate_hz:g} is in kHz, give {rate_hz * 1000:g}."
    raise AudioError(
        f"the rate of {name} is missing" if rate_hz is None else f"this is no rate for {name}",
        expected=f"rate_hz from {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} samples per second, a whole number",
        got="none" if rate_hz is None else repr(rate_hz), do=do,
    )  # fmt: skip


def _cancel(frames: np.ndarray, mixed: np.ndarray) -> bool:
    """Whether channels [n, channels] that can be heard leave next to nothing in their average [n]."""
    channels = frames.shape[1]
    if channels < 2 or not len(frames):
        return False
    power = sum(10 ** (level_dbfs(frames[:, c]) / 10) for c in range(channels))
    unrelated_dbfs = 10 * math.log10(power) - 20 * math.log10(channels)
    return unrelated_dbfs > _AUDIBLE_DBFS and level_dbfs(mixed) < unrelated_dbfs - CANCELLED_DB


def _numbers(samples: Any, name: str) -> np.ndarray:
    """As an array of real numbers of a type whose full scale is known. Raises AudioError."""
    if isinstance(samples, bytes | bytearray | memoryview):
        raise AudioError(
            f"{name} is bytes, not numbers", expected="an array",
            do="Say what they hold, such as numpy.frombuffer(data, numpy.int16) for 16-bit PCM.",
        )  # fmt: skip
    try:
        array = np.asarray(samples)
    except Exception as error:  # whatever NumPy or the object's own __array__ says, such as torch of its devices
        raise AudioError(
            f"{name} cannot be read as numbers ({error})", expected="a list or array of numbers, all rows as long",
            do="Convert it to a NumPy array.",
        ) from error  # fmt: skip
    if array.ndim == 0 or array.dtype.kind not in "iuf":
        what = {"c": "complex numbers", "b": "truth values"}.get(array.dtype.kind, f"{type(samples).__name__}")
        raise AudioError(
            f"{name} holds no sound", expected="an array of real numbers",
            got=what if array.ndim else f"a single {type(samples).__name__}", do="Give its samples.",
        )  # fmt: skip
    if array.dtype.kind in "iu" and str(array.dtype.newbyteorder("=")) not in _FULL_SCALE:
        raise AudioError(
            f"whole numbers of type {array.dtype} have no full scale: it cannot be told how loud {name} is",
            expected=f"floats in -1..1, or {', '.join(_FULL_SCALE)}",
            do="Say how many bits they have, such as numpy.asarray(samples, numpy.int16).",
        )  # fmt: skip
    return array


_FULL_SCALE = {"int8": 2.0**7, "uint8": 2.0**7, "int16": 2.0**15, "int32": 2.0**31}


def _full_scale(frames: np.ndarray, name: str) -> np.ndarray:
    """float32 of the same shape, full scale 1. Raises AudioError for floats that are far beyond it."""
    if frames.dtype.kind != "f":
        scale = _FULL_SCALE[str(frames.dtype.newbyteorder("="))]
        middle = 128.0 if frames.dtype.kind == "u" else 0.0
        return ((frames.astype(np.float64) - middle) / scale).astype(np.float32)
    peak = float(np.abs(frames).max(initial=0.0))
    if peak > TOO_LOUD:
        bits = next((bits for bits in (16, 24, 32) if peak <= 2 ** (bits - 1)), None)
        raise AudioError(
            f"{name} goes far beyond full scale", expected="floats in -1..1", got=f"{peak:g}",
            do=f"These look like {bits}-bit numbers in a float array: divide by {2 ** (bits - 1)}." if bits
            else "Divide by its full scale.",
        )  # fmt: skip
    return frames.astype(np.float32)


def _check_bits_in_use(array: np.ndarray, name: str) -> None:
    """A whole clip of int32 that uses only its lower bits holds shorter numbers, or next to nothing."""
    if array.dtype.kind != "i" or array.dtype.itemsize != 4 or not array.size:
        return
    peak = max(int(array.max()), -int(array.min()))
    bits = next((bits for bits in (16, 24) if peak <= 2 ** (bits - 1)), 32)
    if bits == 32 or not (array & 0xFF).any():  # shorter numbers that were shifted up end in zeros
        return
    raise AudioError(
        f"{name} uses the lower {bits} of 32 bits alone, and would be {6.0206 * (32 - bits):.0f} dB too quiet",
        expected="32-bit numbers that use their range", got=f"at most {peak}",
        do=f"Divide it by {2 ** (bits - 1)}. if these are {bits}-bit numbers, or by 2147483648. if it is so quiet.",
    )  # fmt: skip
