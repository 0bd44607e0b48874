"""PCM from a pipe as a source."""

from __future__ import annotations

import os
import stat
import struct
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal, Self, get_args

import numpy as np

from pace_edge.audio import check_channel, mono, not_empty, resampled
from pace_edge.errors import AudioError, UsageError
from streams.heard import SourceState
from streams.sources.recorded import best, of_chunk

_CHUNK_S = 0.1
_ENDLESS = 0x7FFF_0000  # recorders that do not know the length yet write 0, or a size from here up
_MOST_CHANNELS = 256
_HIGHEST_HZ = 768_000

SampleFormat = Literal["s16le", "s32le", "f32le"]
_FORMATS: dict[SampleFormat, tuple[str, float]] = {  # as NumPy calls it, and its full scale
    "s16le": ("<i2", 2.0**15), "s32le": ("<i4", 2.0**31), "f32le": ("<f4", 1.0),
}  # fmt: skip
_WAV_FORMATS: dict[tuple[int, int], SampleFormat] = {(1, 16): "s16le", (1, 32): "s32le", (3, 32): "f32le"}


@dataclass(frozen=True, kw_only=True)
class RawPcm:
    """What bytes without a header are: `rate_hz` None is the model's; channels are interleaved."""

    rate_hz: int | None = None
    channels: int = 1
    sample_format: SampleFormat = "s16le"

    def __post_init__(self) -> None:
        if self.rate_hz is not None and not 0 < self.rate_hz <= _HIGHEST_HZ:
            raise UsageError("that is no sample rate", expected=f"1 to {_HIGHEST_HZ} Hz", got=f"{self.rate_hz}")
        if not 1 <= self.channels <= _MOST_CHANNELS:
            raise UsageError(
                "PCM has so many channels never", expected=f"1 to {_MOST_CHANNELS}", got=f"{self.channels}"
            )
        if self.sample_format not in _FORMATS:
            raise UsageError(f"'{self.sample_format}' is no sample format", expected=", ".join(get_args(SampleFormat)))


class StandardInput:
    """PCM from a pipe: raw, as `pcm` says, or a WAV of 16-bit, 32-bit or float samples, any rate and channels.

    A writer waits for us, so nothing is lost however slow we are. Bytes after the last whole sample are ignored. A WAV
    that says how long it is, and whatever is read from a file, is a recording; else the sound is taken for live.
    """

    name = "standard input"
    dropped = away = overflows = 0

    def __init__(
        self, *, rate_hz: int, pcm: RawPcm | None = None, channel: int | None = None, stream: BinaryIO | None = None,
        recorded_unix_s: float | None = None,
    ) -> None:  # fmt: skip
        """`channel`: this one alone, the first is 1; else all of them mixed. `recorded_unix_s`: it is a recording, and
        its first sample was made then."""
        self.rate_hz = rate_hz
        self._pcm = pcm or RawPcm()
        self._channel = channel
        # unbuffered: a thread that waits in a buffer's lock would stop Python from ending
        self._stream = stream or open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115
        self.live = recorded_unix_s is None and not _is_file(self._stream)
        self.recorded_unix_s = recorded_unix_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def __iter__(self) -> Iterator[np.ndarray]:
        head = _read(self._stream, 12)
        if head[:4] in (b"fLaC", b"OggS"):  # played as raw PCM these would be noise
            raise _not_pcm(f"a compressed file ({head[:4].decode()})")
        pcm, size = self._pcm, sys.maxsize
        if head[:4] == b"RIFF" and head[8:] == b"WAVE":
            pcm, size, recorded_unix_s = _read_wav_header(self._stream)
            self.recorded_unix_s = recorded_unix_s if self.recorded_unix_s is None else self.recorded_unix_s
            head = b""
            self.live &= size == sys.maxsize
        check_channel(self._channel, pcm.channels, self.name)
        rate_hz = pcm.rate_hz or self.rate_hz
        blocks = _blocks(self._stream, head, pcm, round(_CHUNK_S * rate_hz), size)
        return not_empty(resampled((mono(b, self._channel) for b in blocks), rate_hz, self.rate_hz), self.name)

    def news(self) -> list[SourceState]:
        return []


def _read_wav_header(stream: BinaryIO) -> tuple[RawPcm, int, float | None]:
    """Read on from "WAVE" to the first sample: what the samples are, how many bytes of them, when it was made."""
    pcm, told = None, {}
    try:
        while True:
            kind, size = struct.unpack("<4sI", _read(stream, 8))
            if kind == b"data":
                break
            body = _read(stream, size + size % 2)  # chunks are padded to even sizes
            if (unix_s := of_chunk(kind, body)) is not None:
                told[kind] = unix_s
            if kind == b"fmt ":
                tag, channels, rate_hz, bits = struct.unpack_from("<HHI6xH", body)
                if tag == 0xFFFE:  # an extended header, with the real format in it
                    (tag,) = struct.unpack_from("<H", body, 24)
                if (tag, bits) not in _WAV_FORMATS:
                    raise _not_pcm(f"a {bits}-bit WAV of format {tag:#x}")
                if rate_hz and channels:
                    pcm = RawPcm(rate_hz=rate_hz, channels=channels, sample_format=_WAV_FORMATS[tag, bits])
    except struct.error:
        raise _not_pcm("a WAV header that breaks off") from None
    except UsageError as error:
        raise _not_pcm(f"a WAV header with {error}") from None
    if pcm is None:
        raise _not_pcm("a WAV header without a rate and channels")
    return pcm, size if 0 < size < _ENDLESS else sys.maxsize, best(told)


def _blocks(stream: BinaryIO, head: bytes, pcm: RawPcm, frames: int, size: int) -> Generator[np.ndarray]:
    """`head` and up to `size` bytes of `stream` as float32 [frames, channels], full scale 1."""
    kind, full_scale = _FORMATS[pcm.sample_format]
    frame_bytes = np.dtype(kind).itemsize * pcm.channels
    while data := head + _read(stream, min(max(0, frames * frame_bytes - len(head)), size)):
        head = b""
        size -= len(data)
        whole = len(data) - len(data) % frame_bytes
        block = np.frombuffer(data[:whole], kind).reshape(-1, pcm.channels).astype(np.float32) / np.float32(full_scale)
        if not np.isfinite(block).all():
            raise _not_pcm("numbers that are not finite", expected="float samples in -1..1")
        yield block


def _is_file(stream: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):  # it has no file of the system behind it, or is closed
        return False


def _read(stream: BinaryIO, size: int) -> bytes:
    """So many bytes, fewer only at the end: a pipe gives what it has."""
    data = stream.read(size)
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data


def _not_pcm(got: str, expected: str = "16-bit, 32-bit or float PCM, raw or as WAV") -> AudioError:
    return AudioError(
        "standard input cannot be read",
        expected=expected,
        got=got,
        do="Name the file with --input FILE, or convert it first.",
    )
