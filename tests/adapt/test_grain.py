"""The leave-one-out error in closed form is that of leaving each clip out, and says how hard the classes are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pace_edge.adapt.grain import leave_one_out_error


def by_hand(phi, columns, gamma):
    Y, squares = np.eye(columns.max() + 1)[columns], []
    for i in range(len(phi)):
        P, T = np.delete(phi, i, 0), np.delete(Y, i, 0)
        W = np.linalg.solve(P.T @ P + gamma * np.eye(phi.shape[1]), P.T @ T)
        squares.append(np.square(Y[i] - phi[i] @ W).sum())
    return np.sum(squares) / np.square(Y - Y.mean(0)).sum()


@given(st.integers(0, 1000), st.integers(4, 12), st.sampled_from([3, 9, 30]), st.sampled_from([0.01, 0.3]))
def test_the_closed_form_is_that_of_leaving_each_clip_out(seed, n, M, gamma_relative):
    rng = np.random.default_rng(seed)
    phi, columns = np.maximum(rng.standard_normal((n, M)), 0.0) + 0.01, np.arange(n) % 2
    gamma = gamma_relative * np.square(phi).sum() / M
    assert leave_one_out_error(phi, columns, [gamma_relative]) == pytest.approx(by_hand(phi, columns, gamma), rel=1e-6)


def test_it_is_near_0_for_classes_far_apart_and_about_1_for_noise():
    rng, columns = np.random.default_rng(0), np.repeat([0, 1], 30)
    grid = (1e-3, 1e-2, 1e-1, 1.0, 100.0)
    apart = np.eye(2, 50)[columns] + 0.01 * rng.standard_normal((60, 50))
    assert leave_one_out_error(apart, columns, grid) < 0.01
    assert 0.9 < leave_one_out_error(rng.standard_normal((60, 50)), columns, grid) < 2.1
