"""One method through one plan of sessions: what it is shown, what it is asked, and what is measured."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pace_edge.adapt.data import Clip
from pace_edge.adapt.measures import confusion_matrix, macro_accuracy
from pace_edge.adapt.sessions import Session
from pace_edge.benchmark.method import Method, details_of
from pace_edge.errors import PaceEdgeError


@dataclass(frozen=True)
class Learned:
    """Shares from 0 to 1; T sessions. The times are in seconds."""

    accuracies: list[float]  # [T]
    matrix: list[list[float]]  # [T][t + 1]
    macro_accuracy: float
    train_seconds: list[float]  # [T]
    test_seconds: float
    embedded_clips_train: int  # what `embedded` counted while learning


def learn_and_test(method: Method, sessions: Sequence[Session], embedded: Callable[[], int] = lambda: 0) -> Learned:
    """Learn each session, and after it call the test clips of all sessions so far. The method is shown the training
    clips of the session alone, and of test clips neither label nor fold nor group. `embedded` counts what was embedded
    for it up to now. Raises PaceEdgeError."""
    accuracies, matrix, train_seconds, test_seconds, embedded_clips = [], [], [], 0.0, 0
    truth: list[str] = []
    called: list[str] = []
    for t, session in enumerate(sessions, 1):
        begun, before = time.monotonic(), embedded()
        method.learn(replace(session, test=()))
        learned = time.monotonic()
        embedded_clips += embedded() - before
        seen = sessions[:t]
        truth = [clip.label for one in seen for clip in one.test]
        called = list(method.call([_unnamed(clip) for one in seen for clip in one.test]))
        train_seconds.append(learned - begun)
        test_seconds += time.monotonic() - learned
        _check(called, len(truth), {label for one in seen for label in one.labels})
        right = np.array([a == b for a, b in zip(truth, called, strict=True)])
        ends = np.cumsum([len(one.test) for one in seen])
        accuracies.append(float(right.mean()))
        matrix.append([float(part.mean()) for part in np.split(right, ends[:-1])])
    labels = [label for session in sessions for label in session.labels]
    macro = macro_accuracy(confusion_matrix(truth, called, labels))
    return Learned(accuracies, matrix, macro, train_seconds, test_seconds, embedded_clips)


def joined(sessions: Sequence[Session]) -> list[Session]:
    """All sessions' classes and clips as one session."""
    return [
        Session(
            1, tuple(label for one in sessions for label in one.labels),
            tuple(clip for one in sessions for clip in one.train), tuple(clip for one in sessions for clip in one.test),
        )
    ]  # fmt: skip


def checked_details(method: Method) -> dict[str, object]:
    """What the method says of itself, as JSON gives it back. Raises PaceEdgeError where JSON cannot hold it."""
    try:
        return json.loads(json.dumps(dict(details_of(method)), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise PaceEdgeError(
            f"the method's details cannot be kept ({error})", expected="numbers, texts, lists and dicts of them",
            do="Mend what the method puts into `details`.",
        ) from None  # fmt: skip


def _unnamed(clip: Clip) -> Clip:
    return replace(clip, label="", fold=0, group="")


def _check(called: Sequence[str], clips: int, labels: set[str]) -> None:
    if len(called) != clips:
        raise PaceEdgeError(
            "the method did not call every clip",
            expected=f"{clips} labels",
            got=str(len(called)),
            do="Mend its `call`.",
        )
    if unknown := sorted(set(called) - labels, key=str):
        raise PaceEdgeError(
            "the method called a clip by no class learned so far", expected=f"one of {', '.join(sorted(labels)[:10])}",
            got=repr(unknown[0]), do="Mend its `call`.",
        )  # fmt: skip
