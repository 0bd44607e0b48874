"""The ridge parameter (PACE 2.2), in units of trace(G) / M: anew after each session, from the statistics alone, or once
on a held-out part of session 1.

Session 1 is a poor judge. A backbone that was adapted to its clips fits even those that the classifier does not see,
and asks for too little; and what suits two classes need not suit fifty.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np
import torch

from pace_edge.adapt.groups import WithinGroups
from pace_edge.adapt.settings import PaceSettings
from pace_edge.adapt.statistics import GramSums
from pace_edge.analytic import AnalyticClassifier
from pace_edge.errors import LearningError


def learn_sums(
    classifier: AnalyticClassifier | None, sums: GramSums, gamma_relative: float, settings: PaceSettings,
    held_out: Callable[[], float], within: WithinGroups | None = None,
) -> tuple[AnalyticClassifier, float]:  # fmt: skip
    """A session's sums into the classifier, or into a new one; returned with gamma_relative as it is then. `held_out`
    is asked for the first session's where the settings say so: see `held_out_gamma`. `within`: the groups of what the
    classifier has learned; `sums.within` has those of both then. Raises LearningError."""
    if settings.gamma_by == "gcv":
        near = None
        if classifier is not None:
            sums.add_learned(classifier, within)
            near = gamma_relative
        return cross_validated(sums, settings.gamma_grid, near=near)
    if classifier is None:
        gamma_relative = held_out()
        return sums.classifier(gamma_relative), gamma_relative
    sums.add_to(classifier, gamma_relative if settings.gamma_follows else None)
    return classifier, gamma_relative


def cross_validated(
    sums: GramSums, grid: Sequence[float], *, near: float | None = None
) -> tuple[AnalyticClassifier, float]:
    """The classifier with the gamma of the grid that has the least generalised cross-validation error (Golub, Heath,
    Wahba 1979, eq. 1.4), and that gamma:

        sum |y - W'phi|^2 / (1 - trace(H) / n)^2,   H = Phi R Phi',   R = (G + gamma I)^-1

    It needs no clip: with W = R Q the sum is n - <W, Q> - gamma |W|^2, and trace(H) is M - gamma trace(R).

    Where clips belong together a whole group is left out: the groups' means, and what clips differ by from the mean of
    their group, have each their own share of the sum, of trace(H) and of n. With S the scatter within groups and r
    clips beyond one a group, the second share is <W, S W>, trace(R S) and r. From `near`, the choice before, the search
    goes downhill along the grid; without it all are tried. Raises LearningError.
    """
    ascending, unit = sorted(grid), sums.mean_square()
    G, errors = sums.G, dict[int, float]()
    R_of_best: dict[int, torch.Tensor] = {}  # one at a time: it is as large as G

    def error(i: int) -> float:
        if 0 <= i < len(ascending) and i not in errors:
            errors[i], R = _gcv(G, sums.Q, float(sums.counts.sum()), ascending[i] * unit, sums.within)
            if errors[i] < min((errors[j] for j in R_of_best), default=math.inf):
                R_of_best.clear()
                R_of_best[i] = R
        return errors.get(i, math.inf)

    if near is None:
        for i in range(len(ascending)):
            error(i)
    else:
        at = min(bisect_left(ascending, near * (1 - 1e-9)), len(ascending) - 1)
        while (lower := min((at, at - 1, at + 1), key=error)) != at:
            at = lower
    for best, R in R_of_best.items():
        return sums.solved(R, ascending[best] * unit), ascending[best]
    raise LearningError(
        "no gamma of the grid can be used: rounding swallows them all", expected="some of about 0.001 or more",
        got=", ".join(f"{gamma:g}" for gamma in ascending), do="Change the setting gamma_grid.",
    )  # fmt: skip


def _gcv(
    G: torch.Tensor, Q: torch.Tensor, examples: float, gamma: float, within: WithinGroups | None
) -> tuple[float, torch.Tensor]:
    """The error, and R."""
    A = G.clone()
    A.diagonal().add_(gamma)
    L, failed = torch.linalg.cholesky_ex(A)
    if failed:  # a gamma that rounding swallows
        return math.inf, A
    R = torch.cholesky_inverse(L)
    W = R @ Q
    squares = examples - float((W * Q).sum()) - gamma * float(W.square().sum())
    fitted, alike = len(G) - gamma * float(R.trace()), 0.0  # trace(H)
    if within is not None:
        squares_within = float((W * (within.scatter @ W)).sum())
        fitted_within = float((R * within.scatter).sum())
        alike = _left_out(squares_within, fitted_within, within.repeats)
        squares, fitted, examples = squares - squares_within, fitted - fitted_within, examples - within.repeats
    return alike + (_left_out(squares, fitted, examples) if squares > 0 else math.inf), R


def _left_out(squares: float, fitted: float, n: float) -> float:
    """The squared errors that n residuals would have had each left out, of which `fitted` is the sum of leverages."""
    free = 1.0 - fitted / n
    return squares / free**2 if free > 0 else math.inf


def held_out_gamma(phi: np.ndarray, columns: np.ndarray, settings: PaceSettings) -> float:
    """The one of the grid with the least squared error on a held-out part of session 1.

    phi [n, M] are the session's features, columns [n] their classes from 0. (Not the most accurate: with two classes
    nearly all are right.) With too few clips to hold any out it is the grid's median.
    """
    rng, held_out = np.random.default_rng(settings.seed), np.zeros(len(phi), bool)
    for column in range(columns.max() + 1):
        mine = np.flatnonzero(columns == column)
        held_out[rng.permutation(mine)[: round(settings.gamma_held_out * len(mine))]] = True
    if not held_out.any():
        return float(np.median(settings.gamma_grid))
    Y = np.eye(columns.max() + 1)[columns]
    kept, test = phi[~held_out], phi[held_out]
    in_units = np.square(kept).sum() / phi.shape[1]  # trace(G) / M
    # W = (Phi'Phi + gamma I)^-1 Phi'Y = Phi' (Phi Phi' + gamma I)^-1 Y: the smaller of the two systems
    dual = len(kept) <= phi.shape[1]
    A, B = (kept @ kept.T, Y[~held_out]) if dual else (kept.T @ kept, kept.T @ Y[~held_out])
    seen = test @ kept.T if dual else test

    def squared_error(gamma: float) -> float:
        solved = np.linalg.solve(A + gamma * in_units * np.eye(len(A)), B)
        return float(np.square(seen @ solved - Y[held_out]).mean())

    return min(settings.gamma_grid, key=squared_error)
