"""What each taught example would be called had it not been taught: exact, in closed form, without learning again.

For an example's rows phi [n, M] of weight w each, with P = phi W, its targets Y and H = w phi R phi', the classifier
without it says P' = Y - (I - H)^-1 (Y - P) of them. Its windows are left out together: they are one example.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from pace_edge.analytic import AnalyticClassifier
from pace_edge.readout import ReadOut
from pace_edge.ridge import FEWEST

BATCH = 256  # windows for which R is read once
NEVER = -1e9  # the score of a class that is not there


@dataclass(frozen=True)
class LeftOut:
    """What a model without this example calls it, and how sure it is, 0 to 1; `leverage` is h = phi'R phi there. An
    example that is `alone` is its class's only one, so that it cannot be called right."""

    label: str
    score: float
    leverage: float
    alone: bool


def leave_one_out(
    classifier: AnalyticClassifier, read_out: ReadOut, examples: Iterable[tuple[np.ndarray, str]]
) -> Iterator[LeftOut]:
    """Each (phi [windows, M], label) of weight 1 that the classifier has learned, in turn."""
    own = classifier.own_scores() * np.maximum(classifier.counts, FEWEST)  # Q_c'W_c
    batch: list[tuple[np.ndarray, str]] = []
    for example in examples:
        batch.append(example)
        if sum(len(phi) for phi, _ in batch) >= BATCH:
            yield from _left_out(classifier, read_out, own, batch)
            batch = []
    if batch:
        yield from _left_out(classifier, read_out, own, batch)


def _left_out(
    classifier: AnalyticClassifier, read_out: ReadOut, own: np.ndarray, batch: list[tuple[np.ndarray, str]]
) -> Iterator[LeftOut]:
    all_K = classifier.R_times(np.concatenate([phi for phi, _ in batch]))
    end = 0
    for phi, label in batch:
        K, end = all_K[end : end + len(phi)], end + len(phi)
        c, w = classifier.labels.index(label), 1.0 / len(phi)
        H, P = w * phi @ K.T, classifier.plain_scores(phi)
        Y = np.zeros_like(P)
        Y[:, c] = 1.0
        left = np.eye(len(phi)) - H
        S = np.linalg.solve(left, Y - P)
        without = Y - S  # P'
        products = own - w * np.sum(P * S, 0)  # Q_c'W'_c with W' = W - w K'S, and phi W' = P'
        products[c] -= w * without[:, c].sum()
        counts = classifier.counts.copy()
        counts[c] -= 1.0
        plain = without.mean(0)
        alone = bool(counts[c] < FEWEST)
        if alone:
            plain[c] = NEVER
        leverage = float(np.mean(np.diag(np.linalg.solve(left, H))) / w)
        reading = read_out.reading(plain, counts, products / np.maximum(counts, FEWEST), leverage)
        winner = reading.winner
        assert winner is not None  # there is the example's own class
        yield LeftOut(classifier.labels[winner], float(reading.confidences[winner]), leverage, alone)
