"""What listeners heard in the last minute, and the sounds they announced: a short memory in the journal's file, so that
any process can label them. It may lose its last moments in a power cut.

There is one notion of time: seconds before now, by the clock. A window's clock time is that of its end, as it was when
the window was heard, whatever was written later. Sound that comes faster than the clock, as a recording may, counts by
its own seconds too: what came 20 s before its end was not heard a moment ago.

An announced sound keeps a few of its windows, spread over it, however long it goes on and however it ends. They are
there for `correct` when the last minute has long gone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np

from pace_edge.config import HEARD_KEPT_S
from pace_edge.rate_record import RateRecord

EVENTS_KEPT = 200
WINDOWS_OF_EVENT = 8  # kept of each, spread over it
BLOCK_S = 0.1  # of a window's `blocks_dbfs`
_WINDOW = "start_s, end_s, level_dbfs, embedding, at_unix_s, label, score, clipped, blocks"  # as HeardWindow has them


@dataclass(frozen=True)
class HeardWindow:
    """One window that was heard: times in seconds of its stream, `embedding` float32 [D]; `at_unix_s` the clock's
    time of its end, 0: now; what it was called, with the score; `clipped`, the share of its samples at full scale;
    `blocks_dbfs`, its level in pieces of BLOCK_S, the last one ending with it."""

    start_s: float
    end_s: float
    level_dbfs: float
    embedding: np.ndarray
    at_unix_s: float = 0.0
    label: str = ""
    score: float = 0.0
    clipped: float = 0.0
    blocks_dbfs: tuple[float, ...] = ()


@dataclass(frozen=True)
class HeardStream:
    """One stream of a listener: its windows of the last minute, oldest first, and `end_ago_s`: so many seconds ago its
    second `end_s` was heard."""

    session: str
    source: str
    live: bool
    windows: tuple[HeardWindow, ...]
    end_s: float
    end_unix_s: float
    now_unix_s: float

    def ago_s(self, window: HeardWindow) -> float:
        """How long ago its end was heard."""
        by_clock = self.now_unix_s - window.at_unix_s
        by_stream = self.now_unix_s - self.end_unix_s + self.end_s - window.end_s
        return max(0.0, by_clock, by_stream)


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
    session: str = ""
    starts: tuple[float, ...] = field(default=(), repr=False)  # of each of its windows, in seconds of the stream
    windows_s: tuple[float, float] | None = field(default=None, repr=False)

    @property
    def heard_s(self) -> tuple[float, float]:
        """From where to where it and its windows reach. An event of an older version has no other times than theirs."""
        from_s, to_s = self.windows_s or (self.start_s, self.end_s)
        return min(from_s, self.start_s), max(to_s, self.end_s)


class HeardMemory(RateRecord):
    def hear(
        self, session: str, windows: Sequence[HeardWindow], *, source: str = "", live: bool = True,
        heard_to_s: float | None = None,
    ) -> None:  # fmt: skip
        """Remember one stream's windows, and forget of all streams what is older than HEARD_KEPT_S. `heard_to_s`: the
        stream was heard so far, without a window worth remembering at its end. `live`: it keeps the clock's pace."""
        now = time.time()
        rows = [
            (session, w.at_unix_s or now, w.start_s, w.end_s, w.level_dbfs, w.clipped, w.label, w.score,
             np.asarray(w.blocks_dbfs, "<f4").tobytes(), w.embedding.astype("<f4").tobytes())
            for w in windows
        ]  # fmt: skip
        if heard_to_s is None:
            heard_to_s = windows[-1].end_s
        with self._unhurried():
            self._db.executemany(
                "INSERT INTO heard (session, at_unix_s, start_s, end_s, level_dbfs, clipped, label, score, blocks,"
                " embedding) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows,
            )  # fmt: skip
            self._db.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?)",
                             (session, source, live, heard_to_s, now))  # fmt: skip
            self._db.execute(  # a clock that was set back leaves windows of the future
                "DELETE FROM heard WHERE (session = ? AND end_s < ?) OR at_unix_s < ? OR at_unix_s > ?",
                (session, heard_to_s - HEARD_KEPT_S, now - HEARD_KEPT_S, now + HEARD_KEPT_S),
            )
            self._db.execute(
                "DELETE FROM sessions WHERE heard_to_unix_s NOT BETWEEN ? AND ?",
                (now - HEARD_KEPT_S, now + HEARD_KEPT_S),
            )

    def heard(self) -> list[HeardStream]:
        """The streams of which something was heard in the last HEARD_KEPT_S seconds, the one heard last at the end."""
        now = time.time()
        with self._said_plainly():
            rows = self._db.execute(
                f"SELECT h.session, s.source, s.live, s.heard_to_s, s.heard_to_unix_s, {_WINDOW} FROM heard h"
                " JOIN sessions s ON s.session = h.session ORDER BY s.heard_to_unix_s, h.session, h.end_s"
            ).fetchall()
        streams = []
        for (session, source, live, end_s, end_unix_s), of_it in groupby(rows, key=lambda row: row[:5]):
            stream = HeardStream(session, source, bool(live), (), end_s, end_unix_s, now)
            recent = [w for w in map(_window, (row[5:] for row in of_it)) if stream.ago_s(w) <= HEARD_KEPT_S]
            if recent:
                streams.append(replace(stream, windows=tuple(recent)))
        return streams

    def remember_event(
        self, session: str, id: str, label: str, *, start_s: float, end_s: float, at_unix_s: float, source: str = "",
        windows_s: tuple[float, float] | None = None,
    ) -> None:  # fmt: skip
        """Keep a few of the windows that `session` heard within an announced sound, for `correct`; call it again when
        the sound has gone on, before its windows are forgotten. The oldest of more than EVENTS_KEPT are forgotten.
        `windows_s`: from the start of its first window to the end of its last, where that is not the sound's own."""
        from_s, to_s = windows_s or (start_s, end_s)
        with self._unhurried():
            kept = self._db.execute("SELECT starts, embeddings FROM events WHERE id = ?", (id,)).fetchone()
            windows = {s: w for s, w in self._kept_windows(*kept) if from_s <= s <= to_s} if kept else {}
            again: dict[float, int] = {}
            for start, embedding in self._db.execute(
                "SELECT start_s, embedding FROM heard WHERE session = ? AND start_s >= ? - 1e-6 AND end_s <= ? + 1e-6"
                " ORDER BY id", (session, from_s, to_s),
            ):  # fmt: skip
                windows[start + 1e-6 * again.get(start, 0)] = embedding  # a short sound's windows all start with it
                again[start] = again.get(start, 0) + 1
            if not windows:
                return
            chosen = _spread(sorted(windows), WINDOWS_OF_EVENT)
            row = (id, label, source, at_unix_s, start_s, end_s, b"".join(windows[start] for start in chosen), session,
                   np.asarray(chosen, "<f8").tobytes(), from_s, to_s)  # fmt: skip
            self._db.execute(
                "INSERT INTO events (id, label, source, at_unix_s, start_s, end_s, embeddings, session, starts, from_s,"
                " to_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET label = excluded.label,"
                " end_s = excluded.end_s, embeddings = excluded.embeddings, starts = excluded.starts,"
                " to_s = excluded.to_s", row,
            )  # fmt: skip
            self._db.execute(
                "DELETE FROM events WHERE number <= (SELECT number FROM events ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (EVENTS_KEPT,),
            )

    def events(self) -> list[HeardEvent]:
        """The announced sounds that are remembered, in the order in which they were announced."""
        with self._said_plainly():
            rows = self._db.execute(
                "SELECT id, label, source, at_unix_s, start_s, end_s, embeddings, session, starts, from_s, to_s"
                " FROM events ORDER BY number"
            ).fetchall()
        return [
            HeardEvent(
                id, label, source, at, start_s, end_s, np.frombuffer(blob, "<f4").reshape(-1, self.embedding_size),
                session, tuple(np.frombuffer(starts, "<f8").tolist()), None if from_s is None else (from_s, to_s),
            )
            for id, label, source, at, start_s, end_s, blob, session, starts, from_s, to_s in rows
        ]  # fmt: skip

    def _kept_windows(self, starts: bytes, embeddings: bytes) -> Iterator[tuple[float, bytes]]:
        """With their starts; an event of an older version does not say where its windows began."""
        size = 4 * self.embedding_size
        for i, start in enumerate(np.frombuffer(starts, "<f8").tolist()):
            yield start, embeddings[i * size : (i + 1) * size]


def _spread(starts: Sequence[float], most: int) -> list[float]:
    """So many of these times, in order, spread evenly over their span: for each place in it the nearest."""
    places = np.linspace(starts[0], starts[-1], min(most, len(starts)))
    times = np.asarray(starts)
    return sorted({starts[int(np.argmin(np.abs(times - place)))] for place in places})


def _window(row: Sequence[float | bytes | str]) -> HeardWindow:
    start_s, end_s, level_dbfs, blob, at_unix_s, label, score, clipped, blocks = row
    assert isinstance(blob, bytes) and isinstance(blocks, bytes)
    return HeardWindow(
        float(start_s), float(end_s), float(level_dbfs), np.frombuffer(blob, "<f4"), float(at_unix_s), str(label),
        float(score), float(clipped), tuple(np.frombuffer(blocks, "<f4").tolist()),
    )  # fmt: skip
