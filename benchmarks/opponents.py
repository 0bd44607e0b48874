"""The classifiers that few_shots.py holds ours against: each on a clip's mean embedding, each with its own grid."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.svm import LinearSVC

from benchmarks.heard import Heard
from benchmarks.tasks import Task, shares_right

warnings.simplefilter("ignore", ConvergenceWarning)  # at a large C the last digits take their time


@dataclass(frozen=True)
class Opponent:
    """`make(value)` is the classifier with one value of its grid."""

    make: Callable[[Any], Any]
    grid: tuple[Any, ...]
    linear: bool

    def shares_right(self, heard: Heard, means: np.ndarray, task: Task, value: object) -> tuple[float, float]:
        clips = np.concatenate([task.old, task.taught])
        train, test = means[clips], means[task.test]
        if self.linear:
            train, test = rotated(train, test)
        model = self.make(value).fit(train, heard.labels[clips])
        return shares_right(heard, task, model.predict(test))

    def best_value(self, heard: Heard, means: np.ndarray, inner: Task) -> object:
        """Of the grid, the one with the best mean of old and new in a task within the training folds."""
        if len(self.grid) == 1:
            return self.grid[0]
        scores = [np.mean(self.shares_right(heard, means, inner, value)) for value in self.grid]
        return self.grid[int(np.argmax(scores))]


def rotated(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in the space that the rows of `train` span: a linear classifier with an L2 penalty has all of its weights
    there, so it is the same one, and faster with fewer rows than columns."""
    values, vectors = np.linalg.eigh((train @ train.T).astype(np.float64))
    kept = values > 1e-9 * values[-1]
    basis = vectors[:, kept] / np.sqrt(values[kept])
    return vectors[:, kept] * np.sqrt(values[kept]), (test @ train.T) @ basis


def _logistic(C: float, weight: str | None) -> LogisticRegression:
    return LogisticRegression(C=C, max_iter=300, tol=1e-3, class_weight=weight)


def _svm(C: float, weight: str | None) -> LinearSVC:
    return LinearSVC(C=C, max_iter=2000, tol=1e-3, class_weight=weight)


def _nearest(choice: tuple[int, str]) -> KNeighborsClassifier:
    k, weights = choice
    return KNeighborsClassifier(k, weights=weights, metric="cosine", algorithm="brute")


OPPONENTS = {
    "logistic regression": Opponent(lambda C: _logistic(C, None), (10.0, 100.0, 1000.0), True),
    "logistic regression, balanced": Opponent(lambda C: _logistic(C, "balanced"), (10.0, 100.0, 1000.0), True),
    "linear SVM": Opponent(lambda C: _svm(C, None), (1.0, 10.0, 100.0), True),
    "linear SVM, balanced": Opponent(lambda C: _svm(C, "balanced"), (1.0, 10.0, 100.0), True),
    "nearest class mean": Opponent(lambda metric: NearestCentroid(metric=metric), ("euclidean",), False),
    "k-NN": Opponent(_nearest, ((1, "uniform"), (3, "distance"), (5, "distance")), False),
}
