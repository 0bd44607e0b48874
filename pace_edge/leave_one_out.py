"""What each taught example would be called had it not been taught: exact, in closed form, without learning again.

For an example's rows phi [n, M] of weight w each, with P = phi W, its targets Y and H = w phi R phi', the classifier
without it says P' = Y - (I - H)^-1 (Y - P) of them. Its windows are left out together: they are one example; of each
view by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pace_edge.analytic import FEWEST, AnalyticClassifier, deviations
from pace_edge.readout import ReadOut

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


@dataclass(frozen=True)
class Without:
    """What a classifier without one of its examples, of the class `column`, says of that example's windows."""

    column: int
    counts: np.ndarray  # [C]
    view_scores: np.ndarray  # [V, windows, C], plain
    own_view_scores: np.ndarray  # [V, C]
    view_leverages: np.ndarray  # [V], the windows' mean
    deviations: np.ndarray | None  # [V, C]; None where the classifier has no squares


def leave_one_out(
    classifier: AnalyticClassifier, read_out: ReadOut, examples: Iterable[tuple[np.ndarray, str]]
) -> Iterator[LeftOut]:
    """Each (phi [windows, V M], label) of weight 1 that the classifier has learned, in turn."""
    for without in left_out(classifier, examples):
        plain = without.view_scores.mean(1)
        alone = bool(without.counts[without.column] < FEWEST)
        if alone:
            plain[:, without.column] = NEVER
        standing = read_out.standing_of(without.counts, without.own_view_scores, without.deviations)
        reading = read_out.reading(plain, without.view_leverages, standing)
        winner = reading.winner
        assert winner is not None  # there is the example's own class
        leverage = float(without.view_leverages.mean())
        yield LeftOut(classifier.labels[winner], float(reading.confidences[winner]), leverage, alone)


def left_out(classifier: AnalyticClassifier, examples: Iterable[tuple[np.ndarray, str]]) -> Iterator[Without]:
    """The same of each view, before it is read."""
    sums = _Sums(
        classifier.own_view_scores() * np.maximum(classifier.counts, FEWEST),
        np.stack([np.einsum("mc,mc->c", view.Q, view.Q) for view in classifier.views]),
    )
    batch: list[tuple[np.ndarray, str]] = []
    for example in examples:
        batch.append(example)
        if sum(len(phi) for phi, _ in batch) >= BATCH:
            yield from _left_out(classifier, sums, batch)
            batch = []
    if batch:
        yield from _left_out(classifier, sums, batch)


class _Sums(NamedTuple):
    own: np.ndarray  # Q_c'W_c, [V, C]
    lengths: np.ndarray  # |Q_c|^2, [V, C]


def _left_out(
    classifier: AnalyticClassifier, sums: _Sums, batch: list[tuple[np.ndarray, str]]
) -> Iterator[Without]:  # fmt: skip
    parts = [classifier.blocks(phi) for phi, _ in batch]
    all_K = [view.times(np.concatenate([p[v] for p in parts])) for v, view in enumerate(classifier.views)]
    end = 0
    for part, (phi, label) in zip(parts, batch, strict=True):
        rows, end = slice(end, end + len(phi)), end + len(phi)
        c, w = classifier.labels.index(label), 1.0 / len(phi)
        counts = classifier.counts.copy()
        counts[c] -= 1.0
        scores, products, leverages, lengths = [], sums.own.copy(), [], sums.lengths.copy()
        squares = None if classifier.squares is None else classifier.squares.copy()
        for v, (view, K) in enumerate(zip(classifier.views, all_K, strict=True)):
            H, P = w * part[v] @ K[rows].T, part[v] @ view.W
            Y = np.zeros_like(P)
            Y[:, c] = 1.0
            left = np.eye(len(phi)) - H
            S = np.linalg.solve(left, Y - P)
            scores.append(Y - S)  # P'
            products[v] -= w * np.sum(P * S, 0)  # Q_c'W'_c with W' = W - w K'S, and phi W' = P'
            products[v, c] -= w * scores[v][:, c].sum()
            leverages.append(np.mean(np.diag(np.linalg.solve(left, H))) / w)
            if squares is not None:
                mean = part[v].mean(0)
                rest = view.Q[:, c] - mean
                lengths[v, c], squares[v, c] = rest @ rest, squares[v, c] - mean @ mean
        yield Without(
            c, counts, np.stack(scores), products / np.maximum(counts, FEWEST), np.array(leverages),
            None if squares is None else deviations(counts, squares, lengths),
        )  # fmt: skip
