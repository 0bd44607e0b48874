"""Sound from files: whatever libsndfile decodes becomes float32 mono, range -1..1, at the model's rate.

There is one road from a file to samples, `stream_audio`; `read_audio` joins its blocks. So a short clip that
teaches and an hours-long file that is listened to give the same samples.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Generator, Iterable
from pathlib import Path

import numpy as np

from pace_edge.errors import AudioError

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")
FORMATS = ", ".join(suffix[1:] for suffix in AUDIO_SUFFIXES)
SILENCE_DBFS = -120.0
_READ_BLOCK_S = 10
_TOO_LOUD = 10.0  # 20 dB over full scale: a float file in another scale (16-bit numbers, pascals), not loud sound


def read_audio(path: str | Path, rate_hz: int) -> np.ndarray:
    """The whole file as float32 mono [samples] in -1..1 at `rate_hz`, channels averaged."""
    return np.concatenate(list(stream_audio(path, rate_hz, _READ_BLOCK_S * rate_hz)))


def stream_audio(path: str | Path, rate_hz: int, chunk: int) -> Generator[np.ndarray]:
    """The samples of `read_audio` in blocks of about `chunk` samples, in bounded memory.

    A file that cannot be opened raises here; one that is damaged or empty raises while it is read. With another
    rate the blocks' sizes vary (the resampler works ahead in its own steps); their sum does not.
    """
    path = Path(path)
    file = _open(path)
    frames = max(1, round(chunk * file.samplerate / rate_hz))
    return not_empty(resampled(_mono_blocks(path, file, frames), file.samplerate, rate_hz), f"audio file {path}")


def resampled(blocks: Iterable[np.ndarray], from_hz: int, to_hz: int) -> Generator[np.ndarray]:
    """Blocks of float32 mono [any] at `from_hz` as blocks at `to_hz`: none empty, clipped to -1..1.

    Joined they are, bit for bit, what soxr makes of the whole signal. VHQ holds back about 0.1 s until the end.
    """
    if from_hz != to_hz:
        import soxr

        stream = soxr.ResampleStream(from_hz, to_hz, num_channels=1, dtype="float32", quality="VHQ")
        blocks = _through(stream, blocks)
    for block in blocks:
        if block.size:
            yield np.clip(block, -1.0, 1.0)  # resampling overshoots at full scale, and float files may too


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


def _open(path: Path):
    """The open soundfile.SoundFile."""
    import soundfile

    try:
        kind = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        reason = "" if isinstance(error, FileNotFoundError) else f" ({getattr(error, 'strerror', error)})"
        raise AudioError(f"no such audio file: {path}{reason}", do="Check the path.") from None
    if stat.S_ISDIR(kind):
        raise AudioError(f"{path} is a directory", expected="one audio file", do="Name a file in it.")
    try:
        return soundfile.SoundFile(os.fsencode(path) if os.name == "posix" else path)  # a name need not be text
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a name that ends in .raw
        raise AudioError(
            f"cannot read {path} as audio ({error})", expected=FORMATS, do="Convert it, for example to wav."
        ) from error


def _mono_blocks(path: Path, file, frames: int) -> Generator[np.ndarray]:
    """Decode [frames, channels] blocks of the open `file`, checked, as their channels' average [frames]."""
    import soundfile

    done = 0
    with file:
        try:
            for block in file.blocks(frames, dtype="float32", always_2d=True):
                if not (np.abs(block) <= _TOO_LOUD).all():  # NaN compares false
                    raise AudioError(
                        f"{path} has samples that are no sound near {done / file.samplerate:.1f} s",
                        expected="numbers in -1..1",
                        got="not finite or far beyond it",
                        do="Export the file again.",
                    )
                yield block.mean(axis=1)
                done += len(block)
        except soundfile.LibsndfileError as error:
            raise AudioError(
                f"{path} is damaged after {done / file.samplerate:.1f} s ({error})", do="Export the file again."
            ) from error


def _through(stream, blocks: Iterable[np.ndarray]) -> Generator[np.ndarray]:
    """Every block through the soxr stream, then what it held back."""
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.empty(0, np.float32), last=True)
