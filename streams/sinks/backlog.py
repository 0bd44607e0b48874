"""What a full or missing disk could not take yet: kept in memory, in order, and tried again; never silently lost."""

from __future__ import annotations

import math
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from streams.sinks.reports import Reports
from streams.sinks.sink import Counts

ROOM = 1000  # reports, some 300 bytes each
RETRY_S = 5.0

DISK_ERRORS = (OSError, sqlite3.Error)


T = TypeVar("T")


class Backlog(Generic[T]):
    """`put` writes one thing to the disk, or raises one of DISK_ERRORS and has written nothing."""

    def __init__(
        self, name: str, put: Callable[[T], None], reports: Reports, *, room: int = ROOM, retry_s: float = RETRY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.counts = Counts()
        self._name, self._put, self._reports = name, put, reports
        self._room, self._retry_s, self._clock = room, retry_s, clock
        self._waiting: deque[T] = deque()
        self._try_at = -math.inf

    def add(self, thing: T) -> None:
        """Write it behind what waits, or let it wait too. The oldest is given up where the memory's room ends."""
        self._waiting.append(thing)
        self.retry()
        room = self._room
        while len(self._waiting) > room:
            self._waiting.popleft()
            self.counts.discarded += 1
            self._reports.trouble(
                f"{self._name} discards",
                f"{self._name}: events are lost, {self.counts.discarded} so far: the disk takes none, and {room} wait.",
            )
        self.counts.waiting = len(self._waiting)

    def retry(self) -> None:
        """Write what waits, unless the disk refused a moment ago."""
        if not self._waiting or self._clock() < self._try_at:
            return
        while self._waiting:
            try:
                self._put(self._waiting[0])
            except DISK_ERRORS as error:
                self._try_at = self._clock() + self._retry_s
                self._reports.trouble(
                    self._name,
                    f"{self._name} cannot be written ({error}); waiting in memory: {len(self._waiting)}. "
                    "It is tried again. Make room, or see that the folder is there and writable.",
                )
                break
            self._waiting.popleft()
            self.counts.written += 1
        else:
            self._reports.over(self._name, f"{self._name} is written again; nothing waits.")
        self.counts.waiting = len(self._waiting)

    def close(self) -> None:
        """One last try, now; what the disk still refuses is lost, and said."""
        self._try_at = -math.inf
        self.retry()
        if self._waiting:
            self.counts.discarded += len(self._waiting)
            self._reports.say(f"{self._name}: events are lost, {len(self._waiting)} at the end: the disk took none.")
            self._waiting.clear()
            self.counts.waiting = 0
