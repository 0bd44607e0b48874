"""The journal of a running listener: it may fail, and listening goes on.

A full or read-only disk, a lock that nobody lets go, a damaged row: each is said, and tried again after 1 s, then ever
more seldom, up to once a minute. What was heard meanwhile, a minute of it, waits in memory and is written then, and so
do the events.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pace_edge.config import HEARD_KEPT_S
from pace_edge.errors import JournalError
from pace_edge.heard_memory import EVENTS_KEPT
from pace_edge.journal import Example, HeardWindow, Journal
from pace_edge.operations import Operation
from streams.heard import Event, Notice
from streams.listening.counters import Counters
from streams.listening.learner import Learner
from streams.listening.notices import Notices

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0


class Memory:
    """A learner's labels and the short memory of what was heard, both in one journal."""

    def __init__(
        self, learner: Learner, journal: Journal, notices: Notices, counters: Counters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._learner, self._journal, self._notices, self._counters = learner, journal, notices, counters
        self._clock = clock
        self._wait_s, self._again_at = FIRST_WAIT_S, -float("inf")
        self._unwritten: dict[str, list[HeardWindow]] = {}
        self._events: list[tuple[str, Event]] = []

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

    def hear(self, session: str, windows: list[HeardWindow], events: Sequence[Event] = ()) -> list[Notice]:
        """Remember one stream's windows, and of its events so much that they can be corrected."""
        self._events = [*self._events, *((session, event) for event in events)][-EVENTS_KEPT:]
        if windows:
            waiting = [*self._unwritten.get(session, ()), *windows]
            self._unwritten[session] = [w for w in waiting if w.end_s >= windows[-1].end_s - HEARD_KEPT_S]
        if not (self._unwritten or self._events) or self._clock() < self._again_at:
            return []
        try:
            for written in list(self._unwritten):
                self._journal.hear(written, self._unwritten[written])
                del self._unwritten[written]
            while self._events:
                of, event = self._events[0]
                self._journal.remember_event(
                    of, event.id, event.label, start_s=event.start_s, end_s=event.end_s, at_unix_s=event.at_unix_s,
                    source=event.source,
                )  # fmt: skip
                del self._events[0]
        except JournalError as error:
            return self._failed(error)
        self._wait_s = FIRST_WAIT_S
        return []

    def _failed(self, error: JournalError) -> list[Notice]:
        self._counters.journal_failures += 1
        self._again_at = self._clock() + self._wait_s
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
        return self._notices.say("journal", f"{error} Listening goes on, and the journal is tried again.")
