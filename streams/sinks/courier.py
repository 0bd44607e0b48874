"""The thread that carries one receiver's letters: in order, again with growing pauses while the receiver is away."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable

from streams.sinks.outbox import Letter, Outbox
from streams.sinks.reports import Reports
from streams.sinks.sink import Counts

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 300.0


class AwayError(Exception):
    """The receiver did not confirm the letter: try it again, not before `retry_after_s` where that is known."""

    def __init__(self, why: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


class RefusedError(Exception):
    """The receiver will never take this letter."""


def pause_s(tries: int, first_s: float = FIRST_RETRY_S, longest_s: float = LONGEST_RETRY_S) -> float:
    """After so many tries in vain, from 1 on: twice as long each time, up to `longest_s`."""
    return min(longest_s, first_s * 2.0 ** min(tries - 1, 60))


class Courier:
    """Calls `deliver` for one letter after the other; it returns once the receiver has confirmed, or raises."""

    def __init__(
        self, receiver: str, outbox: Outbox, deliver: Callable[[Letter], None], counts: Counts, reports: Reports, *,
        first_retry_s: float = FIRST_RETRY_S, longest_retry_s: float = LONGEST_RETRY_S,
    ) -> None:  # fmt: skip
        self._receiver, self._outbox, self._deliver = receiver, outbox, deliver
        self._counts, self._reports = counts, reports
        self._first_retry_s, self._longest_retry_s = first_retry_s, longest_retry_s
        self._tries = 0
        self._not_before = 0.0
        self._closing = False
        self._turn = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"courier of {receiver}", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is a new letter. A pause goes on all the same."""
        with self._turn:
            self._turn.notify()

    def retry_now(self) -> None:
        """The receiver is back."""
        with self._turn:
            self._not_before = 0.0
            self._turn.notify()

    def close(self, wait_s: float) -> None:
        """Deliver on for at most `wait_s` seconds while the receiver takes letters; the rest stays on the disk."""
        end = time.monotonic() + wait_s
        while self._outbox.waiting(self._receiver) and not self._tries and time.monotonic() < end:
            time.sleep(0.02)
        with self._turn:
            self._closing = True
            self._turn.notify()
        self._thread.join(max(0.1, end - time.monotonic()))

    def _run(self) -> None:
        while True:
            with self._turn:
                while not self._closing and (pause := self._pause()) != 0:
                    self._turn.wait(pause)
                if self._closing:
                    return
            try:
                self._carry()
            except sqlite3.Error as error:
                if self._closing:
                    return
                self._later(f"the outbox cannot be read: {error}")

    def _pause(self) -> float | None:
        """Seconds until the next try; None until there is a letter."""
        if not self._outbox.waiting(self._receiver):
            return None
        return max(0.0, self._not_before - time.monotonic())

    def _carry(self) -> None:
        """Try to deliver one letter."""
        if lost := self._outbox.discard(self._receiver):
            self._counts.discarded += lost
            self._reports.trouble(
                f"{self._receiver} discards",
                f"{self._receiver}: events were given up, too old or too many: {self._counts.discarded} so far.",
            )
        letter = self._outbox.first(self._receiver)
        if letter is None:
            return
        try:
            self._deliver(letter)
        except RefusedError as error:
            self._counts.failed += 1
            self._reports.trouble(
                f"{self._receiver} refused",
                f"{self._receiver}: {letter.record.get('label')} was refused and is not sent again ({error}).",
            )
        except AwayError as error:
            self._later(str(error), error.retry_after_s)
            return
        except Exception as error:  # a bug in a receiver's code ends no thread and loses no letter
            self._later(f"{type(error).__name__}: {error}")
            return
        else:
            self._counts.delivered += 1
        self._tries = 0
        self._outbox.remove(self._receiver, letter)
        self._reports.over(self._receiver, f"{self._receiver} takes events again.")

    def _later(self, why: str, retry_after_s: float = 0.0) -> None:
        self._tries += 1
        pause = pause_s(self._tries, self._first_retry_s, self._longest_retry_s)
        pause *= random.uniform(0.5, 1.0)  # so that many listeners do not come back at the same moment
        self._not_before = time.monotonic() + max(pause, retry_after_s)
        self._reports.trouble(
            self._receiver,
            f"{self._receiver} takes no events ({why}); waiting on the disk: {self._outbox.waiting(self._receiver)}. "
            "They are sent when it does.",
        )
