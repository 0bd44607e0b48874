"""Recordings as sources: one file, or every one in a folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np

from pace_edge.audio import FORMATS, stream_audio
from pace_edge.errors import AudioError
from pace_edge.walk import printable, walk
from streams.heard import SourceState, SourceStates
from streams.sources import recorded

_CHUNK_S = 0.1


class FileSource:
    """An audio file; with `realtime` each chunk arrives when its last sample would have been heard."""

    dropped = away = overflows = 0
    live = False

    def __init__(
        self, path: str | Path, *, rate_hz: int, realtime: bool, channel: int | None = None, chunk_s: float = _CHUNK_S,
        name: str = "", recorded_unix_s: float | None = None,
    ) -> None:  # fmt: skip
        """`channel`: this one alone, the first is 1. `name`: what it is called, else the file's name.
        `recorded_unix_s`: when its first sample was made; else as the file tells it."""
        self.rate_hz = rate_hz
        self.name = f"file {printable(name or Path(path).name)}"
        self.file = printable(Path(path).absolute())
        self._realtime = realtime
        self._chunks = stream_audio(path, rate_hz, round(chunk_s * rate_hz), channel=channel)
        self.recorded_unix_s = recorded.recorded_unix_s(path) if recorded_unix_s is None else recorded_unix_s

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

    def news(self) -> list[SourceState]:
        return []


class Folder:
    """Every audio file in a folder and those in it, in the order of their names, one after the other.

    `name` is that of the file that the latest chunk came from: a new name is a new stream, which begins at 0 s. A file
    that cannot be read is news, and the others go on; at the end it is an `AudioError`, so that it is not overlooked.
    What was passed over is counted in the first file's news.
    """

    dropped = away = overflows = 0
    live = False
    recorded_unix_s: float | None = None  # of the file that the latest chunk came from, as `file` is
    file: str | None = None

    def __init__(self, path: str | Path, *, rate_hz: int, realtime: bool, channel: int | None = None) -> None:
        self.rate_hz = rate_hz
        self.name = f"folder {printable(path)}"
        self._realtime = realtime
        self._channel = channel
        self._news: list[SourceState] = []
        try:
            walked = walk(Path(path))
        except OSError as error:
            raise AudioError(f"cannot read the folder {path} ({error.strerror})", do="Check its permissions.") from None
        self._files, skipped = walked.files, walked.skipped_in_words()
        if not self._files:
            raise AudioError(
                f"there is no audio file in the folder {path}", expected=FORMATS, got=skipped, do="Check the path."
            )
        if skipped:
            words = f"{self.name}: {len(self._files)} files to be heard, {skipped}"
            self._tell(self._files[0], "opening", words)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def __iter__(self) -> Iterator[np.ndarray]:
        whole, failed = self.name, []
        for path in self._files:
            try:
                with FileSource(
                    path, rate_hz=self.rate_hz, realtime=self._realtime, channel=self._channel, name=path.as_posix()
                ) as file:
                    for chunk in file:
                        self.name, self.recorded_unix_s, self.file = file.name, file.recorded_unix_s, file.file
                        yield chunk
            except AudioError as error:
                failed.append(printable(path.as_posix()))
                self._tell(path, "ended", str(error))
        if failed:
            raise AudioError(
                f"{len(failed)} of {len(self._files)} files in {whole} could not be read: {', '.join(failed[:5])}"
                + ", ..." * (len(failed) > 5),
                do="The others were heard.",
            )

    def news(self) -> list[SourceState]:
        news, self._news = self._news, []
        return news

    def _tell(self, path: Path, state: SourceStates, words: str) -> None:
        self._news.append(SourceState(f"file {printable(path.as_posix())}", state, words, time.time()))
