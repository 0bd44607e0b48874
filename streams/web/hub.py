"""What was heard, on its way to the pages that are open: the last minute for one that opens, and a bounded queue each.

The listener's thread calls `put`, which keeps a reference and wakes the server's loop at most once; all else happens
in that loop. A page that reads too slowly loses the oldest, and is told how many.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

from pace_edge.config import HEARD_KEPT_S
from streams.heard import Event, Gap, Heard, SourceState, Window, as_record
from streams.sources.watchdog import AWAY
from streams.web.scores import ScoreHour
from streams.web.tape import SOURCES

INBOX = 4000  # reports that wait for the loop; a minute of 30 sources
MINUTE = 4000  # reports that are kept for a page that opens
GOING = 200  # events that go on
QUEUE = 200  # messages that wait for one page
KEEP_ALIVE_S = 10.0
LEAST_SCORE = 0.01  # of a class that is worth telling


class Viewer:
    """One open page: its messages, oldest first; a full queue loses the oldest."""

    def __init__(self) -> None:
        self.lost = 0  # since it was told last
        self.over = False
        self._waiting: deque[bytes] = deque()
        self._come = asyncio.Event()

    def put(self, message: bytes) -> None:
        if len(self._waiting) >= QUEUE:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(message)
        self._come.set()

    def end(self) -> None:
        self.over = True
        self._come.set()

    async def messages(self) -> AsyncIterator[bytes]:
        """What to send, until the end; a comment where nothing came for a while, so that a dead line is noticed."""
        while not self.over:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._come.wait(), KEEP_ALIVE_S)
            self._come.clear()
            if not self._waiting and not self.over:
                yield b": nothing new\n\n"
            while self._waiting:
                if self.lost:
                    lost, self.lost = self.lost, 0
                    yield message("lost", {"count": lost})
                yield self._waiting.popleft()


class Hub:
    """`viewers` are the pages that are open: only the loop's thread changes them."""

    def __init__(self) -> None:
        self.viewers: set[Viewer] = set()
        self.changed: Callable[[], None] = lambda: None  # called in the loop when more than a sound was reported
        self.lost = 0  # reports that the loop was too slow for
        self.scores = ScoreHour()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._inbox: deque[Heard] = deque(maxlen=INBOX)
        self._woken = False
        self._sources: dict[str, _Source] = {}  # in the order in which they were first heard of
        self._going: dict[str, Event] = {}  # events that have not ended, by id
        self._minute: deque[Heard] = deque(maxlen=MINUTE)

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called once, in the loop's thread."""
        self._loop = loop

    def put(self, heard: Heard) -> None:
        """From the listener's thread; never waits, never raises."""
        self.lost += len(self._inbox) == INBOX
        self._inbox.append(heard)
        loop = self._loop
        if loop is not None and not self._woken:
            self._woken = True
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._take)

    def tell(self, kind: str, data: Any) -> None:
        """To every open page, from the loop's thread."""
        if self.viewers:
            encoded = message(kind, data)
            for viewer in self.viewers:
                viewer.put(encoded)

    def sources(self) -> list[dict[str, Any]]:
        """Every source that has not ended, as it is now."""
        return [one.as_record(name) for name, one in self._sources.items() if not one.ended]

    def ended(self) -> list[dict[str, Any]]:
        """Those that ended less than a minute ago: so long it is remembered what they heard."""
        since_s = time.monotonic() - HEARD_KEPT_S
        return [one.as_record(name) for name, one in self._sources.items() if one.ended and one.heard_s >= since_s]

    def loudest(self) -> str:
        """The source whose latest window is the loudest: of those that are heard, else of those that are away. Empty:
        nothing is heard."""
        here = {name: one for name, one in self._sources.items() if one.level_dbfs is not None and not one.ended}
        heard = {name: one for name, one in here.items() if not one.away} or here
        return max(heard, key=lambda name: heard[name].level_dbfs or -math.inf, default="")

    def recent(self) -> dict[str, list[dict[str, Any]]]:
        """Of the last minute, oldest first, and the events that go on for longer. In the loop's thread."""
        since = time.time() - HEARD_KEPT_S
        windows = [one for one in self._minute if isinstance(one, Window) and one.heard_unix_s >= since]
        events = [one for one in self._minute if isinstance(one, Event) and one.heard_unix_s + one.duration_s >= since]
        long = [one for one in self._going.values() if one not in events]
        return {
            "windows": [record_of(one) for one in windows], "events": [record_of(one) for one in [*long, *events]],
        }  # fmt: skip

    def end(self) -> None:
        """The server closes: every page's stream ends. In the loop's thread."""
        for viewer in self.viewers:
            viewer.end()

    def _note(self, heard: Heard) -> None:
        if isinstance(heard, Event):
            self._going.pop(heard.id, None)
            if heard.state != "end":
                self._going[heard.id] = heard
            if len(self._going) > GOING:
                del self._going[next(iter(self._going))]
        if isinstance(heard, Window):
            self.scores.add(heard)
        if isinstance(heard, Window | SourceState):
            self._note_source(heard)

    def _note_source(self, heard: Window | SourceState) -> None:
        before = self._sources.get(heard.source)
        known = before if before and not (before.ended and isinstance(heard, Window)) else _Source()  # it begins again
        if isinstance(heard, SourceState):
            now = replace(known, state=heard, heard_s=time.monotonic())
        else:
            now = replace(known, level_dbfs=heard.level_dbfs, heard_s=time.monotonic())
        self._sources[heard.source] = now
        if len(self._sources) > SOURCES:
            oldest = min(self._sources, key=lambda name: (not self._sources[name].ended, self._sources[name].heard_s))
            del self._sources[oldest]
        if before is None or before.ended != now.ended:
            self.changed()
        if now.ended and self._loop is not None:
            self._loop.call_later(HEARD_KEPT_S, self.changed)  # it is forgotten

    def _take(self) -> None:
        self._woken = False
        while self._inbox:
            heard = self._inbox.popleft()
            self._minute.append(heard)
            self._note(heard)
            if self.viewers:
                self.tell("heard", record_of(heard))
            if not isinstance(heard, Window | Event | Gap):
                self.changed()


@dataclass(frozen=True)
class _Source:
    """`state`: what it said of itself last, if anything; `heard_s`: when it was last heard of, on the monotonic clock.
    A state of "ended" is the last that is reported of a stream."""

    state: SourceState | None = None
    level_dbfs: float | None = None
    heard_s: float = 0.0

    @property
    def ended(self) -> bool:
        return self.state is not None and self.state.state == "ended"

    @property
    def away(self) -> bool:
        return self.state is not None and self.state.state in AWAY

    def as_record(self, name: str) -> dict[str, Any]:
        return {
            "name": name, "state": self.state.state if self.state else "hearing",
            "words": self.state.words if self.state else "",
            "level_dbfs": None if self.level_dbfs is None else round(self.level_dbfs, 2),
        }  # fmt: skip


def record_of(heard: Heard) -> dict[str, Any]:
    """As in every sink; but a window's `top` has every class that scores at all."""
    record = as_record(heard)
    if isinstance(heard, Window) and heard.scores:
        best = sorted(heard.scores.items(), key=lambda item: -item[1])
        record["top"] = {label: round(score, 4) for label, score in best if score >= LEAST_SCORE}
    return record


def message(kind: str, data: Any) -> bytes:
    """A server-sent event. JSON has no line ends, so the data is one line."""
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
