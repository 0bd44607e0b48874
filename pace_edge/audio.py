"""Sound from files: whatever libsndfile decodes becomes float32 mono, range -1..1, at the model's rate; what only
FFmpeg decodes too, where PyAV is installed.

There is one road from a file to samples, `stream_audio`; `read_audio` joins its blocks. So a short clip that
teaches and an hours-long file that is listened to give the same samples.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Generator, Iterable
from numbers import Integral
from pathlib import Path

import numpy as np

from pace_edge.arguments import check_type
from pace_edge.errors import AudioError

FORMATS = "wav, flac, ogg, opus, mp3, aiff, w64, au, caf"
AUDIO_SUFFIXES = (
    ".wav", ".wave", ".bwf", ".rf64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".w64", ".au",
    ".snd", ".caf",
)  # fmt: skip
SILENCE_DBFS = -120.0
_READ_BLOCK_S = 10
TOO_LOUD = 10.0  # 20 dB over full scale: a float file in another scale (16-bit numbers, pascals), not loud sound


def read_audio(path: str | Path, rate_hz: int) -> np.ndarray:
    """The whole file as float32 mono [samples] in -1..1 at `rate_hz`, channels averaged."""
    return np.concatenate(list(stream_audio(path, rate_hz, _READ_BLOCK_S * rate_hz)))


def stream_audio(
    path: str | Path, rate_hz: int, chunk: int, *, channel: int | None = None, ffmpeg: bool = True
) -> Generator[np.ndarray]:
    """The samples of `read_audio` in blocks of about `chunk` samples, in bounded memory.

    `channel`: this one alone, the first is 1. `ffmpeg`: for what libsndfile cannot read; not for a stranger's file,
    since what FFmpeg opens may name other files and addresses. A file that cannot be opened raises here; one that is
    damaged or empty raises while it is read. With another rate the blocks' sizes vary (the resampler works ahead in its
    own steps); their sum does not.
    """
    path = Path(path)
    file = open_audio(path, ffmpeg)
    try:
        check_channel(channel, file.channels, str(path))
    except AudioError:
        with file:
            raise
    frames = max(1, round(chunk * file.samplerate / rate_hz))
    blocks = mono_blocks(path, file, frames, channel)
    return not_empty(resampled(blocks, file.samplerate, rate_hz), f"audio file {path}")


def check_channel(channel: int | None, channels: int, name: str) -> None:
    """Channels have the numbers that people give them, from 1 on; None is all of them."""
    check_type("channel", channel, (Integral, type(None)), "a channel's number, from 1 on, or None")
    if channel is not None and not 1 <= channel <= channels:
        there = f"1 to {channels}" if channels > 1 else "1, the only one"
        raise AudioError(f"{name} has no channel {channel}", expected=there, do="Choose another, or leave it out.")


def mono(block: np.ndarray, channel: int | None = None) -> np.ndarray:
    """float32 [frames, channels] to [frames]: the channels' average, or the one with this number, from 1 on."""
    return block.mean(axis=1) if channel is None else block[:, channel - 1]


class Resampler:
    """Blocks of float32 mono [any] at `from_hz`, one after the other, to blocks at `to_hz`, clipped to -1..1.

    Joined they are, bit for bit, what soxr makes of the whole signal. VHQ holds back about 0.1 s until the last, so
    a block may come out empty.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._stream = None
        if from_hz != to_hz:
            import soxr

            self._stream = soxr.ResampleStream(from_hz, to_hz, num_channels=1, dtype="float32", quality="VHQ")

    def push(self, block: np.ndarray) -> np.ndarray:
        return self._clipped(block if self._stream is None else self._stream.resample_chunk(block))

    def last(self) -> np.ndarray:
        """What was held back; nothing can be pushed after it."""
        nothing = np.empty(0, np.float32)
        return self._clipped(nothing if self._stream is None else self._stream.resample_chunk(nothing, last=True))

    def _clipped(self, block: np.ndarray) -> np.ndarray:
        return np.clip(block, -1.0, 1.0)  # resampling overshoots at full scale, and float files may too


def resampled(blocks: Iterable[np.ndarray], from_hz: int, to_hz: int) -> Generator[np.ndarray]:
    """Blocks of float32 mono [any] at `from_hz` as blocks at `to_hz`, none empty."""
    resampler = Resampler(from_hz, to_hz)
    for block in blocks:
        if (out := resampler.push(block)).size:
            yield out
    if (out := resampler.last()).size:
        yield out


def not_empty(blocks: Iterable[np.ndarray], name: str) -> Generator[np.ndarray]:
    """The same blocks; an `AudioError` at the end if there was none."""
    empty = True
    for block in blocks:
        empty = False
        yield block
    if empty:
        raise AudioError(f"{name} is empty", expected="sound", got="0 samples", do="Record it again.")


def level_dbfs(samples: np.ndarray) -> float:
    """The RMS level of [samples] in dB relative to full scale (constant 1.0 is 0 dB), at least -120."""
    if samples.size == 0:
        return SILENCE_DBFS
    rms = math.sqrt(np.mean(np.square(samples, dtype=np.float64)))
    return 20 * math.log10(max(rms, 10 ** (SILENCE_DBFS / 20)))


def block_levels_dbfs(samples: np.ndarray, block: int) -> tuple[float, ...]:
    """The level of each whole block of so many samples, counted from the newest sample backwards; of fewer samples than
    a block, of all. At least -120."""
    if len(samples) < block:
        return (level_dbfs(samples),)
    blocks = samples[len(samples) % block :].reshape(-1, block)
    power = np.einsum("ij,ij->i", blocks, blocks, dtype=np.float64) / block
    return tuple((10 * np.log10(np.maximum(power, 10 ** (SILENCE_DBFS / 10)))).tolist())


def open_audio(path: Path, ffmpeg: bool = True):
    """The open soundfile.SoundFile, or a MediaFile, which reads like one."""
    import soundfile

    try:
        kind = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        reason = "" if isinstance(error, FileNotFoundError) else f" ({getattr(error, 'strerror', error)})"
        raise AudioError(f"no such audio file: {path}{reason}", do="Check the path.") from None
    if stat.S_ISDIR(kind):
        raise AudioError(f"{path} is a directory", expected="one audio file", do="Name a file in it.")
    if stat.S_ISFIFO(kind):  # which cannot be read twice, as finding out its format needs
        raise AudioError(f"{path} is a pipe", expected="a file", do=f"Use `pace-edge listen --input - < {path}`.")
    try:
        return soundfile.SoundFile(os.fsencode(path) if os.name == "posix" else path)  # a name need not be text
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a name that ends in .raw
        from pace_edge.media import open_media

        file, why_not = open_media(path) if ffmpeg else (None, "FFmpeg is not asked")
        if file is not None:
            return file
        why = str(getattr(error, "error_string", error)).rstrip(".")  # without the file's name, as bytes
        raise AudioError(
            f"cannot read {path} as audio ({why}; {why_not})", expected=FORMATS,
            do="Convert it, for example to wav.",
        ) from error  # fmt: skip


def mono_blocks(
    path: Path, file, frames: int, channel: int | None = None, *, done: int = 0
) -> Generator[np.ndarray]:  # fmt: skip
    """Decode [frames, channels] blocks of the open `file`, checked, as [frames]. `done`: it stands at this frame."""
    import soundfile

    with file:
        try:
            for block in file.blocks(frames, dtype="float32", always_2d=True):
                if not (np.abs(block) <= TOO_LOUD).all():  # NaN compares false
                    raise AudioError(
                        f"{path} has samples that are no sound near {done / file.samplerate:.1f} s",
                        expected="numbers in -1..1",
                        got="not finite or far beyond it",
                        do="Export the file again.",
                    )
                yield mono(block, channel)
                done += len(block)
        except soundfile.LibsndfileError as error:
            raise AudioError(
                f"{path} is damaged after {done / file.samplerate:.1f} s ({error})", do="Export the file again."
            ) from error
