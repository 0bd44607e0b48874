"""The discriminant read-out is linear discriminant analysis of the clips, made of the statistics alone; clips left out
say whether it pays."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.analytic import AnalyticClassifier
from pace_edge.benchmark.learning import learn_and_test
from pace_edge.benchmark.methods import METHODS
from pace_edge.benchmark.methods.discriminant import LeftOut, discriminant_scores
from pace_edge.benchmark.methods.pace import PaceMethod, PaceReadOutChosen
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


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=2, max_size=4), st.floats(1e-2, 10), st.integers(0, 99))
def test_what_is_left_out_is_called_as_by_a_classifier_that_never_learned_it(sizes, gamma, seed):
    rng, columns = np.random.default_rng(seed), np.repeat(range(len(sizes)), sizes)
    phi = rng.standard_normal((len(columns), 6)) + 0.3 * columns[:, None]
    found, expected = LeftOut(), LeftOut()
    found.add(learned(phi, columns, gamma), phi, columns)
    for i in np.flatnonzero(np.array(sizes)[columns] > 1):
        others = np.arange(len(columns)) != i
        without = learned(phi[others], columns[others], gamma)
        c = without.labels.index(str(columns[i]))
        plain = without.plain_scores(phi[i : i + 1]).argmax() == c
        discriminant = discriminant_scores(without, phi[i : i + 1]).argmax() == c
        expected.plain_alone += bool(plain and not discriminant)
        expected.discriminant_alone += bool(discriminant and not plain)
    assert found == expected


def test_the_discriminant_must_be_ahead():
    assert LeftOut(plain_alone=3, discriminant_alone=4).prefers_discriminant()
    assert not LeftOut(plain_alone=3, discriminant_alone=3).prefers_discriminant()
    assert not LeftOut(plain_alone=4, discriminant_alone=3).prefers_discriminant()


def task_at(clips, points):
    """A task whose clips' embeddings [24] lie about their classes' points."""
    rng, labels = np.random.default_rng(0), sorted({clip.label for clip in clips})
    at = {clip.path: points[labels.index(clip.label)] + 0.02 * rng.standard_normal(24) for clip in clips}
    at = {path: (z / np.linalg.norm(z)).astype(np.float32) for path, z in at.items()}
    return replace(task_of(), embed=lambda asked: np.stack([at[clip.path] for clip in asked]), classes=6, M=16)


def kept_frozen(task):
    return {"adapt_from": 1e9}


def test_the_read_out_is_the_discriminant_where_classes_mask_each_other_and_else_the_plain_one(tmp_path):
    clips, angles = write_clips(tmp_path, classes=6, per_class=10), 0.2 * np.arange(6)[:, None]
    arc = np.cos(angles) * np.eye(24)[0] + np.sin(angles) * np.eye(24)[1]
    for points, masked in ((arc, True), (np.eye(24)[:6], False)):
        task = task_at(clips, points)
        chosen, plain, discriminant = (
            PaceReadOutChosen(task, kept_frozen), PaceMethod(task, kept_frozen),
            PaceMethod(task, kept_frozen, discriminant_scores),
        )  # fmt: skip
        last = [learn_and_test(one, sessions_in(clips)).accuracies[-1] for one in (chosen, plain, discriminant)]
        assert (chosen._read is discriminant_scores) == masked
        assert last[0] == last[2] == 1.0 and (last[1] < 0.6) == masked


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
