"""A sink whose receiver may be away: events are promised to the outbox, and a courier brings them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from pace_edge.errors import SinkError
from streams.heard import Event, Heard
from streams.sinks.backlog import Backlog
from streams.sinks.courier import FIRST_RETRY_S, LONGEST_RETRY_S, Courier
from streams.sinks.outbox import Letter, Outbox
from streams.sinks.reports import Reports
from streams.sinks.sink import Classes, Counts, NamesNow, event_record, unchanged

STATES = ("start", "end")
CLOSE_S = 5.0


class Choice:
    """Which events a receiver gets: those in one of `states` and, unless `labels` is empty, of one of these classes,
    whatever they are called now."""

    def __init__(
        self, states: Collection[str] = STATES, labels: Collection[str] = (), names_now: NamesNow = unchanged
    ) -> None:
        if wrong := set(states) - {"start", "update", "end"}:
            raise SinkError("no such state of an event", expected="start, update or end", got=min(wrong))
        self._states, self._classes = frozenset(states), Classes(labels, names_now)

    def takes(self, event: Event) -> bool:
        return event.state in self._states and self._classes.take(event.label)


class Remote:
    """Base of the sinks with a receiver; `deliver` is called in the courier's thread.

    `write` returns when the event is on the disk. Where the disk refuses it, it waits in bounded memory, not promised.
    """

    def __init__(
        self, name: str, deliver: Callable[[Letter], None], outbox: Outbox, reports: Reports, *, choice: Choice,
        first_retry_s: float = FIRST_RETRY_S, longest_retry_s: float = LONGEST_RETRY_S,
    ) -> None:  # fmt: skip
        self.name = name
        self._choice, self._outbox = choice, outbox
        self._backlog: Backlog[dict[str, Any]] = Backlog(f"{name}'s outbox", self._put, reports)
        self._carried = Counts()
        self._courier = Courier(
            name, outbox, deliver, self._carried, reports,
            first_retry_s=first_retry_s, longest_retry_s=longest_retry_s,
        )  # fmt: skip

    def write(self, heard: Heard) -> None:
        if isinstance(heard, Event) and self._choice.takes(heard):
            self._backlog.add(event_record(heard))
        else:
            self._backlog.retry()

    def counts(self) -> Counts:
        own, carried = self._backlog.counts, self._carried
        return replace(
            carried, written=own.written, waiting=own.waiting + self._outbox.waiting(self.name),
            discarded=own.discarded + carried.discarded,
        )  # fmt: skip

    def close(self) -> None:
        """What is not delivered within 5 s stays in the outbox for the next time."""
        self._backlog.close()
        self._courier.close(CLOSE_S)

    def _put(self, record: dict[str, Any]) -> None:
        self._outbox.put(self.name, record)
        self._courier.wake()
