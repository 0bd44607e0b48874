"""SQLite files of ours: found to be ours before anything is written, with a schema number, in WAL mode.

A file of an older schema is brought to the newest when a listener opens it, in one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from pace_edge.errors import SinkError


def open_database(
    path: Path, kind: str, application_id: int, tables: str, *, migrations: Sequence[str] = (), alone: bool = False
) -> sqlite3.Connection:
    """A connection for all threads (they take turns), in autocommit mode. `tables` are made where the file is new;
    `migrations`: what makes schema 2 of schema 1, 3 of 2 and so on, so that `tables` are what the last one leaves.

    Each commit is on the disk (synchronous=FULL). `alone`: nobody else may have it open. Raises SinkError.
    """
    newest = 1 + len(migrations)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=0.0 if alone else 2.0, isolation_level=None, check_same_thread=False)
        try:
            _schema(db, path, kind, application_id, newest)
            if alone:
                db.execute("PRAGMA locking_mode=EXCLUSIVE")
            if not db.execute("PRAGMA user_version").fetchone()[0]:
                db.execute("PRAGMA auto_vacuum=INCREMENTAL")  # before the first table, and outside a transaction
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute("BEGIN EXCLUSIVE")
            schema = _schema(db, path, kind, application_id, newest)
            for script in migrations[schema - 1 :] if schema else [tables]:
                for statement in filter(str.strip, script.split(";")):
                    db.execute(statement)
            if schema != newest:
                db.execute(f"PRAGMA application_id={application_id}")
                db.execute(f"PRAGMA user_version={newest}")
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


def _schema(db: sqlite3.Connection, path: Path, kind: str, application_id: int, newest: int) -> int:
    """Of the file's tables, 0 when it is new. Raises SinkError where they are not ours, or newer than we are."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (schema,) = db.execute("PRAGMA user_version").fetchone()
    if application == 0 and not db.execute("SELECT 1 FROM sqlite_master").fetchone():
        return 0
    if application != application_id:
        raise SinkError(f"{path} is a SQLite file, but no {kind}", do="Name another file; nothing was changed.")
    if not 1 <= schema <= newest:
        raise SinkError(
            f"the {kind} {path} was written by another version of pace-edge", expected=f"schema {newest}",
            got=f"schema {schema}", do="Upgrade pace-edge; nothing was changed.",
        )  # fmt: skip
    return int(schema)
