"""What every sink is, and what it counts."""

from __future__ import annotations

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


def identity(event: Event) -> str:
    """The event's id; for one that was made by hand without, what tells it from others."""
    return event.id or f"{event.source}/{event.label}/{event.sorted_unix_s:.3f}/{event.start_s:.3f}"


def event_record(event: Event) -> dict[str, Any]:
    """As it leaves the program, never without an id."""
    return as_record(event) | {"id": identity(event)}
