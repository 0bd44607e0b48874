"""gamma is the one of the grid that errs least on clips held out, whichever of the two equal systems is solved."""

import numpy as np
import pytest

from pace_edge.adapt.gamma import choose_gamma
from tests.adapt.small import settings


def clusters(per_class, M, noise, seed=0):
    rng = np.random.default_rng(seed)
    columns = np.repeat([0, 1], per_class)
    return np.eye(2, M)[columns] + noise * rng.standard_normal((2 * per_class, M)), columns


def test_noise_asks_for_more_of_it():
    grid = {"gamma_grid": (1e-4, 1.0)}
    assert choose_gamma(*clusters(40, 30, 0.01), settings(**grid)) == 1e-4
    assert choose_gamma(*clusters(12, 30, 3.0), settings(**grid)) == 1.0


@pytest.mark.parametrize("per_class", [8, 30])  # fewer clips than features, and more
def test_the_choice_is_that_of_ridge_regression_by_the_formula(per_class):
    phi, columns = clusters(per_class, 24, 0.7)
    s = settings(gamma_grid=(1e-3, 1e-2, 1e-1, 1.0, 10.0), gamma_held_out=0.25)
    rng, held = np.random.default_rng(s.seed), np.zeros(len(phi), bool)
    for c in (0, 1):
        mine = np.flatnonzero(columns == c)
        held[rng.permutation(mine)[: round(0.25 * len(mine))]] = True
    Y, P = np.eye(2)[columns], phi[~held]
    G = P.T @ P
    errors = {}
    for gamma in s.gamma_grid:
        W = np.linalg.inv(G + gamma * np.trace(G) / 24 * np.eye(24)) @ P.T @ Y[~held]
        errors[gamma] = np.square(phi[held] @ W - Y[held]).mean()
    assert choose_gamma(phi, columns, s) == min(errors, key=errors.get)


def test_with_too_few_clips_to_hold_any_out_it_is_the_grids_median():
    assert choose_gamma(np.eye(2, 8), np.array([0, 1]), settings(gamma_grid=(0.1, 0.2, 9.0))) == 0.2
