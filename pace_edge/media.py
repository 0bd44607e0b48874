"""What FFmpeg decodes and libsndfile does not: containers with pictures, AAC, network streams. PyAV brings it, the
extra [media].
"""

from __future__ import annotations

from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from pace_edge.errors import AudioError

MEDIA_SUFFIXES = (
    ".aac", ".ac3", ".amr", ".avi", ".m4a", ".mka", ".mkv", ".mov", ".mp4", ".webm", ".wma",
)  # fmt: skip
INSTALL = "pip install 'pace-edge[media]'"


def has_ffmpeg() -> bool:
    return find_spec("av") is not None


def open_media(path: Path) -> tuple[MediaFile | None, str]:
    """The file as FFmpeg reads it, or None and why not."""
    if not has_ffmpeg():
        return None, f"`{INSTALL}` reads more formats"
    file = path.open("rb")
    try:
        return MediaFile(file, str(path)), ""
    except AudioError as error:
        file.close()
        return None, str(error).removesuffix(".")


class MediaFile:
    """The sound of a file or stream, read as a soundfile.SoundFile is: `samplerate`, `channels`, `frames` (None: it is
    not known how many), `blocks`, `with`.

    `ends`: its length is known, so its end is its end; that of a live stream is a broken line. `patient`: what cannot
    be decoded is left out, as players do with live streams; else it is an `AudioError`.
    """

    def __init__(
        self, place: str | BinaryIO, name: str, *, timeout_s: float | None = None, patient: bool = False
    ) -> None:
        import av

        self.name = name
        self._patient = patient
        self._place = place
        options = {"rtsp_transport": "tcp"}  # UDP loses packets
        try:
            self._container = av.open(place, "r", timeout=timeout_s, metadata_errors="replace", options=options)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise AudioError(f"FFmpeg cannot open {name} ({_reason(error)})") from error
        stream: Any = self._container.streams.best("audio")
        if stream is None or not stream.rate:
            self._container.close()
            raise AudioError(f"{name} has no sound")
        self._stream = stream
        self.samplerate: int = stream.rate
        self.channels: int = stream.channels
        duration = self._container.duration
        self.ends = duration is not None
        self.frames = None if duration is None else round(duration / av.time_base * stream.rate)
        self._resampler = av.AudioResampler(format="flt", layout=stream.layout, rate=stream.rate)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._container.close()
        if not isinstance(self._place, str):
            self._place.close()

    def __del__(self) -> None:  # it may have been opened and never read
        if not isinstance(self._place, str):
            self._place.close()

    def blocks(self, frames: int = 0, **_format: object) -> Generator[np.ndarray]:
        """float32 [frames, channels], of the sizes in which the file has them."""
        import av

        done = 0
        try:
            for packet in self._container.demux(self._stream):
                for frame in self._decoded(packet):
                    block = frame.to_ndarray().reshape(-1, self.channels)
                    done += len(block)
                    yield block
            for frame in self._resampler.resample(None):
                yield frame.to_ndarray().reshape(-1, self.channels)
        except (av.FFmpegError, OSError, ValueError) as error:  # ValueError: its rate or channels changed
            raise AudioError(
                f"{self.name} breaks off after {done / self.samplerate:.1f} s ({_reason(error)})"
            ) from error

    def _decoded(self, packet: Any) -> list[Any]:
        import av

        try:
            return [part for frame in packet.decode() for part in self._resampler.resample(frame)]
        except av.error.InvalidDataError:
            if self._patient:
                return []
            raise


def _reason(error: Exception) -> str:
    """Without the address: it may hold a password."""
    return getattr(error, "strerror", None) or type(error).__name__
