"""CKA is the published formula, from batches as from whole matrices, and chooses the first block that drifts."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pace_edge.adapt.cka import LinearCKA, first_drifting_block, linear_cka
from pace_edge.errors import LearningError


def features(seed, n=40, D=6, mean=0.0):
    return mean + torch.randn(n, D, generator=torch.Generator().manual_seed(seed))


def cka_by_gram_matrices(X, Y):
    """HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) of the n x n kernels: the same number by another way (Kornblith)."""
    H = np.eye(len(X)) - 1.0 / len(X)
    K, L = (H @ (A.double().numpy() @ A.double().numpy().T) @ H for A in (X, Y))
    return np.sum(K * L) / np.sqrt(np.sum(K * K) * np.sum(L * L))


@pytest.mark.parametrize("n", [4, 40])  # fewer and more clips than channels
def test_the_value_is_the_published_formula(n):
    X, Y = features(0, n, mean=3.0), features(1, n, 9)
    assert linear_cka(X, Y) == pytest.approx(cka_by_gram_matrices(X, Y), abs=1e-12)


def test_the_same_features_turned_scaled_and_shifted_have_not_drifted():
    X = features(2)
    turn = torch.linalg.qr(features(3, 6)).Q
    assert linear_cka(X, X) == pytest.approx(1.0, abs=1e-12)
    assert linear_cka(X, 5.0 * X @ turn + 7.0) == pytest.approx(1.0, abs=1e-6)
    assert linear_cka(X, features(4, mean=2.0)) < 0.4


def test_batches_of_several_processes_add_up_to_the_whole():
    X, Y = features(5, mean=10.0), features(6, D=8)
    ours, theirs = LinearCKA(6, 8), LinearCKA(6, 8)
    for i in range(0, 40, 7):
        (ours if i < 20 else theirs).add(X[i : i + 7], Y[i : i + 7])
    ours.sums += theirs.sums
    assert ours.value() == pytest.approx(linear_cka(X, Y), abs=1e-10)


def test_half_precision_features_are_compared_in_float64():
    X, Y = features(7).bfloat16(), features(8).bfloat16()
    accumulated = LinearCKA(6, 6)
    accumulated.add(X, Y)
    assert linear_cka(X, Y) == pytest.approx(cka_by_gram_matrices(X, Y), abs=1e-12)
    assert accumulated.value() == pytest.approx(linear_cka(X, Y), abs=1e-12)


@pytest.mark.parametrize(
    "X", [torch.ones(1, 3), torch.full((9, 3), 0.1), torch.full((9, 3), torch.nan), torch.zeros(9, 3)]
)
def test_features_that_cannot_be_compared_are_an_error_and_not_a_number(X):
    accumulated = LinearCKA(3, 3)
    accumulated.add(X, X)
    for value in (accumulated.value, lambda: linear_cka(X, X), lambda: linear_cka(features(9, len(X), 3), X)):
        with pytest.raises(LearningError, match="cannot be compared"):
            value()


def test_everything_before_the_first_drifting_block_is_frozen():
    assert first_drifting_block([0.99, 0.95, 0.93, 0.99, 0.2]) == 2
    assert first_drifting_block([0.5, 0.99]) == 0
    assert first_drifting_block([0.94, 0.9399]) == 1  # at the threshold a block has not drifted
    assert first_drifting_block([0.99, 0.95], rho=0.96) == 1


def test_when_no_block_drifts_all_are_frozen():
    assert first_drifting_block([0.99, 0.95, 0.94]) == 3


@given(st.lists(st.floats(0, 1)), st.floats(0, 1))
def test_the_cut_is_the_first_and_only_the_first(similarities, rho):
    n_frozen = first_drifting_block(similarities, rho)
    assert all(s >= rho for s in similarities[:n_frozen])
    assert n_frozen == len(similarities) or similarities[n_frozen] < rho
