"""The benchmark's own arithmetic is what its docstrings say. Skipped where the `bench` extra is not installed."""

from pathlib import Path

import numpy as np
import pytest

from pace_edge.adapt.data import Clip
from pace_edge.analytic import AnalyticClassifier

pytest.importorskip("sklearn")

from benchmarks.few_shots import EVEN_COUNT, EVEN_NOISE, evened
from benchmarks.open_set import measured
from benchmarks.opponents import OPPONENTS, rotated
from benchmarks.shots_data import few_of_each


def test_the_noise_of_a_class_is_its_score_on_the_other_classes_examples():
    rng, classifier = np.random.default_rng(0), AnalyticClassifier.empty(8, gamma=0.5)
    sounds, times = np.abs(rng.standard_normal((3, 8))), (4, 2, 1)
    for label, phi, count in zip("abc", sounds, times, strict=True):
        for _ in range(count):
            classifier.learn(phi, label)
    plain = classifier.plain_scores(sounds)  # [sounds, classes]; a class's examples are all the same
    others = [[k for k in range(3) if k != c] for c in range(3)]
    noise = [np.sqrt(np.average(plain[o, c] ** 2, weights=[times[k] for k in o])) for c, o in enumerate(others)]
    expected = plain / (np.array(noise) ** EVEN_NOISE * np.array(times) ** EVEN_COUNT)
    assert evened(classifier, sounds) == pytest.approx(expected)


def test_a_linear_opponent_is_the_same_in_the_space_of_its_training_clips():
    rng = np.random.default_rng(1)
    train, test = rng.standard_normal((12, 40)), rng.standard_normal((5, 40))
    labels = np.repeat(["a", "b", "c"], 4)
    short_train, short_test = rotated(train, test)
    assert short_train.shape[1] <= 12
    assert short_test @ short_train.T == pytest.approx(test @ train.T)
    model = OPPONENTS["logistic regression"].make(0.1).set_params(tol=1e-8)
    whole = model.fit(train, labels).decision_function(test)
    assert model.fit(short_train, labels).decision_function(short_test) == pytest.approx(whole, abs=1e-4)


def test_clips_are_chosen_by_their_names_and_not_by_their_order():
    clips = [Clip(Path(f"{i}.wav"), "ab"[i % 2], 1 + i % 3, "") for i in range(60)]
    chosen = few_of_each(clips, 4)
    assert len(chosen) == 2 * 3 * 4
    assert set(few_of_each(clips[::-1], 4)) == set(chosen)
    assert [clip for clip in clips if clip in chosen] == chosen


def test_an_unknown_sound_that_is_called_background_is_never_announced():
    known = (np.array(["dog"] * 20), np.linspace(0.5, 1.0, 20))
    loud, truth = np.full(4, 2.0), known[0]
    auroc, an_hour, threshold = measured(known, truth, (np.array(["background"] * 4), loud), ("background",))
    assert (auroc, an_hour) == (1.0, 0.0)
    assert measured(known, truth, (np.array(["dog"] * 4), loud), ("background",))[:2] == (0.0, 7200.0)
    assert (known[1] < threshold).mean() == pytest.approx(0.05)
