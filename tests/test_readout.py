"""Few examples win where they should, one example does not claim everything, and the paper's read-out is an option."""

import numpy as np
import pytest

from pace_edge.analytic import AnalyticClassifier
from pace_edge.readout import ReadOut

M = 12
PRODUCT = ReadOut(power=0.75, reference=40.0, own_share=1 / 3, leverage_weight=0.1, leverage_median=0.5)
PLAIN = ReadOut(power=0.0, reference=1.0, own_share=0.0, leverage_weight=0.0, leverage_median=1.0)


@pytest.fixture
def few_and_many():
    """Forty examples of one class and one of another that is not far from it: (classifier, few, many)."""
    rng, classifier = np.random.default_rng(0), AnalyticClassifier.empty(M, gamma=20.0)
    few, many = np.eye(M)[0] + 0.5, np.eye(M)[1] + 0.5
    for _ in range(40):
        classifier.learn(many + 0.2 * rng.standard_normal(M), "many")
    classifier.learn(few, "few")
    return classifier, few, many


def test_a_class_with_one_example_wins_its_own_sound_and_only_that(few_and_many):
    classifier, few, many = few_and_many
    assert PLAIN.best(classifier, few[None])[0] == "many"
    assert PRODUCT.best(classifier, few[None])[0] == "few"
    assert PRODUCT.best(classifier, many[None])[0] == "many"


def test_the_plain_read_out_is_the_largest_ridge_score(few_and_many):
    classifier, few, many = few_and_many
    for phi in (few, many):
        plain = classifier.plain_scores(phi)
        label, score = PLAIN.best(classifier, phi[None])
        assert label == classifier.labels[int(plain.argmax())]
        assert score == pytest.approx(np.clip(plain.max(), 0, 1))


def test_the_likeness_to_its_own_examples_holds_back_a_class_of_one(few_and_many):
    classifier, few, _ = few_and_many
    alone = ReadOut(power=0.75, reference=40.0, own_share=0.0, leverage_weight=0.0, leverage_median=1.0)
    shared = ReadOut(power=0.75, reference=40.0, own_share=0.5, leverage_weight=0.0, leverage_median=1.0)
    faint = 0.1 * few
    assert shared.best(classifier, faint[None])[1] < alone.best(classifier, faint[None])[1]


def test_what_is_unlike_every_example_is_less_sure(few_and_many):
    classifier, _, many = few_and_many
    heedless = ReadOut(power=0.75, reference=40.0, own_share=1 / 3, leverage_weight=0.0, leverage_median=0.5)
    strange = many / 2 + np.eye(M)[7]
    assert PRODUCT.best(classifier, strange[None])[1] < heedless.best(classifier, strange[None])[1]


def test_the_confidence_stays_between_0_and_1(few_and_many):
    classifier, few, many = few_and_many
    for phi in (0 * few, 100 * few, -many, 100 * np.eye(M)[5]):
        assert 0.0 <= PRODUCT.best(classifier, phi[None])[1] <= 1.0


def test_an_empty_class_never_wins(few_and_many):
    classifier, few, _ = few_and_many
    classifier.add_class("empty")
    assert PRODUCT.best(classifier, few[None])[0] == "few"
    assert PRODUCT.scores(classifier, few)[classifier.labels.index("empty")] == 0.0


def test_windows_of_one_sound_are_named_together(few_and_many):
    classifier, few, many = few_and_many
    assert PRODUCT.best(classifier, np.stack([many, many, few]))[0] == "many"


def test_every_class_has_a_confidence_and_the_winner_s_is_the_one_that_is_told(few_and_many):
    classifier, few, many = few_and_many
    for phi in (few, many, few + many):
        reading = PRODUCT.read(classifier, phi[None])
        label, confidence = PRODUCT.best(classifier, phi[None])
        assert (classifier.labels[reading.winner], reading.confidences[reading.winner]) == (label, confidence)
        assert reading.confidences.shape == (2,)
    assert PRODUCT.read(classifier, (few + many)[None]).confidences.min() > 0  # both are there


def test_strangeness_is_the_leverage_in_units_of_what_is_usual(few_and_many):
    classifier, _, many = few_and_many
    strange = many / 2 + np.eye(M)[7]
    assert PRODUCT.read(classifier, strange[None]).strangeness == pytest.approx(classifier.leverage(strange) / 0.5)
