"""Words for a person that do not fill a disk: of one kind and source one in ten minutes."""

from __future__ import annotations

import time
from collections.abc import Callable

from streams.heard import Notice, NoticeKind

EVERY_S = 600.0


class Notices:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said_at: dict[tuple[str, str], float] = {}

    def say(self, kind: NoticeKind, words: str, source: str = "") -> list[Notice]:
        """The notice, or nothing where the like was said a moment ago."""
        now = self._clock()
        if now - self._said_at.get((kind, source), -EVERY_S) < EVERY_S:
            return []
        self._said_at[kind, source] = now
        return [Notice(kind, words, source, time.time())]
