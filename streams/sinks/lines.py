"""Lines on a text stream: JSON for programs, words for people who read a pipe."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TextIO

from pace_edge.journal import Example
from pace_edge.operations import Operation
from streams.heard import Event, Gap, Heard, Notice, SourceState, Window, as_record
from streams.listening.household import like_in_words
from streams.sinks.sink import Counts


class Lines:
    """A sink that writes `line(heard)` for everything that is heard: `as_json` or `in_words`.

    A slow reader is waited for, as in any pipe; one that has gone raises BrokenPipeError, so that the program ends like
    any other. The stream stays open: it is its owner's.
    """

    def __init__(self, stream: TextIO, line: Callable[[Heard], str], *, name: str = "lines") -> None:
        self.name = name
        self._stream, self._line = stream, line
        self._counts = Counts()

    def write(self, heard: Heard) -> None:
        self._stream.write(self._line(heard) + "\n")
        self._stream.flush()
        self._counts.written += 1

    def counts(self) -> Counts:
        return self._counts

    def close(self) -> None:
        pass


def as_json(heard: Heard) -> str:
    """Its record as one JSON object on one line."""
    return json.dumps(as_record(heard), ensure_ascii=False)


def in_words(heard: Heard) -> str:
    """What was heard as a person reads it, on one line."""
    match heard:
        case Window():
            called = f"{heard.end_s:8.1f} s  {heard.label:<20} {heard.score:4.2f}  {heard.level_dbfs:4.0f} dBFS"
            return "  ".join(filter(None, (called, like_in_words(heard.sounds_like))))
        case Event(state="start"):
            like = f"; {like_in_words(heard.sounds_like)}" if heard.sounds_like else ""
            return f"{heard.end_s:8.1f} s  {heard.label} is heard ({heard.score:.2f}){like}"
        case Event(state="update"):
            return f"{heard.end_s:8.1f} s  {heard.label} goes on for {heard.duration_s:.1f} s ({heard.score:.2f})"
        case Event():
            return f"{heard.end_s:8.1f} s  {heard.label} ended after {heard.duration_s:.1f} s ({heard.score:.2f})"
        case Gap():
            return gap_words(heard)
        case SourceState():
            return f"{heard.source} is {heard.state}: {' '.join(heard.words.split())}"
        case Example():
            return f"learned '{heard.label}' from {heard.source}"
        case Operation():
            return f"done: {heard.in_words()}"
        case Notice():
            return heard.words


def gap_words(gap: Gap) -> str:
    """How much sound is missing, and the cause that it was."""
    seconds = gap.end_s - gap.start_s
    much = f"{seconds:.1f} s of sound" if seconds else "some sound"
    match gap.cause:
        case "machine":
            return f"{much} was lost: this machine is too slow for the model"
        case "source":
            return f"{much} is missing: the source was away"
        case "system":
            return f"{much} was lost by the sound system, before it came to pace-edge"
        case "unknown":
            return f"{much} is missing"
