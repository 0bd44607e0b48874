"""The outbox: events on their way to receivers that may be away. One SQLite file for all of them.

Invariants
- When `put` returns, the event is on the disk (synchronous=FULL): it survives `kill -9` and a power cut. That is the
  promise: it is delivered at least once, in order for each receiver.
- A letter is removed when its receiver has confirmed it, or has refused it for good, or it is too old, or there are
  too many; never silently: the caller gets the number to count and report.
- One process uses it at a time, so no two deliver the same letter.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pace_edge.config import home
from streams.sinks.database import open_database

APPLICATION_ID = 0x5041434F  # "PACO"
_KIND = "outbox"
_TABLES = """
CREATE TABLE letters (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  receiver TEXT NOT NULL,
  at_unix_s REAL NOT NULL,
  record TEXT NOT NULL
) STRICT;
CREATE INDEX letters_in_order ON letters (receiver, id);
"""


def outbox_path() -> Path:
    """Where the outbox is unless another file is named."""
    return home() / "outbox.sqlite"


@dataclass(frozen=True)
class Letter:
    """One event's record (`streams.heard.as_record`) for one receiver."""

    id: int
    at_unix_s: float  # when it was promised
    record: dict[str, Any]


class Outbox:
    """For each receiver at most `keep_events` letters, none older than `keep_days` days. Raises SinkError."""

    def __init__(self, path: Path, *, keep_days: float = 30.0, keep_events: int = 100_000) -> None:
        self._keep_s, self._keep_events = keep_days * 86400, keep_events
        self._lock = threading.RLock()
        self._db = open_database(path, _KIND, APPLICATION_ID, _TABLES, alone=True)
        self._waiting: dict[str, int] = dict(
            self._db.execute("SELECT receiver, count(*) FROM letters GROUP BY receiver").fetchall()
        )

    def put(self, receiver: str, record: dict[str, Any]) -> None:
        """Promise it. Raises sqlite3.Error, and has promised nothing, where the disk takes no more."""
        with self._lock:
            self._db.execute(
                "INSERT INTO letters (receiver, at_unix_s, record) VALUES (?, ?, ?)",
                (receiver, time.time(), json.dumps(record, ensure_ascii=False)),
            )
            self._waiting[receiver] = self.waiting(receiver) + 1

    def first(self, receiver: str) -> Letter | None:
        """The one to deliver next."""
        with self._lock:
            row = self._db.execute(
                "SELECT id, at_unix_s, record FROM letters WHERE receiver = ? ORDER BY id LIMIT 1", (receiver,)
            ).fetchone()
        return Letter(row[0], row[1], json.loads(row[2])) if row else None

    def remove(self, receiver: str, letter: Letter) -> None:
        """It was delivered, or never will be."""
        self._remove(receiver, "id = ?", letter.id)

    def discard(self, receiver: str) -> int:
        """Remove what is too old and, oldest first, what is too much; how many that were."""
        oldest_s = time.time() - self._keep_s
        first, surplus = self.first(receiver), self.waiting(receiver) - self._keep_events
        lost = 0
        if surplus > 0:
            which = "id IN (SELECT id FROM letters WHERE receiver = ? ORDER BY id LIMIT ?)"
            lost += self._remove(receiver, which, receiver, surplus)
        if first and first.at_unix_s < oldest_s:  # the others need no look: they are younger
            lost += self._remove(receiver, "at_unix_s < ?", oldest_s)
        return lost

    def waiting(self, receiver: str) -> int:
        return self._waiting.get(receiver, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _remove(self, receiver: str, which: str, *values: object) -> int:
        with self._lock:
            # a removal that a power cut undoes means one letter twice, which is not worth a flush to the disk
            self._db.execute("PRAGMA synchronous=NORMAL")
            try:
                done = self._db.execute(f"DELETE FROM letters WHERE receiver = ? AND {which}", (receiver, *values))
            finally:
                self._db.execute("PRAGMA synchronous=FULL")
            self._waiting[receiver] = self.waiting(receiver) - done.rowcount
            return done.rowcount
