"""RanPAC is ridge regression on all that was seen, whatever came when; its lambda is chosen on what it held out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.benchmark.methods.ranpac import LAMBDAS, RanPAC, choose_lambda, ridge
from tests.benchmark.methods.features import clips_of, in_classes, labelled, task_of, taught

Z, LABELS = labelled()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), per_session=st.integers(1, 4), lam=st.sampled_from([1e-2, 1.0, 1e2]))
def test_with_one_lambda_it_is_ridge_regression_on_the_batch_in_any_order_and_split(seed, per_session, lam):
    groups = in_classes(LABELS, per_session, rng=np.random.default_rng(seed))
    method = taught(RanPAC(task_of(Z), lambdas=[lam]), LABELS, groups)
    H, Y = method.features(Z), np.array([[label == own for own in method.labels] for label in LABELS], float)
    batch = np.linalg.lstsq(np.vstack([H, lam**0.5 * np.eye(64)]), np.vstack([Y, np.zeros((64, 4))]), rcond=None)[0]
    assert np.allclose(method.W, batch, rtol=1e-5, atol=1e-8)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 20))
def test_lambda_is_the_one_of_least_error_on_the_held_out_fifth(seed):
    rng = np.random.default_rng(seed)
    H, Y = rng.standard_normal((40, 12)), np.eye(2)[rng.integers(0, 2, 40)]
    lambdas = [10.0**p for p in range(-2, 5)]
    errors = [np.square(H[32:] @ ridge(H[:32].T @ H[:32], H[:32].T @ Y[:32], lam) - Y[32:]).mean() for lam in lambdas]
    assert choose_lambda(H, Y, lambdas) == lambdas[int(np.argmin(errors))]


def test_it_is_chosen_in_every_session_from_the_sessions_own_clips():
    method = taught(RanPAC(task_of(Z)), LABELS, in_classes(LABELS, 2))
    assert len(method.details["lambdas"]) == 2
    assert set(method.details["lambdas"]) <= set(LAMBDAS)


def test_features_are_of_projections_with_variance_1():
    method = RanPAC(task_of(Z, M=4096))
    assert np.square(method.features(Z)).mean() == pytest.approx(24 / 2, rel=0.1)  # |z|^2 = D, half is cut off


def test_a_lambda_that_rounding_swallows_does_no_harm():
    H = RanPAC(task_of(Z, M=256)).features(Z)  # G of rank 24 at most
    G, Y = H.T @ H, np.eye(4)[[int(label[1]) for label in LABELS]]
    assert np.allclose(H @ ridge(G, H.T @ Y, 1e-30), Y, atol=1e-3)


def test_a_single_clip_chooses_no_lambda_and_is_learned():
    assert taught(RanPAC(task_of(Z)), LABELS, [[0]]).call(clips_of(2)) == ["c0", "c0"]


def test_it_tells_its_classes_apart():
    assert taught(RanPAC(task_of(Z)), LABELS, in_classes(LABELS, 2)).call(clips_of(len(Z))) == LABELS
