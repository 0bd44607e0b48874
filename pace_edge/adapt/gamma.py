"""The ridge parameter, chosen once on a held-out part of session 1 (PACE 2.2)."""

from __future__ import annotations

import numpy as np

from pace_edge.adapt.settings import PaceSettings


def choose_gamma(phi: np.ndarray, columns: np.ndarray, settings: PaceSettings) -> float:
    """The one of the grid, in units of trace(G) / M, with the least squared error on the held-out part.

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
