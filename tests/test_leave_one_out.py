"""Leaving an example out in closed form is learning without it."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from pace_edge import leave_one_out as module
from pace_edge.analytic import AnalyticClassifier
from pace_edge.leave_one_out import leave_one_out, left_out
from pace_edge.readout import ReadOut
from tests.synthetic import READ_OUT

M = 16
WEIGHING = {
    views: replace(READ_OUT, gains=(0.1, 0.08)[:views], spreads=(0.1, 0.15)[:views], restraint=0.6, floor=0.3)
    for views in (1, 2)
}


def example(label, seed, views=1):
    centre = 0.6 * np.random.default_rng(sum(label.encode())).random(views * M)
    return np.maximum(centre + np.random.default_rng(seed).standard_normal((1 + seed % 3, views * M)), 0)


def taught_examples(views):
    seeds = [(label, seed) for label in "abc" for seed in range(4)] + [("d", 0)]
    return [(example(label, seed, views), label) for label, seed in seeds]


def empty(views):
    return AnalyticClassifier.empty(M, gamma=[0.1, 0.4][:views], views=views)


@pytest.mark.parametrize("weighing", [False, True])
@pytest.mark.parametrize("batch", [1, 256])
@pytest.mark.parametrize("views", [1, 2])
def test_it_is_what_a_classifier_without_the_example_says(monkeypatch, batch, views, weighing):
    read_out: ReadOut = WEIGHING[views] if weighing else READ_OUT
    monkeypatch.setattr(module, "BATCH", batch)
    taught, classifier = taught_examples(views), empty(views)
    classifier.learn_all(taught)
    found = list(leave_one_out(classifier, read_out, taught))
    for i, left in enumerate(found):
        without = empty(views)
        without.learn_all(taught[:i] + taught[i + 1 :])
        label, score = read_out.best(without, taught[i][0])
        assert left.label == label
        assert left.score == pytest.approx(score, abs=1e-9)
        assert left.leverage == pytest.approx(without.leverage(taught[i][0]).mean())
    assert [left.alone for left in found] == [False] * 12 + [True]
    assert {left.label == label for left, (_, label) in zip(found[:12], taught, strict=False)} == {True, False}


@pytest.mark.parametrize("views", [1, 2])
def test_each_view_is_what_it_says_without_the_example(views):
    taught, classifier = taught_examples(views), empty(views)
    classifier.learn_all(taught)
    for i, left in enumerate(left_out(classifier, taught)):
        phi, label = taught[i]
        without = deepcopy(classifier)
        without.unlearn(phi, label)
        assert classifier.labels[left.column] == label
        assert np.allclose(left.counts, without.counts)
        assert left.view_scores.shape == (views, len(phi), 4)
        assert np.abs(left.view_scores - without.view_scores(phi)).max() < 1e-9
        assert np.abs(left.own_view_scores - without.own_view_scores()).max() < 1e-9
        assert np.abs(left.deviations - without.deviations()).max() < 1e-9
        assert np.allclose(left.view_leverages, without.view_leverages(phi).mean(1))
