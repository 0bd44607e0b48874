"""SLDA is the paper's recursion, LDA on the batch where it begins, and its means know no order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.benchmark.methods.slda import EPSILON, StreamingLDA, oas
from tests.benchmark.methods.features import D, clips_of, in_classes, labelled, task_of, taught

Z, LABELS = labelled()
X = Z.astype(np.float64) * D**0.5  # at unit variance
ROWS = {label: np.flatnonzero(np.array(LABELS) == label) for label in set(LABELS)}


def learned(groups):
    return taught(StreamingLDA(task_of(Z)), LABELS, groups)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), per_session=st.integers(1, 4))
def test_means_are_those_of_the_batch_in_any_order_and_split(seed, per_session):
    slda = learned(in_classes(LABELS, per_session, rng=np.random.default_rng(seed)))
    for mean, count, label in zip(slda.mu, slda.c, slda.labels, strict=True):
        assert count == 6
        assert np.allclose(mean, X[ROWS[label]].mean(0), rtol=0, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99))
def test_in_one_session_it_is_lda_on_the_batch_in_any_order(seed):
    slda = learned([list(np.random.default_rng(seed).permutation(len(Z)))])
    means = np.stack([X[ROWS[label]].mean(0) for label in slda.labels])
    centred = X - means[[slda.labels.index(label) for label in LABELS]]
    Lambda = np.linalg.inv((1 - EPSILON) * oas(centred) + EPSILON * np.eye(D))
    distance = np.einsum("nkd,de,nke->nk", X[:, None] - means, Lambda, X[:, None] - means)
    scores = slda.scores(X)
    assert np.allclose(np.diff(scores, axis=1), -0.5 * np.diff(distance, axis=1), rtol=1e-6, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99))
def test_later_sessions_are_the_papers_recursion(seed):
    first, *others = in_classes(LABELS, 1, rng=np.random.default_rng(seed))
    slda, Sigma, t = learned([first, *others]), learned([first]).Sigma, len(first)
    for rows in others:
        mu, c = np.zeros(D), 0
        for i in rows:  # Delta = t (z - mu)(z - mu)' / (t + 1); Sigma = (t Sigma + Delta) / (t + 1)
            Sigma = (t * Sigma + t * np.outer(X[i] - mu, X[i] - mu) / (t + 1)) / (t + 1)
            mu, c, t = (c * mu + X[i]) / (c + 1), c + 1, t + 1
    assert np.allclose(slda.Sigma, Sigma, rtol=0, atol=1e-9)


def test_the_shrunk_covariance_is_scikit_learns():
    covariance = pytest.importorskip("sklearn.covariance")
    for n in (3, 24):
        expected = covariance.OAS(assume_centered=True).fit(X[:n]).covariance_
        assert np.allclose(oas(X[:n]), expected, rtol=1e-9)


def test_clips_that_do_not_differ_leave_a_covariance_that_can_be_inverted():
    same = task_of(np.repeat(Z[:1], 4, 0))
    slda = taught(StreamingLDA(same), ["a", "a", "b", "b"], [[0, 1, 2, 3]])
    assert set(slda.call(clips_of(4))) <= {"a", "b"}


def test_it_tells_its_classes_apart():
    assert learned(in_classes(LABELS, 2)).call(clips_of(len(Z))) == LABELS
