"""Several sources heard at once, by one model."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pace_edge.errors import PaceEdgeError
from streams.heard import SourceState

if TYPE_CHECKING:
    from streams.sources.source import Source

_WAITING = 8  # arrivals of one source; more of them wait in the source
_POLL_S = 0.25  # so that Ctrl-C works
_END_S = 1.0


@dataclass(frozen=True)
class Arrival:
    """A chunk of the stream `source`, perhaps empty, and what that source said of it: `dropped` samples were lost
    before it in all, `away` of them because it was away. `ended`: it is the stream's last."""

    source: str
    chunk: np.ndarray
    dropped: int = 0
    overflows: int = 0
    news: tuple[SourceState, ...] = ()
    ended: bool = False
    away: int | None = None  # an application's own source need not tell
    live: bool = True
    recorded_unix_s: float | None = None
    came_unix_s: float | None = None  # when the chunk's last sample was made, if its source tells
    file: str | None = None  # of a recording


def arrivals(sources: Sequence[Source]) -> Generator[Arrival]:
    """What the sources give, as it comes, until all have ended. Each may be a few chunks ahead of the reader, no more:
    then files wait, and live sources lose sound in their own ring and count it.

    A folder's files are streams of their own. A source that fails ends, and the others go on; the first such error is
    raised when all have ended.
    """
    failures: list[PaceEdgeError] = []
    with ExitStack() as opened:
        for source in sources:
            opened.enter_context(source)
        yield from _arrivals(sources[0], failures) if len(sources) == 1 else _together(sources, failures)
    if failures:
        raise failures[0]


def number_namesakes(sources: Sequence[Source]) -> None:
    """Give sources of the same name a number, so that what is heard belongs to one of them."""
    seen: dict[str, int] = {}
    for source in sources:
        seen[source.name] = count = seen.get(source.name, 0) + 1
        if count > 1:
            source.name = f"{source.name} ({count})"


def _arrivals(source: Source, failures: list[PaceEdgeError]) -> Generator[Arrival]:
    """An opened source's streams, each to its end."""
    name, nothing, news, facts = "", np.empty(0, np.float32), [], _facts(source)
    try:
        for chunk in source:
            if name and source.name != name:
                yield Arrival(name, nothing, ended=True, **facts)
            name, facts = source.name, _facts(source)
            yield Arrival(name, chunk, news=tuple(source.news()), **facts)
    except PaceEdgeError as error:
        failures.append(error)
        news = [SourceState(source.name, "ended", str(error), time.time())]
    yield Arrival(source.name, nothing, news=(*source.news(), *news), ended=True, **_facts(source))


def _facts(source: Source) -> dict[str, Any]:
    """Of an arrival, as they are now."""
    return {
        "dropped": source.dropped, "overflows": source.overflows, "away": getattr(source, "away", None),
        "live": getattr(source, "live", True), "recorded_unix_s": getattr(source, "recorded_unix_s", None),
        "came_unix_s": getattr(source, "came_unix_s", None),
        "file": getattr(source, "file", None),
    }  # fmt: skip


def _together(sources: Sequence[Source], failures: list[PaceEdgeError]) -> Generator[Arrival]:
    """The opened sources' streams, each read by a thread, first come, first served."""
    come: queue.SimpleQueue[tuple[int, Arrival | BaseException | None]] = queue.SimpleQueue()
    room = [threading.Semaphore(_WAITING) for _ in sources]
    leave = threading.Event()

    def read(index: int) -> None:
        end: BaseException | None = None
        try:
            for arrival in _arrivals(sources[index], failures):
                while not room[index].acquire(timeout=_POLL_S):
                    if leave.is_set():
                        return
                if leave.is_set():
                    return
                come.put((index, arrival))
        except BaseException as error:  # a fault of ours must not end in a silent thread
            end = error
        come.put((index, end))

    threads = [threading.Thread(target=read, args=(index,), daemon=True) for index in range(len(sources))]
    try:
        for thread in threads:
            thread.start()
        going = len(threads)
        while going:
            try:
                index, what = come.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if isinstance(what, Arrival):
                room[index].release()
                yield what
            elif what is None:
                going -= 1
            else:
                raise what
    finally:
        leave.set()
        for thread in threads:
            thread.join(_END_S)  # one that waits for standard input is left behind
