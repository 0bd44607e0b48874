"""Sessions of new classes: which classes come when, and which clips are for training and which for the test."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pace_edge.adapt.data import Clip
from pace_edge.errors import PaceEdgeError


@dataclass(frozen=True)
class Session:
    """One session, numbered from 1: its new classes and their clips."""

    number: int
    labels: tuple[str, ...]
    train: tuple[Clip, ...]
    test: tuple[Clip, ...]


def plan_sessions(
    clips: Sequence[Clip], *, classes_per_session: int, test_fold: int, order_seed: int = 0
) -> list[Session]:
    """The classes in an order drawn from `order_seed`, `classes_per_session` at a time; a last rest of one class goes
    to the session before it. The clips of `test_fold` are for the test. Raises PaceEdgeError."""
    labels = sorted({clip.label for clip in clips})
    if classes_per_session < 2 or len(labels) < classes_per_session:
        raise PaceEdgeError(
            "these sessions cannot be planned", expected=f"2 to {len(labels)} classes a session",
            got=str(classes_per_session), do="A session needs two classes to tell apart.",
        )  # fmt: skip
    order = [labels[i] for i in np.random.default_rng(order_seed).permutation(len(labels))]
    groups = [order[i : i + classes_per_session] for i in range(0, len(order), classes_per_session)]
    if len(groups[-1]) == 1:
        groups[-2:] = [groups[-2] + groups[-1]]
    return sessions_of(clips, groups, test_fold)


def read_plan(path: Path) -> list[tuple[str, ...]]:
    """The classes of each session, from a text file: a line a session, labels with commas between them, in quotes if
    they hold one. Blank lines and lines that begin with # are passed over. Raises PaceEdgeError."""
    groups = []
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            (fields,) = csv.reader([line.strip()], skipinitialspace=True)
            group = tuple(field.strip() for field in fields)
            if "" in group:
                raise PaceEdgeError(f"line {number} of {path} names a class without a name", got=line.strip())
            groups.append(group)
    except OSError as error:
        raise PaceEdgeError(f"cannot read the plan {path}: {error.strerror}", do="Check the path.") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise PaceEdgeError(
            f"{path} is not a plan ({error})", expected="text in UTF-8, a line of labels for each session",
            do='Put commas between the labels, and quotes round a label that holds one: dog, "rain, heavy"',
        ) from None  # fmt: skip
    if not groups:
        raise PaceEdgeError(f"{path} plans no session", do="Write a line of labels for each session.")
    return groups


def sessions_of(clips: Sequence[Clip], groups: Sequence[Sequence[str]], test_fold: int) -> list[Session]:
    """A session for each group of labels, in their order; the clips of `test_fold` are for the test. Clips of classes
    that are in no group are left out. Raises PaceEdgeError."""
    session_of: dict[str, int] = {}
    for number, group in enumerate(groups, 1):
        for label in group:
            if label in session_of:
                raise PaceEdgeError(
                    f"class '{label}' is in the plan twice", expected="every class once",
                    got=f"sessions {session_of[label]} and {number}", do="Take it out of one of them.",
                )  # fmt: skip
            session_of[label] = number
        if len(group) < 2:
            raise PaceEdgeError(
                f"session {number} has one class", expected="two or more", got=", ".join(group),
                do="Training learns to tell a session's classes apart: put it into another session.",
            )  # fmt: skip
    folds: dict[str, set[int]] = {label: set() for label in session_of}
    train: list[list[Clip]] = [[] for _ in groups]
    test: list[list[Clip]] = [[] for _ in groups]
    for clip in clips:
        if clip.label in session_of:
            part = test if clip.fold == test_fold else train
            part[session_of[clip.label] - 1].append(clip)
            folds[clip.label].add(clip.fold)
    for label, its in folds.items():
        _check_folds(label, its, test_fold, clips)
    return [Session(i + 1, tuple(group), tuple(train[i]), tuple(test[i])) for i, group in enumerate(groups)]


def _check_folds(label: str, folds: set[int], test_fold: int, clips: Sequence[Clip]) -> None:
    if not folds:
        known = sorted({clip.label for clip in clips})
        raise PaceEdgeError(
            f"class '{label}' has no clips", expected="one of the data's classes",
            got=", ".join(known[:20]) + ", ..." * (len(known) > 20), do="Mend the plan.",
        )  # fmt: skip
    for missing, where in ((test_fold not in folds, "in"), (folds == {test_fold}, "outside")):
        if missing:
            raise PaceEdgeError(
                f"class '{label}' has no clip {where} fold {test_fold}", expected="clips to learn from and to test on",
                got=f"clips in fold {', '.join(map(str, sorted(folds)))}",
                do="Choose another test fold, or add clips of other recordings.",
            )  # fmt: skip
