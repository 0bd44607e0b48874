"""Labelled clips on disk: a manifest, or a folder for each class; and folds, the publisher's or dealt here.

A fold is the unit of the test: what belongs together (takes of one recording, clips of one speaker) is in one fold.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pace_edge.audio import AUDIO_SUFFIXES, FORMATS
from pace_edge.errors import PaceEdgeError
from pace_edge.label_check import tidied_label

MANIFEST = "labels.csv"


@dataclass(frozen=True)
class Clip:
    """`group` names what must not be split between training and test: a recording, a speaker."""

    path: Path
    label: str
    fold: int
    group: str


def read_clips(source: Path, *, label_column: str = "label", folds: int = 5, seed: int = 0) -> list[Clip]:
    """The clips of a data set, in its own order. Raises PaceEdgeError. `source` is one of

    - a CSV file: columns path (from the file's folder), `label_column`, and if there are any fold and group,
    - a folder with a labels.csv: the same,
    - a folder of folders: each is a class with its name, of all audio files in it, however deep; names that begin
      with a dot are passed over.
    Where there are no folds, 1..`folds` are dealt: see `dealt`. A clip without a group is a group of its own.
    """
    try:
        if source.is_dir() and not (source / MANIFEST).exists():
            return dealt(_class_folders(source), folds=folds, seed=seed)
        manifest = source / MANIFEST if source.is_dir() else source
        clips, has_folds = _manifest(manifest, label_column)
        return clips if has_folds else dealt(clips, folds=folds, seed=seed)
    except OSError as error:
        raise PaceEdgeError(
            f"cannot read the manifest or folder {source}: {error.strerror}",
            do=f"Give a CSV file, a folder with a {MANIFEST}, or a folder of one folder for each class.",
        ) from None


def read_manifest(folder: Path) -> list[Clip]:
    """The clips of `folder/labels.csv`, as `read_clips`."""
    return read_clips(folder / MANIFEST)


def dealt(clips: Sequence[Clip], *, folds: int, seed: int) -> list[Clip]:
    """The same clips in folds 1..`folds`: no group is split, and each class is spread as evenly as that allows.

    The largest groups are dealt first, equal ones in an order drawn from `seed`; each goes where it adds least to the
    squared shares, sum over folds f and classes c of (n_fc / n_c)^2, and among equals to the lowest fold: so, of groups
    of one class each, every class is in fold 1 and, if it has two groups, outside it. Only names and seed decide.
    """
    totals = Counter(clip.label for clip in clips)
    members: dict[str, Counter[str]] = defaultdict(Counter)  # group -> clips of each class
    for clip in clips:
        members[clip.group][clip.label] += 1
    names = sorted(members)
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    held = {label: [0] * folds for label in totals}
    fold_of = {}
    for name in sorted(order, key=lambda name: -members[name].total()):
        classes = sorted(members[name].items())
        costs = [sum(n * held[label][f] / totals[label] ** 2 for label, n in classes) for f in range(folds)]
        chosen = costs.index(min(costs))
        fold_of[name] = chosen + 1
        for label, n in classes:
            held[label][chosen] += n
    return [replace(clip, fold=fold_of[clip.group]) for clip in clips]


def _class_folders(source: Path) -> list[Clip]:
    visible = sorted(path for path in source.iterdir() if not path.name.startswith("."))
    if astray := [path for path in visible if _is_audio(path)]:
        raise PaceEdgeError(
            f"{source} holds clips that are in no class's folder", expected="one folder of clips for each class",
            got=f"{astray[0].name} and {len(astray) - 1} more beside them" if astray[1:] else astray[0].name,
            do=f"Move them into folders named after their class, or add a {MANIFEST}.",
        )  # fmt: skip
    folders = [path for path in visible if path.is_dir()]
    if not folders:
        raise PaceEdgeError(
            f"{source} holds no clips", expected=f"one folder of clips for each class, or a {MANIFEST}",
            do="Check the path.",
        )  # fmt: skip
    clips = []
    for folder in folders:
        paths = [path for path in sorted(folder.rglob("*")) if _is_audio(path) and not _is_hidden(path, folder)]
        if not paths:
            raise PaceEdgeError(
                f"class '{folder.name}' has no clips", expected=f"{FORMATS} files in {folder}",
                do="Add clips, or take the folder away.",
            )  # fmt: skip
        label = tidied_label(folder.name)
        clips += [Clip(path, label, 0, path.relative_to(source).as_posix()) for path in paths]
    return clips


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in AUDIO_SUFFIXES and path.is_file()


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _manifest(manifest: Path, label_column: str) -> tuple[list[Clip], bool]:
    """The clips, and whether the manifest has folds."""
    columns, rows = _csv_rows(manifest, label_column)
    clips = []
    for number, row in rows:
        where = f"line {number} of {manifest}"
        if None in row or None in row.values():
            raise PaceEdgeError(
                f"{where} has not one field for each column", expected=", ".join(columns),
                do="Quote a field that holds a comma.",
            )  # fmt: skip
        if not row[label_column].strip():
            raise PaceEdgeError(f"{where} has no {label_column}", got=row["path"], do="Name its class.")
        label = tidied_label(row[label_column])
        path = manifest.parent / row["path"]
        if not row["path"].strip() or not _is_file(path):
            raise PaceEdgeError(
                f"{where} names a file that is not there: {path}", expected=f"a path from {manifest.parent}",
                do="Mend the line, or bring the file.",
            )  # fmt: skip
        clips.append(Clip(path, label, _fold(row.get("fold", "0"), where), row.get("group") or row["path"]))
    if not clips:
        raise PaceEdgeError(f"{manifest} lists no clips", do="Add a row for each clip.")
    return clips, "fold" in columns


def _csv_rows(manifest: Path, label_column: str) -> tuple[Sequence[str], Iterable[tuple[int, dict[str, str]]]]:
    """The columns, and each row with the number of the line that it ends on."""
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = reader.fieldnames or []
            rows = [(reader.line_num, row) for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise PaceEdgeError(f"{manifest} is not a manifest ({error})", expected="CSV in UTF-8") from None
    if missing := {"path", label_column} - set(columns):
        raise PaceEdgeError(
            f"{manifest} is not a manifest: it has no column {' nor '.join(sorted(missing))}",
            expected=f"columns path, {label_column} and, if there are any, fold, group",
            got=", ".join(columns) or "nothing", do="Mend its first line.",
        )  # fmt: skip
    return columns, rows


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file can have
        return False


def _fold(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise PaceEdgeError(f"{where} has no fold", expected="a whole number", got=repr(text)) from None
