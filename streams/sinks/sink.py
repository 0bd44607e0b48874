"""What every sink is, and what it counts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from streams.heard import Event, Heard, as_record


@dataclass
class Counts:
    """Of what a sink was given since it was opened, in reports; `waiting` is now, and may come from an earlier run.

    `written` was taken on: it is in the file, or promised to the receiver. `delivered` was confirmed by a receiver.
    `discarded` was given up for want of room or for its age, `failed` was refused or went wrong and is not retried.
    """

    written: int = 0
    delivered: int = 0
    waiting: int = 0
    discarded: int = 0
    failed: int = 0


class Sink(Protocol):
    """`write` neither waits for a receiver nor raises for a dead one. `close` ends within a few seconds."""

    name: str

    def write(self, heard: Heard) -> None: ...

    def counts(self) -> Counts: ...

    def close(self) -> None: ...


NamesNow = Callable[[Iterable[str]], Mapping[str, str]]
"""Each name to what the class is called now that a person meant by it."""


def unchanged(names: Iterable[str]) -> dict[str, str]:
    """Where no class is ever renamed."""
    return {name: name for name in names}


class Classes:
    """The classes that somebody chose by their names, whatever they are called now; chosen none: all."""

    def __init__(self, names: Collection[str], names_now: NamesNow) -> None:
        self._names, self._names_now = frozenset(names), names_now

    def take(self, label: str) -> bool:
        """Whether an event of this label is of one of them; it may have begun before a rename."""
        if not self._names:
            return True
        now = self._names_now({*self._names, label})
        return now[label] in {now[name] for name in self._names}


def identity(event: Event) -> str:
    """The event's id; for one that was made by hand without, what tells it from others."""
    return event.id or f"{event.source}/{event.label}/{event.sorted_unix_s:.3f}/{event.start_s:.3f}"


def event_record(event: Event) -> dict[str, Any]:
    """As it leaves the program, never without an id."""
    return as_record(event) | {"id": identity(event)}
