"""A damaged journal: what is damaged, by name, and a new file with all that can still be read. The damaged file is
never written to.

SQLite may refuse a damaged file, or stop in the middle of it; so a copy is opened as it is, and read row by row from
both ends and by every id between. A row counts if its checksum fits.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pace_edge.errors import JournalError
from pace_edge.journal import Journal
from pace_edge.journal_file import COLUMNS, MIGRATIONS, row_checksum, with_event

IDS_PROBED = 1_000_000  # at most; between the rows that were found from both ends


@dataclass(frozen=True)
class Checkup:
    """`whole`: operations that can be read; `damaged`: one line for each that cannot, and for what SQLite found."""

    whole: int
    damaged: tuple[str, ...]


def check(path: Path) -> Checkup:
    """Raises JournalError where nothing can be read at all."""
    cut = _cut(path)
    with _as_it_is(path) as db:
        rows, damaged = _rows(db)
        try:
            found = [line for (line,) in db.execute("PRAGMA quick_check(20)")]
        except sqlite3.Error as error:
            found = [str(error)]
    return Checkup(
        len(rows), (*cut, *(f"SQLite: {' '.join(line.split())}" for line in found if line != "ok"), *damaged)
    )


def _cut(path: Path) -> list[str]:
    """A line where the file is shorter than its first page says. Of a row that was on a page that is gone nothing is
    left: labels and embeddings are on different pages, and either is of no use without the other."""
    try:
        with path.open("rb") as file:
            head = file.read(32)
            size = file.seek(0, 2)
    except OSError:
        return []  # said where it is copied
    page, pages = int.from_bytes(head[16:18], "big"), int.from_bytes(head[28:32], "big")
    page = 65536 if page == 1 else page
    if not head.startswith(b"SQLite format 3\0") or not page or size // page >= pages:
        return []
    return [f"the file ends after {size // page} of its {pages} pages; what was on the others is lost"]


def repair(path: Path, target: Path) -> Checkup:
    """Write what can be read into the new journal `target`, with its ids; what could not be. Raises JournalError."""
    if target.exists():
        raise JournalError(f"{target} exists already", do="Name a new file; nothing was written.")
    found = check(path)
    with _as_it_is(path) as db:
        model = _model(db, path)
        rows, _ = _rows(db)
        try:
            with Journal(target, model_name=model[0], model_sha256=model[1], embedding_size=model[2]) as journal:
                journal.restore(rows.values(), last_id=_last_id(db, {id: row[0] for id, row in rows.items()}))
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return found


Row = tuple[tuple[object, ...], str, bytes | None]
"""The values of COLUMNS, their checksum, and the embeddings of an example."""


def _rows(db: sqlite3.Connection) -> tuple[dict[int, Row], list[str]]:
    """The operations that are whole, by id, and a line for each that is not."""
    there = {str(name) for _, name, *_ in db.execute("PRAGMA table_info(operations)")}
    defaults = {"event": "''", "session": "''", "start_s": "0.0", "end_s": "0.0"}  # of a file older than schema 3
    wanted = ", ".join(name if name in there else defaults[name] for name in COLUMNS)
    select = f"SELECT {wanted}, sha256 FROM operations"
    blob = "SELECT windows FROM embeddings WHERE operation = ?"
    found: dict[int, tuple[object, ...]] = {}
    for direction in ("", " DESC"):
        for row in _until_broken(db, f"{select} ORDER BY id{direction}"):
            if row[0] in found:
                break
            found[int(str(row[0]))] = row
    last = _last_id(db, found)
    unread = []
    for id in range(1, min(last, IDS_PROBED) + 1):
        if id not in found:
            try:
                row = db.execute(f"{select} WHERE id = ?", (id,)).fetchone()
            except sqlite3.Error:
                unread.append(id)
                continue
            if row is not None:
                found[id] = row
    whole: dict[int, Row] = {}
    damaged = [f"operation {id} cannot be read{_without_label(db, id)}" for id in unread]
    for id, (*values, checksum) in sorted(found.items()):
        _, _, kind, label, *_ = values
        words = f"operation {id} ({kind} '{label}')"
        if row_checksum(tuple(values)) != checksum:
            damaged.append(f"{words} does not fit its checksum")
            continue
        windows = None
        if kind == "learn":
            try:
                (windows,) = db.execute(blob, (id,)).fetchone() or (None,)
            except sqlite3.Error:
                windows = None
            if windows is None or hashlib.sha256(windows).hexdigest() != values[COLUMNS.index("embeddings_sha256")]:
                damaged.append(f"the embeddings of {words} do not fit their checksum" if windows is not None
                               else f"the embeddings of {words} cannot be read")  # fmt: skip
                continue
        now = with_event(tuple(values)) if "event" not in there else tuple(values)
        whole[id] = (now, row_checksum(now), windows)
    return whole, damaged


def _without_label(db: sqlite3.Connection, id: int) -> str:
    try:
        there = db.execute("SELECT windows FROM embeddings WHERE operation = ?", (id,)).fetchone()
    except sqlite3.Error:
        there = None
    return "; its embeddings are there, but not what they were called" if there else ""


def _until_broken(db: sqlite3.Connection, select: str) -> Iterator[tuple[object, ...]]:
    try:
        yield from db.execute(select)
    except sqlite3.Error:
        return


def _last_id(db: sqlite3.Connection, found: dict[int, tuple[object, ...]]) -> int:
    try:
        (last,) = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'operations'").fetchone() or (0,)
    except sqlite3.Error:
        last = 0
    return max([int(last), *found])


def _model(db: sqlite3.Connection, path: Path) -> tuple[str, str, int]:
    try:
        name, sha256, size = db.execute("SELECT name, sha256, embedding_size FROM model").fetchone()
        return str(name), str(sha256), int(size)
    except (sqlite3.Error, TypeError) as error:
        raise JournalError(
            f"{path} does not say any more which model it is of: {error}", do="Restore a copy."
        ) from error


@contextmanager
def _as_it_is(path: Path) -> Iterator[sqlite3.Connection]:
    """A copy of the file and its log, opened though it may be truncated, with its labels as operations."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "journal"
        try:
            shutil.copyfile(path, copy)
            for log in ("-wal", "-shm"):
                if (beside := path.with_name(path.name + log)).exists():
                    shutil.copyfile(beside, copy.with_name(copy.name + log))
        except OSError as error:
            raise JournalError(f"{path} cannot be read: {error.strerror}", do="Check the path.") from error
        with closing(sqlite3.connect(copy, isolation_level=None)) as db:
            try:
                db.execute("PRAGMA writable_schema=ON")  # else a truncated file is refused as a whole
                (schema,) = db.execute("PRAGMA user_version").fetchone()
                db.execute("SELECT count(*) FROM model").fetchone()
                for migration in MIGRATIONS[schema:2]:  # later ones read every page, and some may be gone
                    migration(db)
            except sqlite3.Error as error:
                raise JournalError(
                    f"nothing can be read of {path}: {error}", do="It is no journal, or its first pages are gone: "
                    "restore a copy.",
                ) from error  # fmt: skip
            yield db
