"""A text file that gets a line for each event that has ended.

It is opened for each line, so that it may be moved away or its disk come and go, and a line is in it whole or not at
all: what a power cut left of a last line is cut off, and said, before the next is written. A file that an older
version began goes on in its columns.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pace_edge.errors import SinkError
from streams.heard import Event, Heard
from streams.sinks.backlog import Backlog
from streams.sinks.event_formats import LineFormat
from streams.sinks.reports import Reports
from streams.sinks.sink import Counts

_LONGEST_LINE = 1 << 16


class EventFile:
    """A sink that appends to `path`. Raises SinkError where it cannot be written, or is a file of another kind."""

    def __init__(self, path: Path, format: LineFormat, reports: Reports, *, name: str | None = None) -> None:
        self.name = name or str(path)
        self._path, self._format, self._reports = path, format, reports
        self._backlog: Backlog[Event] = Backlog(self.name, self._append, reports)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab+", buffering=0) as file:
                if format.of_file(_first_line(file)) is None:
                    raise SinkError(f"{path} is no {format.name} of ours", do="Name another file; nothing was changed.")
                self._repair(file)
        except OSError as error:
            raise SinkError(
                f"{path} cannot be written: {error.strerror or error}", do="See that its folder is there and writable."
            ) from error

    def write(self, heard: Heard) -> None:
        if isinstance(heard, Event) and heard.state == "end":
            self._backlog.add(heard)
        else:
            self._backlog.retry()

    def counts(self) -> Counts:
        return self._backlog.counts

    def close(self) -> None:
        self._backlog.close()

    def _append(self, event: Event) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab+", buffering=0) as file:
            before = self._repair(file)
            size = os.fstat(file.fileno()).st_size
            format = (self._format.of_file(_first_line(file)) if size else None) or self._format
            lines = format.line(event, before) + "\n"
            if size == 0 and format.header:
                lines = f"{format.header}\n{lines}"
            data = lines.encode()
            try:
                written = file.write(data)
                if written != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                with suppress(OSError):
                    file.truncate(size)
                raise

    def _repair(self, file: BinaryIO) -> str:
        """Cut off a last line without an end, and the zeros that some file systems leave. Returns the last line."""
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - _LONGEST_LINE))
        tail = file.read(min(size, _LONGEST_LINE))
        whole = tail[: tail.rstrip(b"\0").rfind(b"\n") + 1]
        if size > len(tail) and not whole:
            raise OSError(f"its last line is longer than {_LONGEST_LINE} bytes")
        if torn := tail[len(whole) :]:
            file.truncate(size - len(torn))
            said = torn.rstrip(b"\0").decode(errors="replace")
            self._reports.say(f"{self._path}: the last line was half-written and is removed: {said!r}")
        return whole.rstrip(b"\r\n").rpartition(b"\n")[2].decode(errors="replace")


def _first_line(file: BinaryIO) -> str:
    file.seek(0)
    return file.readline(_LONGEST_LINE).rstrip(b"\0").decode(errors="replace")
