"""The discriminant read-out is linear discriminant analysis of the clips, made of the statistics alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.analytic import AnalyticClassifier
from pace_edge.benchmark.learning import learn_and_test
from pace_edge.benchmark.methods import METHODS
from pace_edge.benchmark.methods.discriminant import discriminant_scores
from tests.adapt.small import write_clips
from tests.benchmark.small import sessions_in, task_of


def learned(phi, columns, gamma):
    classifier = AnalyticClassifier.empty(phi.shape[1], gamma=gamma)
    for row, column in zip(phi, columns, strict=True):
        classifier.learn(row, str(column))
    return classifier


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=5), st.floats(1e-3, 10), st.integers(0, 99))
def test_it_is_discriminant_analysis_with_the_shared_scatter_of_the_clips(sizes, gamma, seed):
    rng, columns = np.random.default_rng(seed), np.repeat(range(len(sizes)), sizes)
    phi, new = rng.standard_normal((len(columns), 12)), rng.standard_normal((7, 12))
    means = np.array([phi[columns == c].mean(0) for c in range(len(sizes))])
    within = phi - means[columns]
    S = within.T @ within + gamma * np.eye(12)
    w = np.linalg.solve(S, means.T)
    expected = new @ w - np.einsum("cm,mc->c", means, w) / 2
    scores = discriminant_scores(learned(phi, columns, gamma), new)
    assert np.abs(scores - expected).max() <= 1e-6 * max(1.0, np.abs(expected).max())


def test_a_class_between_two_others_is_not_hidden():
    rng = np.random.default_rng(0)
    columns = np.repeat([0, 1, 2], 50)  # in a row: regression on indicators never calls the middle one
    phi = np.column_stack([columns - 1 + 0.05 * rng.standard_normal(150), np.ones(150)])
    classifier = learned(phi, columns, 1e-3)
    plain = classifier.plain_scores(phi).argmax(1)
    assert (plain[columns == 1] == 1).mean() < 0.6
    assert (discriminant_scores(classifier, phi).argmax(1) == columns).all()


def test_the_method_is_pace_and_calls_by_these_scores_and_no_others(tmp_path):
    clips = write_clips(tmp_path, classes=4, per_class=6)
    method, plain = (METHODS[name].make(task_of()) for name in ("PACE, discriminant", "PACE"))
    assert method.pace.settings == plain.pace.settings
    for one in (method, plain):
        learn_and_test(one, sessions_in(clips))
    classifier = method.pace.classifier
    phi = method.pace.projection(np.random.default_rng(0).standard_normal((400, 24)))
    expected = discriminant_scores(classifier, phi)
    assert (expected.argmax(1) != classifier.plain_scores(phi).argmax(1)).any()  # else this would prove nothing
    assert np.array_equal(method._read(classifier, phi), expected)
    assert np.array_equal(plain._read(classifier, phi), classifier.plain_scores(phi))
    scores = method._read(classifier, method.pace.projection(method.pace.embed(clips).numpy()))
    assert method.call(clips) == [classifier.labels[c] for c in scores.argmax(1)]
