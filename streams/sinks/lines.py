"""Lines on a text stream: JSON for programs, words for people who read a pipe."""

from __future__ import annotations

import json
from typing import TextIO

from pace_edge.journal import Example
from streams.heard import Event, Gap, Heard, Notice, SourceState, Window, as_record
from streams.sinks.sink import Counts


class JsonLines:
    """One JSON object a line, of everything that is heard. A slow reader is waited for, as in any pipe; one that has
    gone raises BrokenPipeError, so that the program ends like any other."""

    def __init__(self, stream: TextIO, *, name: str = "json lines") -> None:
        self.name = name
        self._stream = stream
        self._counts = Counts()

    def write(self, heard: Heard) -> None:
        self._stream.write(self._line(heard) + "\n")
        self._stream.flush()
        self._counts.written += 1

    def counts(self) -> Counts:
        return self._counts

    def close(self) -> None:
        """The stream stays open: it is its owner's."""

    def _line(self, heard: Heard) -> str:
        return json.dumps(as_record(heard), ensure_ascii=False)


class TextLines(JsonLines):
    """One plain line of everything that is heard; no colours, no control characters."""

    def __init__(self, stream: TextIO, *, name: str = "text lines") -> None:
        super().__init__(stream, name=name)

    def _line(self, heard: Heard) -> str:
        return in_words(heard)


def in_words(heard: Heard) -> str:
    """What was heard as a person reads it, on one line."""
    match heard:
        case Window():
            return f"{heard.end_s:8.1f} s  {heard.label:<20} {heard.score:4.2f}  {heard.level_dbfs:4.0f} dBFS"
        case Event(state="start"):
            return f"{heard.end_s:8.1f} s  {heard.label} is heard ({heard.score:.2f})"
        case Event(state="update"):
            return f"{heard.end_s:8.1f} s  {heard.label} goes on for {heard.duration_s:.1f} s ({heard.score:.2f})"
        case Event():
            return f"{heard.end_s:8.1f} s  {heard.label} ended after {heard.duration_s:.1f} s ({heard.score:.2f})"
        case Gap():
            lost_s = heard.end_s - heard.start_s
            return (
                f"{f'{lost_s:.1f} s of' if lost_s else 'some'} sound was lost: this machine is too slow for the model"
            )
        case SourceState():
            return f"{heard.source} is {heard.state}: {' '.join(heard.words.split())}"
        case Example():
            return f"learned '{heard.label}' from {heard.source}"
        case Notice():
            return heard.words
