"""Teaching over the API: one thread with the journal open, which does one thing after the other.

SQLite's files belong to the thread that opened them. The thread opens the journal when it is first needed, again for
another model or journal, and closes it at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from streams.listening.listener import Listener
from streams.teaching.teach import Teacher

T = TypeVar("T")
ROOM = 20  # requests that may wait


class BusyError(Exception):
    """So many requests wait that another would wait too long."""


class Desk:
    """`do` and `ask` are called in the server's loop alone."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._teacher: Teacher | None = None
        self._place: tuple[str, Path] | None = None
        self._waiting = 0
        self._worker = ThreadPoolExecutor(1, "web-desk")

    async def do(self, work: Callable[[Teacher], T]) -> T:
        """What `work` makes with the journal open; its errors are raised here. Raises BusyError."""
        return await self.ask(lambda: work(self._opened()))

    async def ask(self, work: Callable[[], T]) -> T:
        """The same for what needs no journal but may take a while, such as listing microphones."""
        if self._waiting >= ROOM:
            raise BusyError
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work)
        finally:
            self._waiting -= 1

    def close(self, wait_s: float = 5.0) -> None:
        """What is being done is finished first, for so long."""
        with contextlib.suppress(RuntimeError, TimeoutError):  # closed already, or too slow
            self._worker.submit(self._close).exception(wait_s)
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _opened(self) -> Teacher:
        """In the worker's thread."""
        ears = self._listener.ears
        place = ears.model.sha256, ears.learner.journal.path  # the listener's own, wherever that is
        if self._teacher is None or self._place != place:
            self._close()
            self._teacher = Teacher(ears.model, journal=place[1], encoder=ears.encoder, rule=self._listener.rule)
            self._place = place
        return self._teacher

    def _close(self) -> None:
        if self._teacher is not None:
            self._teacher.close()
            self._teacher = None
