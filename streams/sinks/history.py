"""The history of events: one SQLite file that others may read while a listener writes.

An event is a row from its start on, changed once when it ends; its id is its key, so that the same report twice changes
nothing. What was heard too long ago, or first where the file grows too large, is removed. Events are in the order of
the sounds' own times, and where that of a recording is not known, of the time when it was heard.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pace_edge.config import home
from pace_edge.errors import SinkError
from streams.heard import Event, Heard
from streams.sinks.backlog import Backlog
from streams.sinks.database import open_database
from streams.sinks.reports import Reports
from streams.sinks.sink import Counts, identity

APPLICATION_ID = 0x50414348  # "PACH"
_KIND = "history"
_TIDY_EVERY_S = 3600.0
# as Event has them
_FIELDS = "state, start_s, end_s, label, score, level_dbfs, id, source, at_unix_s, heard_unix_s, file"
_FIELDS_1 = _FIELDS.replace("heard_unix_s, file", "at_unix_s, NULL")  # in schema 1: there was one time
_SORTED = "coalesce(at_unix_s, heard_unix_s)"  # Event.sorted_unix_s
_TABLES = f"""
CREATE TABLE events (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  source TEXT NOT NULL,
  label TEXT NOT NULL,
  start_s REAL NOT NULL,
  end_s REAL NOT NULL,
  score REAL NOT NULL,
  level_dbfs REAL NOT NULL,
  at_unix_s REAL,
  heard_unix_s REAL NOT NULL,
  file TEXT
) STRICT;
CREATE INDEX events_by_time ON events ({_SORTED});
CREATE INDEX events_by_hearing ON events (heard_unix_s);
"""
_MIGRATIONS = (  # append only; where `_TABLES` change, what it is now stays here as the text of schema 2
    f"""
ALTER TABLE events RENAME TO events_1;
DROP INDEX events_by_time;
{_TABLES};
INSERT INTO events ({_FIELDS}) SELECT {_FIELDS_1} FROM events_1;
DROP TABLE events_1;
""",
)


def history_path() -> Path:
    """Where the history is unless another file is named."""
    return home() / "history.sqlite"


class History:
    """A sink that keeps events for `keep_days` days and in `keep_mb` MB. Raises SinkError."""

    def __init__(
        self, path: Path, reports: Reports, *, keep_days: float = 365.0, keep_mb: float = 256.0, name: str = "history"
    ) -> None:
        self.name = name
        self._db = open_database(path, _KIND, APPLICATION_ID, _TABLES, migrations=_MIGRATIONS)
        self._keep_s, self._keep_bytes = keep_days * 86400, keep_mb * 1e6
        self._backlog: Backlog[Event] = Backlog(name, self._put, reports)
        self._tidy_at = 0.0

    def write(self, heard: Heard) -> None:
        if (
            isinstance(heard, Event) and heard.state != "update"
        ):  # which a flush to the disk each half second is not worth
            self._backlog.add(heard)
        else:
            self._backlog.retry()

    def counts(self) -> Counts:
        return self._backlog.counts

    def close(self) -> None:
        self._backlog.close()
        self._db.close()

    def _put(self, event: Event) -> None:
        if time.monotonic() >= self._tidy_at:
            self._tidy()
        self._db.execute(
            f"INSERT INTO events ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " state = excluded.state, end_s = excluded.end_s, score = excluded.score, level_dbfs = excluded.level_dbfs,"
            " label = excluded.label WHERE events.state <> 'end'",
            (event.state, event.start_s, event.end_s, event.label, event.score, event.level_dbfs, identity(event),
             event.source, event.at_unix_s, event.heard_unix_s, event.file),
        )  # fmt: skip

    def _tidy(self) -> None:
        """Remove what is too old or too much; in steps, as rows vary in size."""
        self._db.execute("DELETE FROM events WHERE heard_unix_s < ?", (time.time() - self._keep_s,))
        while self._used_bytes() > self._keep_bytes:
            removed = self._db.execute(
                "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY heard_unix_s LIMIT"
                " (SELECT max(100, count(*) / 20) FROM events))"
            )
            if not removed.rowcount:
                break
        self._db.executescript("PRAGMA incremental_vacuum")  # execute() would free one page
        self._tidy_at = time.monotonic() + _TIDY_EVERY_S

    def _used_bytes(self) -> int:
        pages, free, size = (
            self._db.execute(f"PRAGMA {word}").fetchone()[0] for word in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size


def history(path: Path, *, since_unix_s: float = -math.inf, label: str | None = None) -> Iterator[Event]:
    """The events that began at `since_unix_s` or later, oldest first; only those of `label` where it is given. Where a
    recording's own time is not known, when it was heard counts.

    One whose state is not `end` goes on still, or its listener was killed. Raises SinkError.
    """
    with _opened(path) as db:
        rows = db.execute(
            f"SELECT {_fields(db)} FROM events WHERE {_sorted(db)} >= ? AND (? IS NULL OR label = ?)"
            f" ORDER BY {_sorted(db)}, start_s", (since_unix_s, label, label),
        )  # fmt: skip
        for row in rows:
            yield Event(*row)


def history_page(
    path: Path, *, since_unix_s: float = -math.inf, until_unix_s: float = math.inf, label: str | None = None,
    source: str | None = None, min_score: float = 0.0, before: tuple[float, str] | None = None, limit: int = 50,
) -> list[Event]:  # fmt: skip
    """The newest `limit` events that these filters leave, newest first; `before`: the `sorted_unix_s` and id of the
    last one of the page before, so that no event is twice or nowhere however many are new. Raises SinkError."""
    at, id = before or (math.inf, "")
    with _opened(path) as db:
        rows = db.execute(
            f"SELECT {_fields(db)} FROM events WHERE {_sorted(db)} >= ? AND {_sorted(db)} < ?"
            " AND (? IS NULL OR label = ?) AND (? IS NULL OR source = ?) AND score >= ?"
            f" AND ({_sorted(db)}, id) < (?, ?) ORDER BY {_sorted(db)} DESC, id DESC LIMIT ?",
            (since_unix_s, until_unix_s, label, label, source, source, min_score, at, id, limit),
        ).fetchall()
    return [Event(*row) for row in rows]


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """To read, while a listener may write."""
    if not path.exists():
        raise SinkError(
            f"there is no history {path}", do="Set outputs.history.keep = true and listen, or name its file."
        )
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)) as db:
            if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise SinkError(f"{path} is no history of ours", do="Name another file.")
            if _schema(db) > 1 + len(_MIGRATIONS):
                raise SinkError(f"the history {path} was written by a newer pace-edge", do="Upgrade pace-edge.")
            yield db
    except sqlite3.Error as error:
        raise SinkError(f"the history {path} cannot be read: {error}", do="Name another file.") from error


def _schema(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _fields(db: sqlite3.Connection) -> str:
    """`_FIELDS`, also of a file that no newer listener has opened yet."""
    return _FIELDS if _schema(db) > 1 else _FIELDS_1


def _sorted(db: sqlite3.Connection) -> str:
    return _SORTED if _schema(db) > 1 else "at_unix_s"
