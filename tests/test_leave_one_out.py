"""Leaving an example out in closed form is learning without it."""

import numpy as np
import pytest

from pace_edge import leave_one_out as module
from pace_edge.analytic import AnalyticClassifier
from pace_edge.leave_one_out import leave_one_out
from tests.synthetic import READ_OUT

M = 16


def example(label, seed):
    centre = 0.6 * np.random.default_rng(sum(label.encode())).random(M)
    return np.maximum(centre + np.random.default_rng(seed).standard_normal((1 + seed % 3, M)), 0)


@pytest.mark.parametrize("batch", [1, 256])
def test_it_is_what_a_classifier_without_the_example_says(monkeypatch, batch):
    monkeypatch.setattr(module, "BATCH", batch)
    taught = [(example(label, seed), label) for label in "abc" for seed in range(4)] + [(example("d", 0), "d")]
    classifier = AnalyticClassifier.empty(M, gamma=0.1)
    classifier.learn_all(taught)
    found = list(leave_one_out(classifier, READ_OUT, taught))
    for i, left in enumerate(found):
        without = AnalyticClassifier.empty(M, gamma=0.1)
        without.learn_all(taught[:i] + taught[i + 1 :])
        label, score = READ_OUT.best(without, taught[i][0])
        assert left.label == label
        assert left.score == pytest.approx(score, abs=1e-9)
        assert left.leverage == pytest.approx(without.leverage(taught[i][0]).mean())
    assert [left.alone for left in found] == [False] * 12 + [True]
    assert {left.label == label for left, (_, label) in zip(found[:12], taught, strict=False)} == {True, False}
