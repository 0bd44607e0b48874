"""SQLite files of ours: found to be ours before anything is written, with a schema number, in WAL mode."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from pace_edge.errors import SinkError

SCHEMA = 1


def open_database(
    path: Path, kind: str, application_id: int, tables: str, *, alone: bool = False
) -> sqlite3.Connection:
    """A connection for all threads (they take turns), in autocommit mode; `tables` are made where the file is new.

    Each commit is on the disk (synchronous=FULL). `alone`: nobody else may have it open. Raises SinkError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=0.0 if alone else 2.0, isolation_level=None, check_same_thread=False)
        try:
            _refuse_foreign(db, path, kind, application_id)
            if alone:
                db.execute("PRAGMA locking_mode=EXCLUSIVE")
            if not db.execute("PRAGMA user_version").fetchone()[0]:
                db.execute("PRAGMA auto_vacuum=INCREMENTAL")  # before the first table, and outside a transaction
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute("BEGIN EXCLUSIVE")
            if not _refuse_foreign(db, path, kind, application_id):
                for statement in filter(str.strip, tables.split(";")):
                    db.execute(statement)
                db.execute(f"PRAGMA application_id={application_id}")
                db.execute(f"PRAGMA user_version={SCHEMA}")
            db.execute("COMMIT")
        except BaseException:
            db.close()
            raise
    except (sqlite3.Error, OSError) as error:
        if "locked" in str(error):
            raise SinkError(
                f"the {kind} {path} is in use by another listener", do="Give this one its own file, or end the other."
            ) from error
        raise SinkError(
            f"the {kind} {path} cannot be used: {error}",
            do="See that its folder is there, writable and has room, or name another file.",
        ) from error
    return db


def _refuse_foreign(db: sqlite3.Connection, path: Path, kind: str, application_id: int) -> bool:
    """Whether the file has our tables already; False when it is new."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (schema,) = db.execute("PRAGMA user_version").fetchone()
    if application == 0 and not db.execute("SELECT 1 FROM sqlite_master").fetchone():
        return False
    if application != application_id:
        raise SinkError(f"{path} is a SQLite file, but no {kind}", do="Name another file; nothing was changed.")
    if schema != SCHEMA:
        raise SinkError(
            f"the {kind} {path} was written by another version of pace-edge", expected=f"schema {SCHEMA}",
            got=f"schema {schema}", do="Upgrade pace-edge; nothing was changed.",
        )  # fmt: skip
    return True
