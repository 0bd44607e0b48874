"""A snapshot beside a journal: the classifier as the log up to some operation makes it, so that opening need not learn
everything again. It is a cache: checked against its own checksum, the model and the log, and ignored where any of them
does not fit. Deleting it loses nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np

from pace_edge.analytic import AnalyticClassifier
from pace_edge.files import write_whole
from pace_edge.operations import Operation, State

_MAGIC = b"pace-edge snapshot 3\n"
LARGEST = 512 << 20  # bytes; above it writing would cost more than it saves


def snapshot_path(journal: Path) -> Path:
    return journal.with_name(journal.name + ".snapshot")


def write_snapshot(
    journal: Path, *, model_sha256: str, operations: Sequence[Operation], state: State, classifier: AnalyticClassifier
) -> None:
    """`state` is what of `operations` is in `classifier`. Where it cannot be written, there is none."""
    if sum(16 * len(view.G) ** 2 for view in classifier.views) > LARGEST:
        return
    R = classifier.R  # folds, so that G is whole
    header = {
        "model": model_sha256, "operations": len(operations), "log": _digest(operations), "labels": classifier.labels,
        "counts": classifier.counts.tolist(), "gamma": classifier.gamma, "shape": R.shape,
        "squares": None if classifier.squares is None else classifier.squares.tolist(),
        "examples": list(state.examples.items()), "built_in": state.built_in,
    }  # fmt: skip
    arrays = b"".join(np.ascontiguousarray(part, "<f8").tobytes() for part in (classifier.G, classifier.Q, R))
    body = json.dumps(header).encode() + b"\n" + arrays
    with contextlib.suppress(OSError):
        write_whole(snapshot_path(journal), _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def read_snapshot(
    journal: Path, *, model_sha256: str, operations: Sequence[Operation]
) -> tuple[AnalyticClassifier, State] | None:
    """The classifier and what is in it, if the snapshot is whole, of this model and of this log."""
    try:
        magic, checksum, body = snapshot_path(journal).read_bytes().split(b"\n", 2)
    except (OSError, ValueError):
        return None
    if magic + b"\n" != _MAGIC or hashlib.sha256(body).hexdigest().encode() != checksum:
        return None
    line, _, arrays = body.partition(b"\n")
    header = json.loads(line)
    if header["model"] != model_sha256 or header["log"] != _digest(operations[: header["operations"]]):
        return None
    shape, labels = header["shape"], header["labels"]  # of R and G: [M, M], or [V, M, M]
    width = prod(shape[:-1])
    G, Q, R = np.split(np.frombuffer(arrays, "<f8"), np.cumsum([prod(shape), width * len(labels)]))
    classifier = AnalyticClassifier.restored(
        G.reshape(shape), Q.reshape(width, len(labels)), R.reshape(shape), header["counts"], labels, header["gamma"],
        squares=header["squares"],
    )  # fmt: skip
    return classifier, State(dict(map(tuple, header["examples"])), header["built_in"])


def _digest(operations: Sequence[Operation]) -> str:
    return hashlib.sha256("".join(operation.sha256 for operation in operations).encode()).hexdigest()
