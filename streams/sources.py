"""Where sound comes from: a file, standard input or a microphone, all read in the same way.

with open_source("ring.wav", rate_hz=16000, realtime=True) as source:
    for chunk in source:  # float32 mono
        ...
"""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, Self

import numpy as np

from pace_edge.audio import AUDIO_SUFFIXES, not_empty, resampled, stream_audio
from pace_edge.errors import AudioError
from streams.microphone import Microphone

_CHUNK_S = 0.1
_ENDLESS = 0x7FFF_0000  # recorders that do not know the length yet write 0, or a size from here up


class Source(Protocol):
    """Sound in chunks of float32 mono, range -1..1, at `rate_hz`; read once, inside `with`."""

    rate_hz: int
    name: str  # words for a person, such as "file ring.wav"
    dropped: int  # samples lost before the latest chunk, at rate_hz
    overflows: int  # times that the sound system lost samples itself; it does not say how many

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    def __iter__(self) -> Iterator[np.ndarray]: ...


def open_source(input: str | None, *, rate_hz: int, realtime: bool) -> Source:
    """The source that a person's words mean: None is the default microphone, "-" standard input.

    Else a file that exists, a microphone's number, or part of its name, in this order. Words that look like a path
    are never taken for a microphone. `realtime` paces files; standard input and microphones have their own pace.
    """
    if input is None:
        return Microphone(None, rate_hz=rate_hz)
    if input == "-":
        return StandardInput(rate_hz=rate_hz)
    if Path(input).exists() or _looks_like_path(input):
        return FileSource(input, rate_hz=rate_hz, realtime=realtime)
    return Microphone(int(input) if input.isdecimal() else input, rate_hz=rate_hz)


class FileSource:
    """An audio file; with `realtime` each chunk arrives when its last sample would have been heard."""

    dropped = 0
    overflows = 0

    def __init__(self, path: str | Path, *, rate_hz: int, realtime: bool, chunk_s: float = _CHUNK_S) -> None:
        self.rate_hz = rate_hz
        self.name = f"file {Path(path).name}"
        self._realtime = realtime
        self._chunks = stream_audio(path, rate_hz, round(chunk_s * rate_hz))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._chunks.close()

    def __iter__(self) -> Iterator[np.ndarray]:
        start, heard = time.monotonic(), 0
        for chunk in self._chunks:
            heard += len(chunk)
            if self._realtime:  # against the start, so that lateness does not add up
                time.sleep(max(0.0, start + heard / self.rate_hz - time.monotonic()))
            yield chunk


class StandardInput:
    """PCM from a pipe: signed 16-bit little-endian mono at `rate_hz`, or a 16-bit PCM WAV of any rate and channels.

    A writer waits for us, so nothing is lost however slow we are. Bytes after the last whole sample are ignored.
    """

    name = "standard input"
    dropped = 0
    overflows = 0

    def __init__(self, *, rate_hz: int, stream: BinaryIO | None = None) -> None:
        self.rate_hz = rate_hz
        self._stream = stream or sys.stdin.buffer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def __iter__(self) -> Iterator[np.ndarray]:
        head = self._stream.read(12)
        if head[:4] in (b"fLaC", b"OggS"):  # played as raw PCM these would be noise
            raise _not_pcm(f"a compressed file ({head[:4].decode()})")
        rate_hz, channels, size = self.rate_hz, 1, sys.maxsize
        if head[:4] == b"RIFF" and head[8:] == b"WAVE":
            rate_hz, channels, size = _read_wav_header(self._stream)
            head = b""
        blocks = _pcm16_blocks(self._stream, head, channels, round(_CHUNK_S * rate_hz), size)
        return not_empty(resampled(blocks, rate_hz, self.rate_hz), self.name)


def _looks_like_path(text: str) -> bool:
    separators = [os.sep, *filter(None, [os.altsep])]
    return any(separator in text for separator in separators) or text.lower().endswith(AUDIO_SUFFIXES)


def _read_wav_header(stream: BinaryIO) -> tuple[int, int, int]:
    """Read on from "WAVE" to the first sample: (rate_hz, channels, bytes of samples)."""
    rate_hz = channels = 0
    try:
        while True:
            kind, size = struct.unpack("<4sI", stream.read(8))
            if kind == b"data":
                break
            body = stream.read(size + size % 2)  # chunks are padded to even sizes
            if kind == b"fmt ":
                tag, channels, rate_hz, bits = struct.unpack_from("<HHI6xH", body)
                if tag not in (1, 0xFFFE) or bits != 16:  # PCM, plainly or with an extended header
                    raise _not_pcm(f"a {bits}-bit WAV of format {tag:#x}")
    except struct.error:
        raise _not_pcm("a WAV header that breaks off") from None
    if not (rate_hz and channels):
        raise _not_pcm("a WAV header without a rate and channels")
    return rate_hz, channels, size if 0 < size < _ENDLESS else sys.maxsize


def _pcm16_blocks(stream: BinaryIO, head: bytes, channels: int, frames: int, size: int) -> Generator[np.ndarray]:
    """`head` and up to `size` bytes of `stream` as float32 [frames], channels averaged."""
    frame_bytes = 2 * channels
    while data := head + stream.read(min(frames * frame_bytes - len(head), size)):
        head = b""
        size -= len(data)
        whole = len(data) - len(data) % frame_bytes
        samples = np.frombuffer(data[:whole], "<i2").reshape(-1, channels)
        yield samples.mean(axis=1, dtype=np.float32) / 32768


def _not_pcm(got: str) -> AudioError:
    return AudioError(
        "standard input cannot be read",
        expected="16-bit PCM, raw or as WAV",
        got=got,
        do="Name the file with --input FILE, or convert it first.",
    )
