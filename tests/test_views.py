"""Several exact solutions side by side: each is what it would be alone, and a change is made in all of them or in
none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.analytic import AnalyticClassifier
from pace_edge.errors import LearningError
from pace_edge.ridge import SOLVE_FROM

M, V, GAMMA = 12, 3, (0.05, 0.4, 2.0)


def example(seed, n_windows=1):
    return np.maximum(np.random.default_rng(seed).standard_normal((n_windows, V * M)), 0.0)


def empty():
    return AnalyticClassifier.empty(M, gamma=GAMMA, views=V)


def taught(n=9):
    classifier = empty()
    classifier.learn_all([(example(i, 2), "ab"[i % 2]) for i in range(n)])
    return classifier


def state(classifier):
    parts = (classifier.W, classifier.R, classifier.G, classifier.Q, classifier.counts, classifier.squares)
    return [np.copy(part) for part in parts]


def difference(ours, theirs):
    assert [a.shape for a in ours] == [b.shape for b in theirs]
    return max(np.abs(a - b).max(initial=0.0) for a, b in zip(ours, theirs, strict=True))


changes = st.lists(
    st.tuples(
        st.sampled_from(["learn", "learn", "many", "unlearn", "relabel", "move", "sums", "arrange", "fold"]),
        st.sampled_from("abc"),
        st.integers(0, 9),
    ),
    max_size=20,
)


def apply(change, classifier, part, known):
    """One change, of the features that `part` leaves of an example; `known`: (seed, label) that it has learned then."""
    action, label, seed = change
    if action == "learn":
        classifier.learn(part(example(seed, 2)), label)
        return [*known, (seed, label)]
    if action == "many":
        seeds = range(seed, seed + SOLVE_FROM)
        classifier.learn_all([(part(example(s, 2)), label) for s in seeds])
        return [*known, *((s, label) for s in seeds)]
    if action == "sums":
        other = AnalyticClassifier.empty(M, gamma=1.0, views=len(classifier.views))
        other.learn(part(example(seed, 2)), label)
        other.fold()
        classifier.add_sums(other.G, other.Q, other.counts, other.labels, squares=other.squares)
        return [*known, (seed, label)]
    if action == "fold":
        classifier.fold()
    elif action == "arrange":
        classifier.arrange(sorted(classifier.labels))
    elif known:
        seed, old = known[seed % len(known)]
        rest = list(known)
        rest.remove((seed, old))
        if action == "unlearn":
            classifier.unlearn(part(example(seed, 2)), old)
            return rest
        if action == "relabel":
            classifier.relabel(part(example(seed, 2)), old, label)
        else:
            classifier.move(part(example(seed, 2)).mean(0), 1.0, old=old, new=label)
        return [*rest, (seed, label)]
    return known


@settings(deadline=None, max_examples=40)
@given(changes)
def test_each_view_is_what_it_would_be_alone(sequence):
    whole, known = empty(), []
    alone = [AnalyticClassifier.empty(M, gamma=gamma) for gamma in GAMMA]
    for change in sequence:
        for v, one in enumerate(alone):
            apply(change, one, lambda phi, v=v: phi[..., v * M : (v + 1) * M], known)
        known = apply(change, whole, lambda phi: phi, known)
    for v, one in enumerate(alone):
        assert one.labels == whole.labels
        assert np.allclose(one.counts, whole.counts)
        assert np.allclose(one.squares[0], whole.squares[v])
        assert np.abs(one.W - whole.views[v].W).max(initial=0.0) < 1e-9
        assert np.abs(one.R - whole.R[v]).max() < 1e-9
        phi = example(99, 4)
        own = whole.blocks(phi)[v]
        assert np.abs(one.plain_scores(own) - whole.view_scores(phi)[v]).max(initial=0.0) < 1e-9
        assert np.abs(one.own_scores() - whole.own_view_scores()[v]).max(initial=0.0) < 1e-9
        assert np.abs(one.leverage(own) - whole.view_leverages(phi)[v]).max() < 1e-9


def test_scores_and_leverage_are_the_views_mean():
    classifier, phi = taught(), example(20, 4)
    assert np.allclose(classifier.plain_scores(phi), phi @ classifier.W / V)
    assert np.allclose(classifier.plain_scores(phi), classifier.view_scores(phi).mean(0))
    assert np.allclose(classifier.own_scores(), classifier.own_view_scores().mean(0))
    assert np.allclose(classifier.leverage(phi), classifier.view_leverages(phi).mean(0))
    assert classifier.view_scores(phi).shape == (V, 4, 2)
    assert classifier.view_leverages(phi[0]).shape == (V,)
    assert classifier.plain_scores(phi[0]).shape == (2,)


def test_shapes_say_how_many_views_there_are():
    one, several = AnalyticClassifier.empty(M, gamma=0.5), taught()
    assert (one.G.shape, one.R.shape, one.W.shape, one.gamma) == ((M, M), (M, M), (M, 0), 0.5)
    assert (several.G.shape, several.R.shape) == ((V, M, M), (V, M, M))
    assert (several.W.shape, several.Q.shape, several.gamma) == ((V * M, 2), (V * M, 2), GAMMA)
    assert (one.width, several.width) == (M, V * M)


@pytest.mark.parametrize(
    ("G", "Q", "gamma"),
    [
        (np.zeros((2, M, M)), np.zeros((M, 1)), 0.1),
        (np.zeros((M, M)), np.zeros((2 * M, 1)), 0.1),
        (np.zeros((2, M, M)), np.zeros((2 * M, 1)), [0.1]),
        (np.zeros((2, M, M)), np.zeros((2 * M, 1)), [0.1, 0.1, 0.1]),
        (np.zeros(M), np.zeros((M, 1)), 0.1),
        (np.zeros((1, 2, M, M)), np.zeros((2 * M, 1)), 0.1),
        (np.zeros((0, M, M)), np.zeros((0, 1)), 0.1),
    ],
)
def test_sums_and_gammas_of_different_views_make_no_classifier(G, Q, gamma):
    with pytest.raises(ValueError, match=r"view"):
        AnalyticClassifier(G, Q, np.zeros(1), ["a"], gamma)


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_a_lesson_that_is_taken_back_leaves_what_there_was(weight):
    classifier = taught()
    before = state(classifier)
    classifier.learn(example(30, 3), "a", weight)
    classifier.unlearn(example(30, 3), "a", weight)
    assert difference(state(classifier), before) < 1e-9


def unlike(view, n_windows):
    """What the classifier learned, but in one view, which sees what it never saw."""
    rows = np.tile(example(0, 2), (n_windows, 1))[:n_windows]
    rows[-1, view * M : (view + 1) * M] *= 100.0
    return rows


@pytest.mark.parametrize("view", range(V))
@pytest.mark.parametrize("n_windows", [1, 2, SOLVE_FROM + 10])
def test_an_example_that_one_view_cannot_take_back_stays_in_all(view, n_windows):
    classifier = taught()
    classifier.fold()
    before, labels = state(classifier), list(classifier.labels)
    with pytest.raises(LearningError, match="Nothing was changed"):
        classifier.unlearn(unlike(view, n_windows), "a")
    assert classifier.labels == labels
    assert difference(state(classifier), before) < 1e-9
    classifier.learn(example(31), "b")  # and it goes on learning
    classifier.unlearn(example(31), "b")
    assert difference(state(classifier), before) < 1e-9


@pytest.mark.parametrize("view", range(V))
def test_sums_that_one_view_cannot_take_change_none(view):
    classifier, bad = taught(), np.zeros((V, M, M))
    classifier.fold()
    before = state(classifier)
    for harm in (-100 * np.eye(M), np.triu(np.ones((M, M)))):
        bad[view] = harm
        with pytest.raises(LearningError, match="Nothing was changed"):
            classifier.add_sums(bad, np.zeros((V * M, 1)), np.ones(1), ["c"])
    assert classifier.labels == ["a", "b"]
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(state(classifier), before, strict=True))


def test_statistics_that_were_kept_come_back_and_a_broken_R_heals_in_its_view():
    classifier = taught()
    classifier.fold()
    G, Q, R = classifier.G, classifier.Q, classifier.R.copy()
    for broken in (False, True):
        R[1, 2, 2] *= 1.5 if broken else 1.0
        again = AnalyticClassifier.restored(
            G, Q, R, classifier.counts, classifier.labels, classifier.gamma, squares=classifier.squares
        )
        assert difference(state(again), state(classifier)) < 1e-9


def test_features_of_another_width_change_nothing():
    classifier = taught()
    before = classifier.W
    with pytest.raises(LearningError, match=f"{V * M} a window"):
        classifier.learn(np.ones(M), "a")
    assert np.array_equal(classifier.W, before)
