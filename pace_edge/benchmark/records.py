"""What a run was and what came of it: a line of JSON in runs.jsonl, added when the run is over and never changed.

A crash while a line is written leaves a last line that is not whole: it is passed over in reading and cut off before
the next one is added. A whole line that is no record, anywhere, is an error.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, BinaryIO

from pace_edge.adapt.measures import backward_transfer, forgetting, incremental_average
from pace_edge.errors import PaceEdgeError

SCHEMA = 1
RUNS = "runs.jsonl"


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run. Accuracies are shares from 0 to 1; `matrix` is as in pace_edge/adapt/measures.py."""

    set: str
    backbone: str
    method: str
    order: int  # the seed of the classes' order and of the method
    fold: int  # that was tested on
    seconds: float  # length of a clip
    epochs: int
    M: int
    sessions: list[list[str]]
    accuracies: list[float]  # [T], on all classes seen by then
    matrix: list[list[float]]  # [T][t + 1]
    macro_accuracy: float  # after the last session
    clips_train: int
    clips_test: int
    train_seconds: list[float]  # [T]; embeddings of the pretrained backbone are at hand and not counted
    test_seconds: float  # all tests together
    embed_seconds_per_clip: float  # by the pretrained backbone, which `train_seconds` and `test_seconds` leave out
    embedded_clips_train: int  # clips that `task.embed` was asked for while learning: what that left out
    peak_memory_bytes: int  # of the process
    gpu_peak_memory_bytes: int | None  # None where there is no GPU
    trainable_parameters: int
    stored_bytes: int
    details: dict[str, Any] = field(default_factory=dict)
    device: str
    versions: dict[str, str]
    command: str
    at_unix_s: float  # when it ended
    backbone_sha256: str
    set_sha256: str  # of every clip's content, label and fold, and which belong together
    source: str = "pace-edge"  # whose code the method is; of a file from outside its name and checksum
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        T = len(self.sessions)
        if not T or len(self.accuracies) != T or [len(row) for row in self.matrix] != list(range(1, T + 1)):
            raise ValueError(f"{T} sessions, {len(self.accuracies)} accuracies, {len(self.matrix)} rows of the matrix")
        if not all(math.isfinite(a) and 0 <= a <= 1 for row in (self.accuracies, *self.matrix) for a in row):
            raise ValueError("accuracies are not shares from 0 to 1")

    @property
    def accuracy(self) -> float:
        """On all classes after the last session: the paper's "average"."""
        return self.accuracies[-1]

    @property
    def incremental_average(self) -> float:
        return incremental_average(self.accuracies)

    @property
    def forgetting(self) -> float:
        return forgetting(self.matrix)

    @property
    def backward_transfer(self) -> float:
        return backward_transfer(self.matrix)

    @property
    def key(self) -> Key:
        return (self.set, self.backbone, self.method, self.order, self.fold)

    def line(self) -> str:
        """As it stands in the file; what follows from the matrix stands there too, for readers that are not Python."""
        derived = ("incremental_average", "forgetting", "backward_transfer")
        return json.dumps(asdict(self) | {name: getattr(self, name) for name in derived}, ensure_ascii=False)


Key = tuple[str, str, str, int, int]  # set, backbone, method, order, fold


def read_records(path: Path) -> list[Record]:
    """The records of a file, or of `runs.jsonl` in a folder; none where there is no file. Raises PaceEdgeError."""
    path = path / RUNS if path.is_dir() else path
    try:
        whole, _, _ = path.read_bytes().rpartition(b"\n") if path.exists() else (b"", b"", b"")
    except OSError as error:
        raise PaceEdgeError(f"cannot read {path}: {error.strerror}", do="Check the path.") from None
    return [_record(line, f"line {number} of {path}") for number, line in enumerate(whole.split(b"\n"), 1) if line]


def append_record(record: Record, folder: Path) -> None:
    """To the end of the folder's runs.jsonl and to the disk; several processes may at once. Raises PaceEdgeError."""
    try:
        with (folder / RUNS).open("a+b") as file, _alone_with(file):
            file.seek(0)
            content = file.read()
            file.truncate(content.rfind(b"\n") + 1)
            file.write(record.line().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise PaceEdgeError(
            f"a finished run cannot be added to {folder / RUNS}: {error.strerror}",
            do="Free some room; what stands in it is kept.",
        ) from None


@contextmanager
def _alone_with(file: BinaryIO) -> Iterator[None]:
    """Within this context no other process adds to the file; where the system has no such lock, there is only one."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _record(line: bytes, where: str) -> Record:
    try:
        values = json.loads(line)
        if values.get("schema") != SCHEMA:
            raise PaceEdgeError(
                f"{where} is of another version", expected=f"schema {SCHEMA}", got=str(values.get("schema")),
                do="Read it with the version of pace-edge that wrote it.",
            )  # fmt: skip
        return Record(**{f.name: values[f.name] for f in fields(Record)})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PaceEdgeError(
            f"{where} is no record of a run ({type(error).__name__}: {error})",
            do="Take the line away; what it was is then run again.",
        ) from None
