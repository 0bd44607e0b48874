"""What the live view knows: everything heard, folded into one plain value."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TypeVar

from pace_edge.journal import Example
from pace_edge.operations import Operation
from streams.heard import Event, Gap, Heard, Notice, SourceState, Window
from streams.sinks.lines import in_words
from streams.sinks.sink import identity

_KEPT = 200
V = TypeVar("V")


@dataclass(frozen=True)
class Picture:
    """`windows` and `states` are the last of each source, `newest` the last of all; `events` and `words` newest last.
    An event is there once, as it was last reported."""

    windows: tuple[tuple[str, Window], ...] = ()
    newest: Window | None = None
    states: tuple[tuple[str, SourceState], ...] = ()
    events: tuple[Event, ...] = ()
    words: tuple[str, ...] = ()
    gaps: int = 0
    lost_s: float = 0.0
    away_s: float = 0.0  # sound that is missing because its source was away


def step(picture: Picture, heard: Heard) -> Picture:
    """The picture after this."""
    match heard:
        case Window():
            return replace(picture, windows=_with(picture.windows, heard.source, heard), newest=heard)
        case Event():
            others = tuple(event for event in picture.events if identity(event) != identity(heard))
            return replace(picture, events=(*others, heard)[-_KEPT:])
        case Gap():
            seconds = heard.end_s - heard.start_s
            if heard.cause == "source":
                return replace(picture, away_s=picture.away_s + seconds)
            return replace(picture, gaps=picture.gaps + 1, lost_s=picture.lost_s + seconds)
        case SourceState():
            return replace(picture, states=_with(picture.states, heard.source, heard))
        case Example() | Operation() | Notice():
            return say(picture, in_words(heard))


def say(picture: Picture, words: str) -> Picture:
    """With one more message, and the time of day before it."""
    return replace(picture, words=(*picture.words, f"{time.strftime('%H:%M:%S')}  {words}")[-_KEPT:])


def _with(pairs: tuple[tuple[str, V], ...], key: str, value: V) -> tuple[tuple[str, V], ...]:
    return tuple((dict(pairs) | {key: value}).items())
