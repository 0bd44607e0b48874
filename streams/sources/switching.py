"""Other sources while the listener goes on: what was heard ends, and what comes next begins, without a restart."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from streams.sources.several import Arrival, arrivals

if TYPE_CHECKING:
    from streams.sources.source import Source


class Switch:
    """`to` may be called from any thread; the sources are taken at the next chunk of those before."""

    def __init__(self) -> None:
        self._next: deque[Sequence[Source]] = deque(maxlen=1)  # a newer choice replaces one that was not taken yet

    def to(self, sources: Sequence[Source]) -> None:
        """Not entered yet, and patient: one that cannot be opened then must wait, not raise."""
        self._next.append(sources)

    def arrivals(self, sources: Sequence[Source]) -> Generator[Arrival]:
        """As `several.arrivals`, first of these."""
        while True:
            going: dict[str, Arrival] = {}
            came = arrivals(sources)
            try:
                for arrival in came:
                    going[arrival.source] = arrival
                    if arrival.ended:
                        del going[arrival.source]
                    yield arrival
                    if self._next:
                        break
            finally:
                came.close()
            if not self._next:
                return
            for last in going.values():
                yield replace(last, chunk=np.empty(0, np.float32), news=(), ended=True)
            sources = self._next.popleft()
