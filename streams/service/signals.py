"""What the system asks of a running listener: SIGINT and SIGTERM to stop, SIGHUP to read the model again.

A handler only notes what was asked: whatever the listener does is done to its end. Only waiting for sound is cut short,
and a second request to stop interrupts everything.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Self, TypeVar

T = TypeVar("T")
_STOP = (signal.SIGINT, signal.SIGTERM)
_RELOAD = getattr(signal, "SIGHUP", None)  # Windows has none


class Signals:
    """Inside `with`, in the main thread, the process's handlers; in another thread nothing is ever asked."""

    def __init__(self) -> None:
        self.stop: signal.Signals | None = None  # the one that asked
        self.reload = False
        self._waiting = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for one in (*_STOP, _RELOAD):
                if one is not None:
                    self._before[one] = signal.signal(one, self._asked)
        return self

    def __exit__(self, *exception: object) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def next_of(self, chunks: Iterator[T]) -> T | None:
        """The next chunk; None when there is none, or as soon as a stop is asked."""
        try:
            try:
                self._waiting = True
                return None if self.stop else next(chunks, None)
            finally:
                self._waiting = False
        except _StopWaiting:
            return None

    def _asked(self, number: int, _frame: FrameType | None) -> None:
        if number == _RELOAD:
            self.reload = True
        elif self.stop is not None:
            raise KeyboardInterrupt
        else:
            self.stop = signal.Signals(number)
            if self._waiting:
                self._waiting = False
                raise _StopWaiting


class _StopWaiting(BaseException):
    """Raised in the midst of waiting, where no library may take it for an error of its own."""
