"""Embeddings made by formula, and the clips that stand for them: a method that trains nothing sees no sound."""

from pathlib import Path

import numpy as np

from pace_edge.adapt.data import Clip
from pace_edge.adapt.sessions import Session
from pace_edge.benchmark.method import Task
from tests.adapt.small import small_encoder

D = 24
BACKBONE = small_encoder()


def labelled(classes=4, per_class=6, *, seed=0, spread=0.6):
    """Unit-norm embeddings [n, D] around a centre a class, and their labels [n]."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(classes), per_class)
    z = rng.standard_normal((classes, D))[y] + spread * rng.standard_normal((len(y), D))
    z -= z.mean(1, keepdims=True)
    return (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32), [f"c{c}" for c in y]


def task_of(z, *, M=64, seed=0, **changes) -> Task:
    """A task whose clip number i embeds as row i."""

    def embed(clips):
        return z[[int(clip.path.name) for clip in clips]]

    return Task(backbone=BACKBONE, embed=embed, seconds=0.5, epochs=1, classes=4, M=M, seed=seed, **changes)


def sessions_of(labels, groups) -> list[Session]:
    """A session for each group of rows, in their order; its labels as they come."""
    sessions = []
    for number, rows in enumerate(groups, 1):
        clips = tuple(Clip(Path(str(i)), labels[i], 1, str(i)) for i in rows)
        sessions.append(Session(number, tuple(dict.fromkeys(clip.label for clip in clips)), clips, ()))
    return sessions


def taught(method, labels, groups):
    for session in sessions_of(labels, groups):
        method.learn(session)
    return method


def clips_of(n) -> list[Clip]:
    return [Clip(Path(str(i)), "", 0, "") for i in range(n)]


def in_classes(labels, per_session, *, rng=None) -> list[list[int]]:
    """Rows class by class, `per_session` classes a session; `rng` draws the order of classes and of rows."""
    names = sorted(set(labels))
    if rng is not None:
        names = [names[i] for i in rng.permutation(len(names))]
    groups = []
    for i in range(0, len(names), per_session):
        rows = [r for r, label in enumerate(labels) if label in names[i : i + per_session]]
        groups.append([rows[i] for i in rng.permutation(len(rows))] if rng is not None else rows)
    return groups
