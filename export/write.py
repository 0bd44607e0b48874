"""Model files reach the disk whole and sealed, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from onnx import ModelProto

from pace_edge.errors import PaceEdgeError
from pace_edge.files import write_whole
from pace_edge.label_check import composed, is_visible
from pace_edge.model_file import ModelInfo
from pace_edge.model_parts import seal, set_metadata

LARGEST = 2**31 - 2**20  # bytes that protobuf puts into one message, less some for what is not weights


def check_size(size: int, M: int) -> None:
    """Raise PaceEdgeError where weights of so many bytes, with a classifier of M features, are too much for a file."""
    if size + 8 * M * M > LARGEST:
        raise PaceEdgeError(
            "the model is too large for one ONNX file", expected=f"up to {LARGEST / 1e9:.1f} GB",
            got=f"{(size + 8 * M * M) / 1e9:.1f} GB, of which {8 * M * M / 1e9:.1f} are the learning rule's",
            do="Adapt with a smaller --set M=...",
        )  # fmt: skip


def check_target(path: Path) -> None:
    """Raise PaceEdgeError where no file of this name can be written: before minutes of work, not after them."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(13, "its folder is read-only")
    except OSError as error:
        raise _unwritable(path, error) from None


def check_labels(labels: Iterable[str]) -> None:
    """Raise PaceEdgeError where a model file cannot have these classes."""
    for label in labels:
        if not is_visible(composed(label)):
            raise PaceEdgeError(
                f"the class {label[:120]!a} has characters that nobody sees, and cannot be in a model file",
                do="Nothing was written; give the class another name: pace-edge rename, or its clips' folder.",
            )


def write_model(path: Path, model: ModelProto, info: ModelInfo, more: dict[str, str]) -> None:
    """Complete the metadata by `info` and `more`, seal the parts, and write. Raises PaceEdgeError."""
    check_labels(info.labels)
    set_metadata(model, info.to_metadata() | more)
    seal(model)
    try:
        write_whole(path, model.SerializeToString(deterministic=True))
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> PaceEdgeError:
    return PaceEdgeError(f"cannot write {path}: {error.strerror}", do="Nothing was written; choose another --output.")
