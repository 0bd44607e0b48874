"""Labelled clips on disk: a folder with a `labels.csv` that names each clip's file, label and fold."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from pace_edge.errors import PaceEdgeError


@dataclass(frozen=True)
class Clip:
    """`group` names what must not be split between training and test: a recording, a speaker."""

    path: Path
    label: str
    fold: int
    group: str


def read_manifest(folder: Path) -> list[Clip]:
    """The clips of `folder/labels.csv`, columns path (in the folder), label, fold, group. Raises PaceEdgeError."""
    manifest = folder / "labels.csv"
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise PaceEdgeError(
            f"cannot read the manifest {manifest}: {error.strerror}", do="Give a folder that holds a labels.csv."
        ) from None
    try:
        clips = [Clip(folder / row["path"], row["label"], int(row["fold"]), row["group"]) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise PaceEdgeError(
            f"{manifest} is not a manifest ({error!r})", expected="columns path, label, fold (a number), group",
            got=", ".join(rows[0]), do="Mend its first line or the row.",
        ) from None  # fmt: skip
    if not clips:
        raise PaceEdgeError(f"{manifest} lists no clips", do="Add a row for each clip.")
    return clips
