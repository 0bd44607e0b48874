"""A checkpoint's classifier calls the same on a device, and one lesson counts for something beside it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.calibrate import calibrated, clip_weight, read_out_without_clips, weighed
from pace_edge.adapt.fit import fit_features
from pace_edge.adapt.starter import STARTER
from pace_edge.analytic import AnalyticClassifier
from pace_edge.errors import PaceEdgeError

M = 24


def features(n, *, seed=0, classes=3, views=1):
    """[n, V M] around a centre for each class, and their labels."""
    rng = np.random.default_rng(seed)
    centres = np.maximum(np.random.default_rng(99).standard_normal((classes, views * M)), 0)
    columns = np.arange(n) % classes
    return np.maximum(centres[columns] + 0.3 * rng.standard_normal((n, views * M)), 0), [f"c{c}" for c in columns]


def fitted(n, views=1) -> AnalyticClassifier:
    phi, labels = features(n, views=views)
    return fit_features(list(phi[:, None]), labels, gamma_relative=0.01, views=views)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=9))
def test_a_clip_weighs_at_most_one_and_the_median_class_at_most_forty_examples(counts):
    weight = clip_weight(np.array(counts, float))
    assert 0 < weight <= 1
    assert weight * np.median(counts) == pytest.approx(min(40, np.median(counts)))


@pytest.mark.parametrize("views", [1, 2])
def test_weighing_changes_no_score_and_how_strange_a_sound_is_by_one_factor(views):
    classifier, (phi, _) = fitted(600, views), features(20, seed=1, views=views)
    light = weighed(classifier, 0.2)
    assert np.abs(light.W - classifier.W).max() < 1e-9
    assert np.allclose(light.leverage(phi), 5 * classifier.leverage(phi))
    assert np.allclose(light.counts, 40)


def test_a_lesson_beside_large_classes_counts_as_beside_small_ones():
    new = np.maximum(np.random.default_rng(5).standard_normal(M), 0)
    own = []
    for classifier in (fitted(120), weighed(fitted(3000), clip_weight(np.full(3, 1000.0))), fitted(3000)):
        classifier.learn(new, "new")
        own.append(classifier.plain_scores(new)[-1])
    assert own[1] == pytest.approx(own[0], rel=0.2)
    assert own[2] < 0.5 * own[0]


def test_a_checkpoint_s_read_out_is_the_starter_s_with_the_power_for_normal_directions():
    classifier = fitted(60)
    ours = read_out_without_clips(classifier, 1.0)
    assert ours.power == 0.6 != STARTER.power
    assert (ours.own_share, ours.leverage_weight) == (STARTER.own_share, STARTER.leverage_weight)


@pytest.mark.parametrize("views", [1, 2])
def test_the_leverage_guessed_without_clips_is_that_of_unheard_ones(views):
    for n, weight in ((30, 1.0), (60, 0.2), (600, 0.2)):
        classifier = weighed(fitted(n, views), weight)
        measured = np.median(classifier.view_leverages(features(400, seed=2, views=views)[0]), 1)
        guessed = read_out_without_clips(classifier, weight).leverage_median
        assert guessed == pytest.approx(measured[0] if views == 1 else tuple(measured), rel=0.35)


def test_a_class_of_the_median_count_keeps_its_plain_score():
    classifier = fitted(90)
    assert read_out_without_clips(classifier, 1.0).class_scale(classifier.counts) == pytest.approx(1.0)


def test_the_threshold_keeps_95_percent_of_the_windows_called_right():
    classifier, (phi, labels) = fitted(90), features(200, seed=3)
    threshold, read_out = calibrated(classifier, phi, labels, read_out_without_clips(classifier, 1.0))
    assert read_out.leverage_median == np.median(classifier.leverage(phi))
    heard = [(read_out.best(classifier, row[None]), label) for row, label in zip(phi, labels, strict=True)]
    right = np.array([score for (called, score), label in heard if called == label])
    assert (right >= threshold - 1e-3).mean() == pytest.approx(0.95, abs=0.02)


def test_a_model_that_calls_nothing_right_cannot_be_calibrated():
    classifier, (phi, labels) = fitted(90), features(20, seed=3)
    with pytest.raises(PaceEdgeError, match=r"none of the held-out clips right.*--test-fold"):
        calibrated(classifier, phi, ["else" for _ in labels], replace(read_out_without_clips(classifier, 1.0)))
