"""The rows of the journal's log: operations, and the embeddings of the examples among them."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pace_edge.heard_memory import HeardMemory
from pace_edge.journal_file import COLUMNS, insert_row, row_checksum
from pace_edge.label_check import composed
from pace_edge.operations import Operation


@dataclass(frozen=True)
class Example:
    """One labelled clip: `embeddings` float32 [windows, D].

    >>> import pace_edge
    >>> with pace_edge.Teacher() as teacher, pace_edge.open_journal() as journal:
    ...     lesson = teacher.learn_file("doorbell", "ring.wav")
    ...     [(id, embeddings)] = journal.embeddings([lesson.id])
    >>> pace_edge.Example(id, 0.0, lesson.label, lesson.source, embeddings).embeddings.shape[0] == lesson.windows
    True
    """

    id: int
    at_unix_s: float
    label: str
    source: str
    embeddings: np.ndarray


class OperationLog(HeardMemory):
    """`damaged` names the rows that were found damaged so far, by id."""

    def __init__(self, path: Path, *, model_name: str, model_sha256: str, embedding_size: int) -> None:
        super().__init__(path, model_name=model_name, model_sha256=model_sha256, embedding_size=embedding_size)
        self.damaged: dict[int, str] = {}

    @property
    def clips(self) -> Path:
        """The folder of the recordings that are kept; an operation's `audio` is relative to it."""
        return self.path.with_name(self.path.stem + ".clips")

    def operations(self, after: int = 0) -> list[Operation]:
        """The operations with an id above `after`, oldest first, without their embeddings and without what is
        damaged. Labels are in NFC, whatever an older version wrote."""
        with self._said_plainly():
            rows = self._db.execute(
                f"SELECT {', '.join(COLUMNS)}, sha256 FROM operations WHERE id > ? ORDER BY id", (after,)
            ).fetchall()
        found = []
        for *row, checksum in rows:
            values = dict(zip(COLUMNS, row, strict=True))
            labels = {name: composed(values[name]) for name in ("label", "new_label")}
            operation = Operation(**{**values, **labels}, sha256=checksum)
            if row_checksum(tuple(row)) == checksum:
                found.append(operation)
            else:
                self.damaged[operation.id] = operation.in_words()
        return found

    def embeddings(self, ids: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
        """(id, float32 [windows, D]) of each of these examples that was not erased and is whole."""
        for id in ids:
            with self._said_plainly():
                row = self._db.execute(
                    "SELECT o.kind, o.label, o.source, o.embeddings_sha256, e.windows FROM operations o"
                    " LEFT JOIN embeddings e ON e.operation = o.id WHERE o.id = ?", (id,),
                ).fetchone()  # fmt: skip
            if row is None or row[0] != "learn":
                continue
            _, label, source, checksum, blob = row
            rows = None if blob is None else self._rows(blob, checksum)
            if rows is not None:
                yield id, rows
            else:
                self.damaged[id] = f"learn '{label}' from {source}"

    def _rows(self, blob: bytes, checksum: str) -> np.ndarray | None:
        """Embeddings as they were written; None: they are not, or no classifier could learn them."""
        if hashlib.sha256(blob).hexdigest() != checksum or not blob or len(blob) % (4 * self.embedding_size):
            return None
        rows = np.frombuffer(blob, "<f4").reshape(-1, self.embedding_size)
        return rows if np.isfinite(rows).all() else None

    def damage(self) -> list[str]:
        """One line, for a person, for each damaged row that was met so far."""
        return [
            f"operation {id} ({words}) in {self.path} is damaged and left out; the others are used. The file was "
            "changed outside pace-edge: restore a copy of it, or see pace-edge journal --check"
            for id, words in sorted(self.damaged.items())
        ]

    def _append(self, operation: Operation, embeddings: np.ndarray | None = None) -> Operation:
        """Inside a transaction: the operation as it was written, with its id."""
        blob = b"" if embeddings is None else embeddings.tobytes()
        operation = replace(
            operation, id=self._last_id() + 1, at_unix_s=operation.at_unix_s or time.time(),
            origin=operation.origin or (uuid.uuid4().hex if operation.kind == "learn" else ""),
            windows=0 if embeddings is None else len(embeddings), embeddings_sha256=hashlib.sha256(blob).hexdigest(),
        )  # fmt: skip
        self._insert(operation)
        if embeddings is not None:
            self._db.execute("INSERT INTO embeddings VALUES (?, ?)", (operation.id, blob))
        return operation

    def _insert(self, operation: Operation) -> None:
        row = tuple(getattr(operation, column) for column in COLUMNS)
        insert_row(self._db, row, row_checksum(row))

    def _count_on_from(self, last: int) -> None:
        """In a file of which the newest operations are lost, their ids are not given to others."""
        if last > self._last_id():
            self._db.execute("DELETE FROM sqlite_sequence WHERE name = 'operations'")
            self._db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('operations', ?)", (last,))

    def _last_id(self) -> int:
        """Also of what was erased: an id is given once."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'operations'").fetchone()
        return int(row[0]) if row else 0


def embeddings_sha256(embeddings: np.ndarray) -> str:
    """The checksum that an example with these embeddings [windows, D] has in the journal."""
    return hashlib.sha256(np.ascontiguousarray(embeddings, "<f4").tobytes()).hexdigest()
