"""Manifests of real sets whose audio is not ours to ship: which files they are, their classes and folds, no sound.

A manifest is a gzipped CSV with columns path, label, fold, group and check, the first 16 hex digits of the file's
SHA-256: enough to notice another file, and 4,890 of them take 90 kB.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

from pace_edge.adapt.data import Clip
from pace_edge.errors import PaceEdgeError
from pace_edge.files import write_whole

FOLDER = Path(__file__).parent / "manifests"
CHECKED = 16  # hex digits of the checksum
COLUMNS = ("path", "label", "fold", "group", "check")


def write_manifest(clips: Sequence[Clip], root: Path, manifest: Path) -> None:
    """The manifest of these clips, whose paths become those from `root`; the same clips give the same bytes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for clip in clips:
        path = clip.path.relative_to(root).as_posix()
        writer.writerow((path, clip.label, clip.fold, clip.group, sha256_of(clip.path)[:CHECKED]))
    write_whole(manifest, gzip.compress(text.getvalue().encode(), mtime=0))


def read_manifest(manifest: Path, root: Path) -> list[Clip]:
    """The clips of a manifest below `root`, each of them there and the very file. Raises PaceEdgeError."""
    rows = csv.DictReader(io.StringIO(gzip.decompress(manifest.read_bytes()).decode()))
    clips: list[Clip] = []
    for row in rows:
        path = root / row["path"]
        try:
            if sha256_of(path)[:CHECKED] != row["check"]:
                raise PaceEdgeError(
                    f"{path} is not the file that the set {manifest.name.partition('.')[0]} is made of",
                    expected=f"sha256 {row['check']}...", got=sha256_of(path)[:CHECKED],
                    do="Get the set again, or give the folder as a set of your own.",
                )  # fmt: skip
        except OSError as error:
            raise PaceEdgeError(
                f"clip {len(clips) + 1} of the set {manifest.name.partition('.')[0]} cannot be read: {path} "
                f"({error.strerror})",
                do="Bring the whole set.",
            ) from None
        clips.append(Clip(path, row["label"], int(row["fold"]), row["group"]))
    return clips


def sha256_of(path: Path) -> str:
    """Of the file's content. Raises OSError."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
