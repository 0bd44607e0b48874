"""The journal: every label a person gave, for good, and what was heard a moment ago. One SQLite file in WAL mode.

Invariants
- `labels` is append-only; triggers refuse an update or a delete. An acknowledged label has reached the disk
  (synchronous=FULL), so it survives `kill -9` and a power cut.
- A row holds what the classifier needs to learn it again: the embeddings of its windows, float32 little-endian,
  beside a checksum of everything in the row.
- The file belongs to one model, by name and SHA-256, and says which schema it has.
- `heard` is a short memory of the running listener, so that another process can label what was just heard. It may
  lose its last moments in a power cut.

Any process that opens the journal reads the same labels in the same order and so reaches the same classifier.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pace_edge.config import HEARD_KEPT_S
from pace_edge.errors import JournalError, UsageError

SCHEMA = 1
APPLICATION_ID = 0x50414345  # "PACE"
LABEL_LENGTH = 100

_TABLES = """
CREATE TABLE model (name TEXT NOT NULL, sha256 TEXT NOT NULL, embedding_size INTEGER NOT NULL) STRICT;
CREATE TABLE labels (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_unix_s REAL NOT NULL,
  label TEXT NOT NULL,
  source TEXT NOT NULL,
  embeddings BLOB NOT NULL,
  sha256 BLOB NOT NULL
) STRICT;
CREATE TRIGGER labels_keep_1 BEFORE UPDATE ON labels BEGIN SELECT RAISE(ABORT, 'labels are append-only'); END;
CREATE TRIGGER labels_keep_2 BEFORE DELETE ON labels BEGIN SELECT RAISE(ABORT, 'labels are append-only'); END;
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


@dataclass(frozen=True)
class Example:
    """One labelled clip: `embeddings` float32 [windows, D]."""

    id: int
    at_unix_s: float
    label: str
    source: str
    embeddings: np.ndarray


@dataclass(frozen=True)
class HeardWindow:
    """One window of a running listener: times in seconds of its stream, `embedding` float32 [D]."""

    start_s: float
    end_s: float
    level_dbfs: float
    embedding: np.ndarray


def checked_label(label: str) -> str:
    """The label as it is stored: trimmed, one line, not empty. Raises UsageError."""
    label = " ".join(label.split())
    if not label or len(label) > LABEL_LENGTH or not label.isprintable():
        raise UsageError(
            "this label cannot be used", expected=f"1 to {LABEL_LENGTH} printable characters", got=repr(label[:120]),
            do="Give a name such as --label doorbell.",
        )  # fmt: skip
    return label


class Journal:
    """Open a journal, or start one, for the model of this name and checksum."""

    def __init__(self, path: Path, *, model_name: str, model_sha256: str, embedding_size: int) -> None:
        self.path = path
        self.embedding_size = embedding_size
        with self._said_plainly():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=10.0, isolation_level=None)
            try:
                self._is_ours()  # before WAL mode is written into somebody else's file
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=FULL")
                with self._transaction():
                    if not self._is_ours():
                        self._create(model_name, model_sha256)
                self._refuse_another_model(model_name, model_sha256)
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    # Labels

    def add(self, label: str, embeddings: np.ndarray, *, source: str) -> Example:
        """Write one labelled clip; when this returns, it is on the disk. `embeddings` [windows, D], finite."""
        label = checked_label(label)
        rows = np.ascontiguousarray(embeddings, "<f4")
        if rows.ndim != 2 or not len(rows) or rows.shape[1] != self.embedding_size or not np.isfinite(rows).all():
            raise JournalError(
                f"these embeddings cannot be stored for '{label}'",
                expected=f"finite [windows, {self.embedding_size}]", got=f"shape {rows.shape}",
                do="The label was not written; teach it again with a model of this journal.",
            )  # fmt: skip
        at, blob = time.time(), rows.tobytes()
        with self._said_plainly():
            cursor = self._db.execute(
                "INSERT INTO labels (at_unix_s, label, source, embeddings, sha256) VALUES (?, ?, ?, ?, ?)",
                (at, label, source, blob, _checksum(at, label, source, blob)),
            )
        return Example(int(cursor.lastrowid or 0), at, label, source, rows)

    def examples(self, after: int = 0) -> list[Example]:
        """The labelled clips with an id above `after`, oldest first. A damaged row raises JournalError by its id."""
        with self._said_plainly():
            rows = self._db.execute(
                "SELECT id, at_unix_s, label, source, embeddings, sha256 FROM labels WHERE id > ? ORDER BY id", (after,)
            ).fetchall()
        examples = []
        for id, at, label, source, blob, checksum in rows:
            if checksum != _checksum(at, label, source, blob):
                raise JournalError(
                    f"label {id} ('{label}') in {self.path} is damaged",
                    do="The file was changed outside pace-edge: restore a copy of it; the other labels are intact.",
                )
            examples.append(Example(id, at, label, source, np.frombuffer(blob, "<f4").reshape(-1, self.embedding_size)))
        return examples

    # What was just heard

    def hear(self, session: str, windows: list[HeardWindow]) -> None:
        """Remember a listener's windows, and forget those that ended more than HEARD_KEPT_S before them."""
        now = time.time()
        rows = [(session, now, w.start_s, w.end_s, w.level_dbfs, w.embedding.astype("<f4").tobytes()) for w in windows]
        with self._said_plainly():
            self._db.execute("PRAGMA synchronous=NORMAL")  # a short memory is not worth a flush to the disk each time
            try:
                with self._transaction():
                    self._db.executemany(
                        "INSERT INTO heard (session, at_unix_s, start_s, end_s, level_dbfs, embedding)"
                        " VALUES (?, ?, ?, ?, ?, ?)", rows,
                    )  # fmt: skip
                    self._db.execute(
                        "DELETE FROM heard WHERE session <> ? OR end_s < ?", (session, windows[-1].end_s - HEARD_KEPT_S)
                    )
            finally:
                self._db.execute("PRAGMA synchronous=FULL")

    def heard(self, last_s: float) -> tuple[list[HeardWindow], float]:
        """The windows that end in the last `last_s` seconds of the newest listener's stream, and how many seconds
        ago the last of them was heard (infinite when nothing was)."""
        with self._said_plainly():
            rows = self._db.execute(
                "SELECT start_s, end_s, level_dbfs, embedding, at_unix_s FROM heard"
                " WHERE session = (SELECT session FROM heard ORDER BY id DESC LIMIT 1)"
                " AND end_s > (SELECT end_s FROM heard ORDER BY id DESC LIMIT 1) - ? ORDER BY id", (last_s,),
            ).fetchall()  # fmt: skip
        windows = [HeardWindow(s, e, level, np.frombuffer(blob, "<f4")) for s, e, level, blob, _ in rows]
        return windows, (max(0.0, time.time() - rows[-1][4]) if rows else float("inf"))

    # The file

    def _is_ours(self) -> bool:
        """Whether the file is a journal of this schema; False when it is new and empty."""
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (schema,) = self._db.execute("PRAGMA user_version").fetchone()
        if application == 0 and not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
            return False
        if application != APPLICATION_ID:
            raise JournalError(
                f"{self.path} is a SQLite file of another program",
                do="Choose another journal file; nothing was changed.",
            )
        if schema != SCHEMA:
            raise JournalError(
                f"{self.path} was written by another version of pace-edge",
                expected=f"schema {SCHEMA}", got=f"schema {schema}", do="Upgrade pace-edge; nothing was changed.",
            )  # fmt: skip
        return True

    def _create(self, name: str, sha256: str) -> None:
        for statement in _statements(_TABLES):
            self._db.execute(statement)
        self._db.execute("INSERT INTO model VALUES (?, ?, ?)", (name, sha256, self.embedding_size))
        self._db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        self._db.execute(f"PRAGMA user_version={SCHEMA}")

    def _refuse_another_model(self, name: str, sha256: str) -> None:
        their_name, their_sha256 = self._db.execute("SELECT name, sha256 FROM model").fetchone()
        if their_sha256 != sha256:
            raise JournalError(
                f"the journal {self.path} belongs to another model",
                expected=f"{name} {sha256[:12]}", got=f"{their_name} {their_sha256[:12]}",
                do="Its labels are safe: listen with the model they were given to, or start a new journal with "
                "--journal FILE.",
            )  # fmt: skip

    @contextmanager
    def _transaction(self) -> Iterator[None]:
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
            raise JournalError(
                f"the journal {self.path} cannot be used: {error}",
                do="See that the folder exists, is writable and has room, or name another with --journal FILE or "
                "PACE_EDGE_HOME; labels already in the file are kept.",
            ) from error


def _statements(script: str) -> Iterator[str]:
    """Split at complete statements: a trigger holds semicolons of its own."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _checksum(at: float, label: str, source: str, blob: bytes) -> bytes:
    digest = hashlib.sha256(f"{at!r}\0{label}\0{source}\0".encode())
    digest.update(blob)
    return digest.digest()
