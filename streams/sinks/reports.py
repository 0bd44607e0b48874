"""Words about trouble, so few that they cannot fill a disk: at once, then at most one a minute for each kind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class _Trouble:
    said_at: float
    unsaid: int = 0


class Reports:
    """`say` gets each sentence that is due. Safe to use from several threads."""

    def __init__(
        self, say: Callable[[str], None], *, every_s: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.say = say
        self._every_s = every_s
        self._clock = clock
        self._lock = threading.Lock()
        self._troubles: dict[str, _Trouble] = {}

    def trouble(self, kind: str, sentence: str) -> None:
        """Say it, unless trouble of this kind was said less than `every_s` seconds ago; then count it for the next."""
        now = self._clock()
        with self._lock:
            known = self._troubles.get(kind)
            if known and now - known.said_at < self._every_s:
                known.unsaid += 1
                return
            self._troubles[kind] = _Trouble(now)
        self.say(sentence + (f" ({known.unsaid} more like this since)" if known and known.unsaid else ""))

    def over(self, kind: str, sentence: str) -> None:
        """Say that trouble of this kind has ended, if any was said; the next of its kind is said at once."""
        with self._lock:
            if self._troubles.pop(kind, None) is None:
                return
        self.say(sentence)
