"""The journal of a running listener: it may fail, and listening goes on.

A full or read-only disk, a lock that nobody lets go, a damaged row: each is said, and tried again after 1 s, then ever
more seldom, up to once a minute. What was heard meanwhile, a minute of it, waits in memory and is written then, and so
do the events.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pace_edge.config import HEARD_KEPT_S
from pace_edge.errors import JournalError
from pace_edge.heard_memory import EVENTS_KEPT
from pace_edge.journal import Example, HeardWindow, Journal
from pace_edge.operations import Operation
from streams.heard import Event, Notice
from streams.listening.counters import Counters
from streams.listening.learner import Learner
from streams.listening.notices import Notices
from streams.listening.rates import RateTally

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
COUNTED_S = 60.0  # so often what was counted is written
GOING_ON_S = HEARD_KEPT_S / 3  # a sound that goes on is remembered again so often, before its windows are forgotten


@dataclass(frozen=True)
class Part:
    """What one stream of a listener gave: `windows` worth remembering, up to its second `heard_to_s`; the `events` that
    were reported of it, and those that are `going` on. `live`: it keeps the clock's pace."""

    session: str
    source: str
    live: bool
    heard_to_s: float
    windows: Sequence[HeardWindow] = ()
    events: Sequence[Event] = ()
    going: Sequence[Event] = ()


class Memory:
    """A learner's labels and the short memory of what was heard, both in one journal."""

    def __init__(
        self, learner: Learner, journal: Journal, notices: Notices, counters: Counters,
        clock: Callable[[], float] = time.monotonic, rates: RateTally | None = None,
    ) -> None:  # fmt: skip
        self._learner, self._journal, self._notices, self._counters = learner, journal, notices, counters
        self._clock, self._rates, self._counted_at = clock, rates or RateTally(), clock()
        self._wait_s, self._again_at = FIRST_WAIT_S, -float("inf")
        self._unwritten: dict[str, Part] = {}  # by session
        self._events: list[tuple[str, Event]] = []
        self._remembered_s: dict[str, float] = {}  # of each event that goes on, by id: up to which second of its stream

    def catch_up(self) -> list[Example | Operation | Notice]:
        """Apply what was written since the last call, by any process, and return it."""
        if self._clock() < self._again_at:
            return []
        try:
            learned = self._learner.catch_up()
        except JournalError as error:
            return [*self._failed(error)]
        self._counters.learned += sum(isinstance(one, Example) for one in learned)
        return [*learned]

    def hear(self, part: Part) -> list[Notice]:
        """Remember the windows, and of the events so much that they can be corrected."""
        events = [*part.events, *self._due(part)]
        self._events = [*self._events, *((part.session, event) for event in events)][-EVENTS_KEPT:]
        before = self._unwritten.get(part.session)
        if part.windows or before or not part.live:  # where a recording has come to, its windows do not say alone
            waiting = [*(before.windows if before else ()), *part.windows]
            recent = [w for w in waiting if w.end_s >= part.heard_to_s - HEARD_KEPT_S]
            self._unwritten[part.session] = replace(part, windows=recent)
        if not (self._unwritten or self._events) or self._clock() < self._again_at:
            return []
        try:
            for session, unwritten in list(self._unwritten.items()):
                self._journal.hear(
                    session, unwritten.windows, source=unwritten.source, live=unwritten.live,
                    heard_to_s=unwritten.heard_to_s,
                )  # fmt: skip
                del self._unwritten[session]
            while self._events:
                of, event = self._events[0]
                self._journal.remember_event(
                    of, event.id, event.label, start_s=event.start_s, end_s=event.end_s, at_unix_s=event.heard_unix_s,
                    source=event.source, windows_s=event.windows_s,
                )  # fmt: skip
                del self._events[0]
        except JournalError as error:
            return self._failed(error)
        self._wait_s = FIRST_WAIT_S
        return []

    def count(self, *, at_once: bool = False) -> list[Notice]:
        """Write how often classes were announced, where that was not written for a while."""
        now = self._clock()
        if now < self._again_at or not (at_once or now >= self._counted_at + COUNTED_S):
            return []
        self._counted_at = now
        if counts := self._rates.take():
            try:
                self._journal.count(counts)
            except JournalError as error:
                return self._failed(error)
            self._rates.written()
        return []

    def _due(self, part: Part) -> list[Event]:
        """The sounds that have gone on for so long that the windows since they were remembered last would be lost."""
        for event in part.events:
            self._remembered_s[event.id] = event.end_s
            if event.state == "end":
                del self._remembered_s[event.id]
        due = [e for e in part.going if e.end_s - self._remembered_s.get(e.id, e.start_s) >= GOING_ON_S]
        self._remembered_s.update({event.id: event.end_s for event in due})
        return due

    def _failed(self, error: JournalError) -> list[Notice]:
        self._counters.journal_failures += 1
        self._again_at = self._clock() + self._wait_s
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
        return self._notices.say("journal", f"{error} Listening goes on, and the journal is tried again.")
