"""How often each class would have been announced here, kept in the journal's file: one small row for each class as it
is taught, whose old counts fade by half in HALF_LIFE_S. It may lose its last minute, and is nobody's backup."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from pace_edge.journal_file import JournalFile
from pace_edge.rates import THRESHOLDS, Counts

HALF_LIFE_S = 30 * 86400.0
ROWS = 1000  # of more, those that were written longest ago are forgotten


class RateRecord(JournalFile):
    def count(self, new: Mapping[str, Counts]) -> None:
        """Add these counts: a class's key (`rates.class_keys`) to what was counted since the last call by this process;
        others add theirs."""
        now = time.time()
        with self._unhurried():
            for key, counts in new.items():
                found = self._db.execute(
                    "SELECT at_unix_s, hours, events FROM rates WHERE class = ?", (key,)
                ).fetchone()
                if found is not None:
                    counts = counts.plus(_counts(*found[1:]), 0.5 ** (max(0.0, now - found[0]) / HALF_LIFE_S))
                row = (key, now, counts.hours, np.asarray(counts.events, "<f4").tobytes())
                self._db.execute("INSERT OR REPLACE INTO rates VALUES (?, ?, ?, ?)", row)
            self._db.execute(
                "DELETE FROM rates WHERE class NOT IN (SELECT class FROM rates ORDER BY at_unix_s DESC LIMIT ?)",
                (ROWS,),
            )

    def counted(self) -> dict[str, Counts]:
        """What was counted, by the key of the class as it was taught then."""
        with self._said_plainly():
            rows = self._db.execute("SELECT class, hours, events FROM rates").fetchall()
        return {key: _counts(hours, events) for key, hours, events in rows}

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


def _counts(hours: float, events: bytes) -> Counts:
    found = np.frombuffer(events, "<f4")
    return Counts(hours, tuple(found.tolist())) if len(found) == len(THRESHOLDS) else Counts()
