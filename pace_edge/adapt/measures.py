"""What a run of sessions is judged by: pure functions of its accuracies, its calls and its embeddings.

`matrix` holds matrix[t][j], j <= t: the accuracy after session t + 1 on the classes of session j + 1. Accuracies are
shares from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np

Matrix = Sequence[Sequence[float]]


def forgetting(matrix: Matrix) -> float:
    """Mean over j < T of (max over t < T of matrix[t][j]) - matrix[T][j], T the last session; 0 when there is only one.

    From -1, all was learned later, to 1, all was lost (Chaudhry et al. 2018, arXiv 1801.10112). Where all
    classes seen so far are told apart it also counts what later classes took by being there to be mistaken for.
    """
    *before, last = matrix
    lost = [max(row[j] for row in before[j:]) - last[j] for j in range(len(before))]
    return fmean(lost) if lost else 0.0


def backward_transfer(matrix: Matrix) -> float:
    """Mean over j < T of matrix[T][j] - matrix[j][j], from -1 to 1: what later sessions gave to earlier ones; 0 when
    there is only one session (Lopez-Paz and Ranzato 2017, arXiv 1706.08840)."""
    *before, last = matrix
    gained = [last[j] - row[j] for j, row in enumerate(before)]
    return fmean(gained) if gained else 0.0


def incremental_average(accuracies: Sequence[float]) -> float:
    """Mean of the accuracies after each session, each over all classes seen by then."""
    return fmean(accuracies)


def confusion_matrix(truth: Sequence[str], called: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """How many clips of class r were called c: int64 [C, C], rows and columns as `labels`. KeyError for any other."""
    place = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), np.int64)
    for t, c in zip(truth, called, strict=True):
        counts[place[t], place[c]] += 1
    return counts


def macro_accuracy(counts: np.ndarray) -> float:
    """Mean over the classes that have clips of the share called right, from a confusion matrix: every class counts the
    same, however many its clips are."""
    clips = counts.sum(1)
    return float(np.mean(counts.diagonal()[clips > 0] / clips[clips > 0]))
