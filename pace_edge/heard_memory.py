"""What a listener heard a moment ago, and the sounds it announced: a short memory in the journal's file, so that any
process can label them. It may lose its last moments in a power cut.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from pace_edge.config import HEARD_KEPT_S
from pace_edge.journal_file import JournalFile

EVENTS_KEPT = 200
WINDOWS_OF_EVENT = 8  # kept of each, spread over it
WINDOWS_KEPT = 4000  # of all listeners together
_WINDOW = "start_s, end_s, level_dbfs, embedding, at_unix_s"  # as HeardWindow has them


@dataclass(frozen=True)
class HeardWindow:
    """One window of a running listener: times in seconds of its stream, `embedding` float32 [D]; `at_unix_s` when it
    was heard, 0: now."""

    start_s: float
    end_s: float
    level_dbfs: float
    embedding: np.ndarray
    at_unix_s: float = 0.0


@dataclass(frozen=True)
class HeardEvent:
    """A sound that was announced: `embeddings` float32 [windows, D] of its windows, a few at most; `id` and `label` as
    in what the listener reports."""

    id: str
    label: str
    source: str
    at_unix_s: float
    start_s: float
    end_s: float
    embeddings: np.ndarray


class HeardMemory(JournalFile):
    def hear(self, session: str, windows: list[HeardWindow]) -> None:
        """Remember a listener's windows, and forget its own that ended more than HEARD_KEPT_S before them."""
        now = time.time()
        rows = [
            (session, w.at_unix_s or now, w.start_s, w.end_s, w.level_dbfs, w.embedding.astype("<f4").tobytes())
            for w in windows
        ]
        with self._unhurried():
            self._db.executemany(
                "INSERT INTO heard (session, at_unix_s, start_s, end_s, level_dbfs, embedding)"
                " VALUES (?, ?, ?, ?, ?, ?)", rows,
            )  # fmt: skip
            self._db.execute(
                "DELETE FROM heard WHERE (session = ? AND end_s < ?) OR id <= (SELECT max(id) FROM heard) - ?",
                (session, windows[-1].end_s - HEARD_KEPT_S, WINDOWS_KEPT),
            )

    def heard(self, last_s: float) -> tuple[list[HeardWindow], float]:
        """The windows that end in the last `last_s` seconds of the newest listener's stream, and how many seconds
        ago the last of them was heard (infinite when nothing was)."""
        with self._said_plainly():
            rows = self._db.execute(
                f"SELECT {_WINDOW} FROM heard WHERE session = (SELECT session FROM heard ORDER BY id DESC LIMIT 1)"
                " AND end_s > (SELECT end_s FROM heard ORDER BY id DESC LIMIT 1) - ? ORDER BY id", (last_s,),
            ).fetchall()  # fmt: skip
        windows = [_window(row) for row in rows]
        return windows, (max(0.0, time.time() - windows[-1].at_unix_s) if windows else float("inf"))

    def heard_range(self, session: str, start_s: float, end_s: float) -> list[HeardWindow]:
        """The windows of one listener's stream that touch these seconds of it, in order."""
        with self._said_plainly():
            rows = self._db.execute(
                f"SELECT {_WINDOW} FROM heard WHERE session = ? AND end_s > ? AND start_s < ? ORDER BY id",
                (session, start_s, end_s),
            ).fetchall()
        return [_window(row) for row in rows]

    def remember_event(
        self, session: str, id: str, label: str, *, start_s: float, end_s: float, at_unix_s: float, source: str = ""
    ) -> None:
        """Keep a few of the windows that `session` heard within an announced sound, for `correct`; call it again when
        the sound has gone on. The oldest of more than EVENTS_KEPT are forgotten."""
        with self._unhurried():
            rows = self._db.execute(
                "SELECT embedding FROM heard WHERE session = ? AND start_s >= ? - 1e-6 AND end_s <= ? + 1e-6"
                " ORDER BY id", (session, start_s, end_s),
            ).fetchall()  # fmt: skip
            if not rows:
                return
            chosen = sorted({round(i) for i in np.linspace(0, len(rows) - 1, min(len(rows), WINDOWS_OF_EVENT))})
            blob = b"".join(rows[i][0] for i in chosen)
            self._db.execute("DELETE FROM events WHERE id = ?", (id,))
            self._db.execute(
                "INSERT INTO events (id, label, source, at_unix_s, start_s, end_s, embeddings)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)", (id, label, source, at_unix_s, start_s, end_s, blob),
            )  # fmt: skip
            self._db.execute("DELETE FROM events WHERE number <= (SELECT max(number) FROM events) - ?", (EVENTS_KEPT,))

    def events(self) -> list[HeardEvent]:
        """The announced sounds that are remembered, oldest first."""
        with self._said_plainly():
            rows = self._db.execute(
                "SELECT id, label, source, at_unix_s, start_s, end_s, embeddings FROM events ORDER BY number"
            ).fetchall()
        return [
            HeardEvent(
                id, label, source, at, start_s, end_s, np.frombuffer(blob, "<f4").reshape(-1, self.embedding_size)
            )
            for id, label, source, at, start_s, end_s, blob in rows
        ]

    @contextmanager
    def _unhurried(self) -> Iterator[None]:
        """A transaction that is not worth a flush to the disk."""
        with self._said_plainly():
            self._db.execute("PRAGMA synchronous=NORMAL")
            try:
                with self._transaction():
                    yield
            finally:
                self._db.execute("PRAGMA synchronous=FULL")


def _window(row: tuple[float, float, float, bytes, float]) -> HeardWindow:
    start_s, end_s, level_dbfs, blob, at_unix_s = row
    return HeardWindow(start_s, end_s, level_dbfs, np.frombuffer(blob, "<f4"), at_unix_s)
