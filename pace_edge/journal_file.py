"""The file of a journal: one SQLite file in WAL mode, of one model, with a schema number and a list of migrations.

Every committed transaction has reached the disk (synchronous=FULL), so it survives `kill -9` and a power cut. A schema
is changed by one more function at the end of MIGRATIONS, and each journal is taken through those it has not seen, in
one transaction.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pace_edge.errors import JournalError

APPLICATION_ID = 0x50414345  # "PACE"
WAIT_S = 30.0  # for another process that writes
DAMAGED = ""  # the checksum of a row that was damaged before it was moved here: it fits no row

_FIRST = """
CREATE TABLE model (name TEXT NOT NULL, sha256 TEXT NOT NULL, embedding_size INTEGER NOT NULL) STRICT;
CREATE TABLE labels (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_unix_s REAL NOT NULL,
  label TEXT NOT NULL,
  source TEXT NOT NULL,
  embeddings BLOB NOT NULL,
  sha256 BLOB NOT NULL
) STRICT;
CREATE TABLE heard (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL,
  at_unix_s REAL NOT NULL,
  start_s REAL NOT NULL,
  end_s REAL NOT NULL,
  level_dbfs REAL NOT NULL,
  embedding BLOB NOT NULL
) STRICT;
"""
_SECOND = """
CREATE TABLE operations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_unix_s REAL NOT NULL,
  kind TEXT NOT NULL,
  label TEXT NOT NULL,
  new_label TEXT NOT NULL,
  target INTEGER NOT NULL,
  source TEXT NOT NULL,
  origin TEXT NOT NULL,
  windows INTEGER NOT NULL,
  audio TEXT NOT NULL,
  audio_sha256 TEXT NOT NULL,
  embeddings_sha256 TEXT NOT NULL,
  sha256 TEXT NOT NULL
) STRICT;
CREATE TABLE embeddings (operation INTEGER PRIMARY KEY, windows BLOB NOT NULL) STRICT;
CREATE TABLE events (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  label TEXT NOT NULL,
  source TEXT NOT NULL,
  at_unix_s REAL NOT NULL,
  start_s REAL NOT NULL,
  end_s REAL NOT NULL,
  embeddings BLOB NOT NULL
) STRICT;
"""
_THIRD = """
ALTER TABLE operations ADD COLUMN event TEXT NOT NULL DEFAULT '';
ALTER TABLE operations ADD COLUMN session TEXT NOT NULL DEFAULT '';
ALTER TABLE operations ADD COLUMN start_s REAL NOT NULL DEFAULT 0;
ALTER TABLE operations ADD COLUMN end_s REAL NOT NULL DEFAULT 0;
DROP TABLE heard;
CREATE TABLE heard (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL,
  at_unix_s REAL NOT NULL,
  start_s REAL NOT NULL,
  end_s REAL NOT NULL,
  level_dbfs REAL NOT NULL,
  clipped REAL NOT NULL,
  label TEXT NOT NULL,
  score REAL NOT NULL,
  blocks BLOB NOT NULL,
  embedding BLOB NOT NULL
) STRICT;
CREATE INDEX heard_by_session ON heard (session, end_s);
CREATE INDEX heard_by_time ON heard (at_unix_s);
CREATE TABLE sessions (
  session TEXT PRIMARY KEY,
  source TEXT NOT NULL,
  live INTEGER NOT NULL,
  heard_to_s REAL NOT NULL,
  heard_to_unix_s REAL NOT NULL
) STRICT;
ALTER TABLE events ADD COLUMN session TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN starts BLOB NOT NULL DEFAULT x'';
"""
_FOURTH = """
CREATE TABLE rates (
  class TEXT PRIMARY KEY,
  at_unix_s REAL NOT NULL,
  hours REAL NOT NULL,
  events BLOB NOT NULL
) STRICT;
ALTER TABLE events ADD COLUMN from_s REAL;
ALTER TABLE events ADD COLUMN to_s REAL;
"""
KEEPERS = {  # what makes the journal append-only; only a purge and a reset take them away, and put them back
    f"{table}_keep_{verb}": f"CREATE TRIGGER {table}_keep_{verb} BEFORE {verb} ON {table} "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
    for table in ("operations", "embeddings")
    for verb in ("UPDATE", "DELETE")
}
COLUMNS = ("id", "at_unix_s", "kind", "label", "new_label", "target", "source", "origin", "windows", "audio",
           "audio_sha256", "embeddings_sha256", "event", "session", "start_s", "end_s")  # fmt: skip
_LATER = ("", "", 0.0, 0.0)  # the last columns, which schema 3 brought, in a row that says nothing in them
_EVENT_ID = re.compile(r"event ([0-9a-f]{12}-\d+) called ")


class JournalFile:
    """An open journal, or a new one, for the model of this name and checksum. Raises JournalError."""

    def __init__(self, path: Path, *, model_name: str, model_sha256: str, embedding_size: int) -> None:
        self.path = path
        self.embedding_size = embedding_size
        self.model_name, self.model_sha256 = model_name, model_sha256
        with self._said_plainly():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
            try:
                self._schema()  # before WAL mode is written into somebody else's file
                self._write_ahead()
                self._db.execute("PRAGMA synchronous=FULL")
                if self._schema() < len(MIGRATIONS):
                    with self._transaction():
                        self._migrate()
                self._refuse_another_model()
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        self._db.close()

    def _write_ahead(self) -> None:
        """WAL mode. SQLite does not wait by itself where another process opens the same new file at the same time."""
        until = time.monotonic() + WAIT_S
        while True:
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def _schema(self) -> int:
        """The number of migrations that the file has seen; 0 when it is new and empty."""
        within = self._db.in_transaction
        if not within:
            self._db.execute("BEGIN")  # all three at one moment: another process may be creating the file
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (schema,) = self._db.execute("PRAGMA user_version").fetchone()
        is_empty = not self._db.execute("SELECT 1 FROM sqlite_master").fetchone()
        if not within:
            self._db.execute("COMMIT")
        if application == 0 and is_empty:
            return 0
        if application != APPLICATION_ID:
            raise JournalError(
                f"{self.path} is a SQLite file of another program",
                do="Choose another journal file; nothing was changed.",
            )
        if not 1 <= schema <= len(MIGRATIONS):
            raise JournalError(
                f"{self.path} was written by another version of pace-edge",
                expected=f"schema {len(MIGRATIONS)}", got=f"schema {schema}",
                do="Upgrade pace-edge; nothing was changed.",
            )  # fmt: skip
        return int(schema)

    def _migrate(self) -> None:
        schema = self._schema()  # again: another process may have been quicker
        for migration in MIGRATIONS[schema:]:
            migration(self._db)
        if not schema:
            self._db.execute(
                "INSERT INTO model VALUES (?, ?, ?)", (self.model_name, self.model_sha256, self.embedding_size)
            )
            self._db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        self._db.execute(f"PRAGMA user_version={len(MIGRATIONS)}")

    def _refuse_another_model(self) -> None:
        name, sha256 = self._db.execute("SELECT name, sha256 FROM model").fetchone()
        if sha256 != self.model_sha256:
            raise JournalError(
                f"the journal {self.path} belongs to another model",
                expected=f"{self.model_name} {self.model_sha256[:12]}", got=f"{name} {sha256[:12]}",
                do="Its labels are safe: listen with the model they were given to, start a new journal with "
                "--journal FILE, or teach this model again what has a recording with `pace-edge relearn`.",
            )  # fmt: skip

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One transaction; inside another it is a part of that one."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # SQLite has rolled back by itself when the disk is full
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _said_plainly(self) -> Iterator[None]:
        """SQLite's and the system's errors as one line that says what to do."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.DatabaseError) and "malformed" in str(error):
                raise JournalError(
                    f"the journal {self.path} is damaged: {error}",
                    do="Save what can be read into a new file: pace-edge journal --repair NEW.",
                ) from error
            raise JournalError(
                f"the journal {self.path} cannot be used: {error}",
                do="See that the folder exists, is writable and has room, or name another with --journal FILE or "
                "PACE_EDGE_HOME; labels already in the file are kept.",
            ) from error


def row_checksum(row: tuple[object, ...]) -> str:
    """Of the values of COLUMNS. The columns of schema 3 count where one says something, so older rows keep theirs."""
    if row[-len(_LATER) :] == _LATER:
        row = row[: -len(_LATER)]
    return hashlib.sha256(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


def insert_row(db: sqlite3.Connection, row: tuple[object, ...], checksum: str) -> None:
    """The values of COLUMNS, then their checksum."""
    marks = ", ".join("?" * (len(COLUMNS) + 1))
    db.execute(f"INSERT INTO operations ({', '.join(COLUMNS)}, sha256) VALUES ({marks})", (*row, checksum))


def model_of(path: Path) -> tuple[str, str, int]:
    """The name, SHA-256 and embedding size of the model that a journal belongs to. Raises JournalError."""
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            name, sha256, size = db.execute("SELECT name, sha256, embedding_size FROM model").fetchone()
        finally:
            db.close()
    except (sqlite3.Error, TypeError) as error:
        raise JournalError(f"{path} is no journal that can be read: {error}", do="Check the path.") from error
    return str(name), str(sha256), int(size)


def _first(db: sqlite3.Connection) -> None:
    _run(db, _FIRST)


def _second(db: sqlite3.Connection) -> None:
    """Labels become operations. A row that is damaged stays so, and is named when it is read."""
    _run(db, _SECOND)
    (size,) = db.execute("SELECT embedding_size FROM model").fetchone() or (1,)
    for id, at, label, source, blob, checksum in db.execute(
        "SELECT id, at_unix_s, label, source, embeddings, sha256 FROM labels ORDER BY id"
    ):
        digest = hashlib.sha256(f"{at!r}\0{label}\0{source}\0".encode())
        digest.update(blob)
        origin = hashlib.sha256(f"{id}".encode() + checksum).hexdigest()[:32]  # the same in every copy of the file
        windows = len(blob) // np.dtype("<f4").itemsize // size
        row = (id, at, "learn", label, "", 0, source, origin, windows, "", "", hashlib.sha256(blob).hexdigest())
        marks = ", ".join("?" * (len(row) + 1))
        fits = row_checksum((*row, *_LATER)) if digest.digest() == checksum else DAMAGED
        db.execute(f"INSERT INTO operations ({', '.join(COLUMNS[: len(row)])}, sha256) VALUES ({marks})", (*row, fits))
        db.execute("INSERT INTO embeddings VALUES (?, ?)", (id, blob))
    _run(db, "DROP TABLE labels;")
    for keeper in KEEPERS.values():
        db.execute(keeper)


def _third(db: sqlite3.Connection) -> None:
    """What an example was taken from becomes columns. Which event it corrects stood in a sentence."""
    for name in KEEPERS:
        db.execute(f"DROP TRIGGER IF EXISTS {name}")
    _run(db, _THIRD)
    select = f"SELECT {', '.join(COLUMNS)}, sha256 FROM operations WHERE kind = 'learn' AND source LIKE 'event %'"
    for *row, checksum in db.execute(select).fetchall():
        changed = with_event(tuple(row))
        if changed != tuple(row) and row_checksum(tuple(row)) == checksum:
            db.execute("UPDATE operations SET event = ?, sha256 = ? WHERE id = ?",
                       (changed[COLUMNS.index("event")], row_checksum(changed), row[0]))  # fmt: skip
    for keeper in KEEPERS.values():
        db.execute(keeper)


def _fourth(db: sqlite3.Connection) -> None:
    """How often classes are announced is counted, and an event has its windows' times beside its own."""
    _run(db, _FOURTH)


def with_event(row: tuple[object, ...]) -> tuple[object, ...]:
    """The values of COLUMNS of a row older than schema 3, with the event that its `source` names in words."""
    named = dict(zip(COLUMNS, row, strict=True))
    found = _EVENT_ID.match(str(named["source"]))
    if named["kind"] == "learn" and found and not named["event"]:
        named["event"] = found[1]
    return tuple(named.values())


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first, _second, _third, _fourth)  # append only


def _run(db: sqlite3.Connection, script: str) -> None:
    """Inside a transaction, which `executescript` would end."""
    for statement in script.split(";")[:-1]:
        db.execute(statement)
