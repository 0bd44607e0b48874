"""Words for a person on standard error: one line each, with the time unless a log adds its own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Literal, TextIO

Say = Callable[[str], None]  # tells a person one sentence
ShownTime = Literal["auto", "always", "never"]


class Voice:
    """Says sentences on standard error, or elsewhere for a while, such as in a live view."""

    def __init__(self, time_shown: ShownTime = "auto") -> None:
        self._usual = self._now = speaker(time_shown)

    def say(self, words: str) -> None:
        self._now(words)

    def move(self, to: Say | None) -> None:
        """None: back to standard error."""
        self._now = to or self._usual


def speaker(time_shown: ShownTime = "auto", stream: TextIO | None = None) -> Say:
    """Says sentences on `stream`, else on standard error. `auto`: with the time, unless systemd's journal reads."""
    stream = stream or sys.stderr
    shown = time_shown == "always" or (time_shown == "auto" and not read_by_journal(stream))

    def say(words: str) -> None:
        line = " ".join(words.split())
        print(time.strftime("%Y-%m-%d %H:%M:%S ") + line if shown else line, file=stream, flush=True)

    return say


def read_by_journal(stream: TextIO) -> bool:
    """Whether systemd's journal reads this stream: JOURNAL_STREAM names its device and inode (man systemd.exec)."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
