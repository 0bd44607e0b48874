"""The starter's projection as it would be without what is tested: it is made of what the starter was fitted on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from benchmarks.heard import Heard
from pace_edge.adapt.starter import BACKGROUND, VIEWS, starter_projection
from pace_edge.adapt.whitening import second_moment
from pace_edge.analytic import RandomProjection

RENAMED = {"unknown": "speech", "silence": BACKGROUND}  # by pace_edge.adapt.starter.word_examples


class StarterFeatures:
    """`made_of`: clips that the starter is fitted on; `views`: the columns of each view."""

    def __init__(self, made_of: Heard, views: Sequence[slice] = VIEWS) -> None:
        self._views = views
        self._parts: dict[str, dict[int, tuple[int, np.ndarray]]] = {}  # class and fold to clips, second moment
        self._made: dict[tuple[frozenset[int], frozenset[str]], RandomProjection] = {}
        for label, fold in sorted({(str(c), int(f)) for c, f in zip(made_of.labels, made_of.folds, strict=True)}):
            clips = np.flatnonzero((made_of.labels == label) & (made_of.folds == fold))
            moment = second_moment([made_of.windows[i] for i in clips], [label] * len(clips))
            self._parts.setdefault(label, {})[fold] = len(clips), moment.astype(np.float32)

    def without(self, folds: Collection[int] = (), classes: Collection[str] = ()) -> RandomProjection:
        """Made again without these folds and classes."""
        key = frozenset(map(int, folds)), frozenset(RENAMED.get(label, label) for label in map(str, classes))
        if key not in self._made:
            self._made[key] = starter_projection(self._moment(*key), views=self._views)
        return self._made[key]

    def _moment(self, folds: Collection[int], classes: Collection[str]) -> np.ndarray:
        """What `second_moment` gives of the clips that are left."""
        total, classes_left = np.zeros(()), 0
        for parts in (parts for label, parts in self._parts.items() if label not in classes):
            clips = sum(n for fold, (n, _) in parts.items() if fold not in folds)
            for n, moment in (part for fold, part in parts.items() if fold not in folds):
                total = total + moment.astype(np.float64) * (n / clips)
            classes_left += 1
        return total / classes_left
