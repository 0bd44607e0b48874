"""The journal: everything a person taught, corrected, undid and forgot, as an append-only log of operations.

Invariants
- `operations` and `embeddings` are append-only; triggers refuse an update or a delete. An acknowledged operation has
  reached the disk. Only `purge` and `reset`, which a person asks for, erase.
- An example's row holds what the classifier needs to learn it again: the embeddings of its windows, float32
  little-endian. Every row has a checksum; a damaged row is left out and named, and the rest is used.
- The order is that of the ids, whatever the clock says.
- An example's `origin` is a random name that it keeps in every journal it is merged into, so that no example counts
  twice, also where a journal was copied.

What the log comes to is a pure fold (operations.py): any process that opens the journal reaches the same classifier.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from pace_edge.errors import JournalError, LearningError
from pace_edge.heard_memory import HeardWindow as HeardWindow
from pace_edge.journal_file import KEEPERS, insert_row, model_of
from pace_edge.label_check import checked_label as checked_label
from pace_edge.label_check import tidied_label
from pace_edge.merging import Merged, bring_recordings, choose
from pace_edge.operation_log import Example as Example
from pace_edge.operation_log import OperationLog
from pace_edge.operations import Kind, Operation, State, can_be_undone, effective, undone

_TRIES = 5  # to reset a journal while others write to it


class Journal(OperationLog):
    """The journal of one model, opened; `pace_edge.open_journal` opens it. Used in the thread that opened it.

    >>> import pace_edge
    >>> with pace_edge.open_journal() as journal:
    ...     [operation.in_words() for operation in journal.operations()]
    []
    """

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # Writing: when a method returns, what it wrote is on the disk

    def add(
        self, label: str, embeddings: np.ndarray, *, source: str, audio: str = "", audio_sha256: str = "",
        origin: str = "", event: str = "", session: str = "", start_s: float = 0.0, end_s: float = 0.0,
    ) -> Example:  # fmt: skip
        """One labelled clip. `embeddings` [windows, D], finite; `origin` only for an example that has one already;
        `event`, `session`, `start_s` and `end_s`: what it was taken from, as `Operation` says."""
        example = self._as_example(tidied_label(label), embeddings, source)
        operation = Operation(
            kind="learn", label=example.label, source=source, audio=audio, audio_sha256=audio_sha256, origin=origin,
            event=event, session=session, start_s=float(start_s), end_s=float(end_s),
        )  # fmt: skip
        with self._said_plainly(), self._transaction():
            written = self._append(operation, example.embeddings)
        return replace(example, id=written.id, at_unix_s=written.at_unix_s)

    def append(self, kind: Kind, label: str = "", *, new_label: str = "", target: int = 0) -> Operation:
        """Any operation that is neither an example nor needs to know the others."""
        label = tidied_label(label) if kind == "correct" else label  # any other kind may name one of an older version
        new_label = tidied_label(new_label) if kind == "rename" else new_label
        with self._said_plainly(), self._transaction():
            return self._append(Operation(kind=kind, label=label, new_label=new_label, target=target))

    def undo(self, steps: int = 1, *, newest: int | None = None) -> list[Operation]:
        """Take back the last operations that are in effect; those that were, last first. `newest`: only if that is the
        id of the last one, so that nobody else's is taken for it. Raises LearningError."""
        with self._said_plainly(), self._transaction():
            operations = self.operations()
            taken = can_be_undone(operations)[:steps]
            if newest is not None and newest not in [o.id for o in taken[:1]]:
                raise _not_the_last(operations, newest)
            if len(taken) < steps:
                raise LearningError(
                    "there is not so much to undo", expected=f"{steps} operations", got=f"{len(taken)}",
                    do="Nothing was changed; what was purged or reset cannot come back.",
                )  # fmt: skip
            for operation in taken:
                self._append(Operation(kind="undo", target=operation.id))
        return taken

    def merge(self, path: Path, *, own: Collection[str] = ()) -> Merged:
        """Take over another journal's examples, as they are called there, with the recordings that were kept of them.
        Those that are known here, or were forgotten here, stay as they are; what is damaged there, or has a label that
        cannot be used, is left out. `own`: the model's classes. Raises JournalError."""
        added: list[Operation] = []
        with copied(path, self) as other:
            theirs = other.operations()
            with self._said_plainly(), self._transaction():
                ours, merge = self.operations(), 0
                chosen = choose(theirs, ours, own)
                for id, embeddings in other.embeddings(chosen.examples):
                    if not merge:
                        merge = self._append(Operation(kind="merge", source=str(path))).id
                    added.append(self._append(replace(chosen.examples[id], target=merge), embeddings))
            left_out = {**other.damaged, **chosen.left_out}
        kept = [*added, *(o for o in ours if o.id in chosen.known)]
        came, without = bring_recordings(path.with_name(path.stem + ".clips"), self.clips, kept)
        return Merged(len(added), left_out, came, without)

    def restore(self, rows: Iterable[tuple[tuple[object, ...], str, bytes | None]], *, last_id: int = 0) -> None:
        """Rows of another file, as they were there, into this new one: the values of COLUMNS, their checksum, and an
        example's embeddings. `last_id`: the last that was given there, so that none is given again."""
        with self._said_plainly(), self._transaction():
            for values, checksum, blob in rows:
                insert_row(self._db, values, checksum)
                if blob is not None:
                    self._db.execute("INSERT INTO embeddings VALUES (?, ?)", (values[0], blob))
            self._count_on_from(last_id)

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """One transaction around what is read, decided and written: no other process writes in between. Methods called
        inside are a part of it. What is written reaches the disk when it ends; after an error nothing is written."""
        with self._said_plainly(), self._transaction():
            yield

    # Erasing

    def purge(self, label: str) -> list[Operation]:
        """Forget a label, and erase every example that is, or was when it was forgotten, called so; the erased. The
        names of what was done to the label stay in the log. The file's free pages are for `shrink`."""
        with self._said_plainly():
            self._db.execute("PRAGMA secure_delete=ON")  # also from the file's free pages
            with self._transaction():
                operations = self.operations()
                counting = effective(operations, State()).examples
                ever = effective([o for o in operations if o.kind in ("learn", "correct", "rename")], State()).examples
                gone = [
                    o for o in operations if o.kind == "learn"
                    and (counting[o.id] == label if o.id in counting else label in (o.label, ever.get(o.id)))
                ]  # fmt: skip
                self._append(Operation(kind="purge", label=label))
                with self._keepers_away():
                    for operation in gone:
                        self._replace_by_origin(operation)
                self._db.execute("DELETE FROM events WHERE label = ?", (label,))
                self._db.executemany(  # and what a person called so, whatever it was announced as
                    "DELETE FROM events WHERE id = ? OR (session = ? AND session != ''"
                    " AND COALESCE(from_s, start_s) < ? AND COALESCE(to_s, end_s) > ?)",
                    [(o.event, o.session, o.end_s, o.start_s) for o in gone],
                )
                self._db.execute("DELETE FROM heard")
        return gone

    def reset(self) -> Path:
        """Erase everything, after a copy was written beside the journal; the copy. Free pages are for `shrink`."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        with self._said_plainly():
            for _ in range(_TRIES):
                last = self._last_id()
                copy = self.path.with_name(f"{self.path.stem}-before-reset-{stamp}-{uuid.uuid4().hex[:6]}.sqlite")
                self._db.execute("VACUUM INTO ?", (str(copy),))
                _flush(copy)
                with self._transaction():
                    if self._last_id() != last:  # somebody taught something since
                        copy.unlink()
                        continue
                    reset = self._append(Operation(kind="reset"))
                    with self._keepers_away():
                        self._db.execute("DELETE FROM operations WHERE id < ?", (reset.id,))
                        self._db.execute("DELETE FROM embeddings")
                    for table in ("events", "heard", "sessions", "rates"):
                        self._db.execute(f"DELETE FROM {table}")
                return copy
        raise JournalError(f"{self.path} is being written to all the time", do="Nothing was reset; stop the others.")

    def shrink(self) -> None:
        """What was erased leaves the file's free pages and its log too. Best done when nobody else reads: else SQLite
        waits. Raises JournalError, with what was erased still erased: it can be done again."""
        try:
            for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                busy, *_ = self._db.execute(statement).fetchone() or (0,)
                if busy:  # SQLite says so without an error
                    raise sqlite3.OperationalError("another process reads it all the time")
        except sqlite3.Error as error:
            raise JournalError(
                f"what was erased counts no more and cannot come back, but traces of it may be left in free pages and "
                f"the log of {self.path}: {error}",
                do="Make room on that disk and stop what else uses the journal, then: pace-edge journal --shrink.",
            ) from error

    def _as_example(self, label: str, embeddings: np.ndarray, source: str) -> Example:
        rows = np.ascontiguousarray(embeddings, "<f4")
        if rows.ndim != 2 or not len(rows) or rows.shape[1] != self.embedding_size or not np.isfinite(rows).all():
            raise JournalError(
                f"these embeddings cannot be stored for '{label}'",
                expected=f"finite [windows, {self.embedding_size}]", got=f"shape {rows.shape}",
                do="The label was not written; teach it again with a model of this journal.",
            )  # fmt: skip
        return Example(0, 0.0, label, source, rows)

    def _replace_by_origin(self, operation: Operation) -> None:
        for table, column in (("embeddings", "operation"), ("operations", "id")):
            self._db.execute(f"DELETE FROM {table} WHERE {column} = ?", (operation.id,))
        nothing = hashlib.sha256().hexdigest()
        self._insert(Operation(kind="purged", id=operation.id, origin=operation.origin, embeddings_sha256=nothing))

    @contextmanager
    def _keepers_away(self) -> Iterator[None]:
        """Inside a transaction, which puts the triggers back whatever happens."""
        for name in KEEPERS:
            self._db.execute(f"DROP TRIGGER {name}")
        yield
        for keeper in KEEPERS.values():
            self._db.execute(keeper)


def _not_the_last(operations: list[Operation], id: int) -> LearningError:
    void = undone(operations)
    since = next((o for o in reversed(operations) if o.id > id and o.id not in void), None)
    if since is None:
        return LearningError(f"there is no operation {id} to undo", do="Nothing was undone.")
    if since.kind == "undo" and since.target == id:
        return LearningError("it is undone already", do="Nothing more was undone.")
    return LearningError(
        f"something else was done since: {since.in_words()}",
        do="Nothing was undone; what is wrong can still be corrected, removed, renamed or unhidden by itself.",
    )


@contextmanager
def copied(path: Path, ours: Journal | None = None) -> Iterator[Journal]:
    """A copy of another journal, of any schema, opened; the original is only read, while others may write to it. It
    must be of the model of `ours`. Raises JournalError."""
    name, sha256, size = model_of(path)
    if ours is not None and sha256 != ours.model_sha256:
        raise JournalError(
            f"the journal {path} belongs to another model",
            expected=f"{ours.model_name} {ours.model_sha256[:12]}", got=f"{name} {sha256[:12]}",
            do="Its embeddings mean nothing to this one: see pace-edge relearn; nothing was changed.",
        )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / path.name
        try:
            source, copy = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True), sqlite3.connect(target)
            try:
                source.backup(copy)
            finally:
                source.close()
                copy.close()
        except sqlite3.Error as error:
            raise JournalError(f"the journal {path} cannot be read: {error}", do="Nothing was changed.") from error
        with Journal(target, model_name=name, model_sha256=sha256, embedding_size=size) as journal:
            yield journal


def _flush(path: Path) -> None:
    """To the disk, with its name."""
    for name in (path, path.parent):
        descriptor = os.open(name, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
