"""The classifier is exact: whatever the order of changes, it equals ridge regression on what is left."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge import inverse, ridge
from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.errors import LearningError

M, GAMMA = 12, 0.05
GAMMAS = {1: GAMMA, 2: (GAMMA, 0.4)}  # by the number of views
either = pytest.mark.parametrize("views", [1, 2])


def batch_solution(examples, labels, views=1):
    """W of ridge regression in each view, by its textbook formula, from [(rows, label, weight)]."""
    each = []
    for view, gamma in enumerate(np.broadcast_to(GAMMAS[views], views)):
        G, Q = gamma * np.eye(M), np.zeros((M, len(labels)))
        for rows, label, weight in examples:
            for row in rows[:, view * M : (view + 1) * M]:
                G += weight / len(rows) * np.outer(row, row)
                Q[:, labels.index(label)] += weight / len(rows) * row
        each.append(np.linalg.solve(G, Q))
    return np.concatenate(each)


def example(seed, n_windows, views=1):
    return np.maximum(np.random.default_rng(seed).standard_normal((n_windows, views * M)), 0.0)


def empty(views):
    return AnalyticClassifier.empty(M, gamma=GAMMAS[views], views=views)


changes = st.lists(
    st.tuples(
        st.sampled_from(["learn", "learn", "learn", "unlearn", "relabel", "fold"]),
        st.sampled_from("abcd"),
        st.integers(0, 5),  # few seeds: the same example comes again and again
        st.integers(1, 3),
        st.sampled_from([0.5, 1.0, 2.0]),
    ),
    max_size=60,
)


@either
@settings(deadline=None, max_examples=150)
@given(changes)
def test_any_order_of_changes_equals_the_batch_solution(views, sequence):
    classifier, known = empty(views), []
    for action, label, seed, n_windows, weight in sequence:
        if action == "learn":
            rows = example(seed, n_windows, views)
            classifier.learn(rows, label, weight)
            known.append((rows, label, weight))
        elif action == "unlearn" and known:
            rows, old, old_weight = known.pop(seed % len(known))
            classifier.unlearn(rows, old, old_weight)
        elif action == "relabel" and known:
            rows, old, old_weight = known.pop(seed % len(known))
            classifier.relabel(rows, old, label, old_weight)
            known.append((rows, label, old_weight))
        elif action == "fold":
            classifier.fold()
        expected = batch_solution(known, classifier.labels, views)
        assert np.abs(classifier.W - expected).max(initial=0.0) < 1e-8
    counts = [sum(w for _, name, w in known if name == label) for label in classifier.labels]
    assert np.allclose(classifier.counts, counts)
    for view in classifier.views:
        assert np.abs(view.R - np.linalg.inv(view.G + view.gamma * np.eye(M))).max() < 1e-8


@either
def test_thousands_of_labels_stay_exact_through_folds_and_rebuilds(views):
    classifier, known = AnalyticClassifier.empty(M, gamma=1e-3, views=views), []
    for i in range(2 * ridge.REBUILD_EVERY + 3 * inverse.THIN + 7):
        rows, label = example(i, 1, views), "abc"[i % 3]
        classifier.learn(rows, label)
        known.append(rows[0])
    Y = np.eye(3)[np.arange(len(known)) % 3]
    for Phi, view in zip(classifier.blocks(np.array(known)), classifier.views, strict=True):
        expected = np.linalg.solve(Phi.T @ Phi + 1e-3 * np.eye(M), Phi.T @ Y)
        assert np.abs(view.W - expected).max() < 1e-8


@either
def test_many_windows_at_once_equal_as_many_single_ones(views):
    rows = example(0, ridge.SOLVE_FROM + 8, views)
    at_once, one_by_one = (empty(views) for _ in range(2))
    at_once.learn(rows, "a", 6.0)
    for row in rows:
        one_by_one.learn(row, "a", 6.0 / len(rows))
    assert np.abs(at_once.W - one_by_one.W).max() < 1e-10
    assert at_once.counts == pytest.approx(one_by_one.counts)


@either
def test_many_examples_at_once_equal_one_after_another(views):
    examples = [(example(i, 3, views), "abc"[i % 3]) for i in range(40)]
    at_once, one_by_one = (empty(views) for _ in range(2))
    at_once.learn_all(examples)
    for rows, label in examples:
        one_by_one.learn(rows, label)
    assert np.abs(at_once.W - one_by_one.W).max() < 1e-10
    assert np.allclose(at_once.counts, one_by_one.counts)


def test_windows_of_one_clip_count_as_one_example():
    classifier = AnalyticClassifier.empty(M, gamma=GAMMA)
    classifier.learn(example(1, 5), "a")
    assert classifier.counts.tolist() == [1.0]


@either
def test_unlearning_the_only_example_leaves_nothing_of_it(views):
    classifier = empty(views)
    classifier.learn(example(2, 2, views), "a")
    classifier.unlearn(example(2, 2, views), "a")
    assert np.abs(classifier.W).max() < 1e-12
    for view in classifier.views:
        assert np.abs(view.R - np.eye(M) / view.gamma).max() < 1e-8


taught = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 99), st.integers(1, 3)), max_size=12)


@either
@settings(deadline=None)
@given(taught, taught)
def test_the_sums_of_two_classifiers_give_the_classifier_of_all_examples(views, ours, theirs):
    one, other = (AnalyticClassifier.empty(M, gamma=g, views=views) for g in (GAMMAS[views], 7.0))
    for classifier, examples in ((one, ours), (other, theirs)):
        for label, seed, n_windows in examples:
            classifier.learn(example(seed, n_windows, views), label)
    other.fold()
    one.add_sums(other.G, other.Q, other.counts, other.labels)
    one.learn(example(100, 2, views), "a")  # and it goes on learning
    all_taught = [*ours, *theirs, ("a", 100, 2)]
    everything = [(example(seed, n_windows, views), label, 1.0) for label, seed, n_windows in all_taught]
    assert one.labels == list(dict.fromkeys(label for _, label, _ in everything))
    assert np.abs(one.W - batch_solution(everything, one.labels, views)).max() < 1e-8
    assert one.counts == pytest.approx([sum(name == label for _, name, _ in everything) for label in one.labels])
    assert one.gamma == GAMMAS[views]


def sums(*, G=None, Q=None, counts=(1.0, 1.0), labels="ab"):
    rows = np.concatenate([example(0, 1), example(1, 1)])
    return (rows.T @ rows if G is None else G), (rows.T if Q is None else Q), np.array(counts), list(labels)


def test_a_count_that_rounding_left_below_zero_is_no_reason_to_refuse_sums():
    classifier = AnalyticClassifier.empty(M, gamma=GAMMA)
    classifier.add_sums(*sums(counts=[2.0, 0.3 - 0.1 - 0.2]))
    assert classifier.counts == pytest.approx([2.0, 0.0])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (sums(G=np.eye(M + 1)), r"do not fit .* got G \(13, 13\)"),
        (sums(Q=np.zeros((M, 3))), r"do not fit .* got .*Q \(12, 3\)"),
        (sums(counts=[1.0]), r"do not fit .* got .*counts \(1,\)"),
        (sums(labels="aa"), "expected .*2 different labels, got .* and 1"),
        (sums(G=np.full((M, M), np.inf)), "not those of examples: expected finite"),
        (sums(Q=np.full((M, 2), np.nan)), "not those of examples: expected finite"),
        (sums(G=np.triu(np.ones((M, M)))), "not those of examples: .* a symmetric G"),
        (sums(counts=[2.0, -1.0]), "not those of examples: .* counts from 0"),
        (sums(G=-np.eye(M)), "not those of examples: expected a G without negative directions"),
    ],
)
def test_sums_that_cannot_be_of_examples_change_nothing(bad, message):
    classifier = AnalyticClassifier.empty(M, gamma=GAMMA)
    classifier.learn(example(2, 1), "c")
    classifier.fold()
    before = {name: np.copy(getattr(classifier, name)) for name in ("G", "Q", "counts", "labels", "W", "R")}
    with pytest.raises(LearningError, match=message + ".*Nothing was changed"):
        classifier.add_sums(*bad)
    assert all(np.array_equal(getattr(classifier, name), value) for name, value in before.items())


@pytest.mark.parametrize("label", ["a", "b"])
def test_what_was_never_learned_cannot_be_taken_back_and_changes_nothing(label):
    classifier = AnalyticClassifier.empty(M, gamma=1e-9)
    classifier.learn(example(3, 1), "a", 5.0)
    before = classifier.W.copy()
    with pytest.raises(LearningError, match="Nothing was changed"):
        classifier.unlearn(100 * example(4, 1), label)
    assert np.array_equal(classifier.W, before)
    assert classifier.counts.tolist() == [5.0]


def test_an_example_of_which_one_window_cannot_be_taken_back_stays_whole():
    classifier = AnalyticClassifier.empty(M, gamma=GAMMA)
    rows = example(3, 2)
    classifier.learn(rows, "a", 5.0)
    W, R = classifier.W.copy(), classifier.R.copy()
    with pytest.raises(LearningError, match="Nothing was changed"):
        classifier.unlearn(np.stack([rows[0], 100 * example(4, 1)[0]]), "a")
    assert np.abs(classifier.W - W).max() < 1e-8
    assert np.abs(classifier.R - R).max() < 1e-8
    assert classifier.counts.tolist() == [5.0]


def test_features_that_are_not_finite_or_of_another_width_change_nothing():
    classifier = AnalyticClassifier.empty(M, gamma=GAMMA)
    classifier.learn(example(5, 1), "a")
    before = classifier.W.copy()
    for bad in (np.full(M, np.nan), np.ones(M + 1)):
        with pytest.raises(LearningError, match="do not fit"):
            classifier.learn(bad, "a")
    assert np.array_equal(classifier.W, before)


@either
def test_a_broken_cache_heals_from_the_statistics(views):
    classifier, healthy = (empty(views) for _ in range(2))
    for c in (classifier, healthy):
        c.learn(example(6, 4, views), "a")
        c.fold()
    classifier.views[-1].R[:] *= -1.0  # as rounding can leave it: phi'R phi < 0
    for c in (classifier, healthy):
        c.learn(example(7, 1, views), "b")
    assert np.abs(classifier.W - healthy.W).max() < 1e-10


@either
def test_a_solution_gives_back_the_statistics_it_came_from(views):
    classifier = empty(views)
    for i in range(30):
        classifier.learn(example(i, 2, views), "ab"[i % 2])
    again = AnalyticClassifier.from_solution(
        classifier.R, classifier.W, classifier.counts, classifier.labels, GAMMAS[views]
    )
    assert np.abs(again.G - classifier.G).max() < 1e-8
    assert np.abs(again.W - classifier.W).max() < 1e-8


@either
def test_own_scores_are_the_mean_scores_of_a_class_s_examples(views):
    classifier, known = empty(views), {"a": [], "b": []}
    for i in range(9):
        rows, label = example(i, 1, views), "ab"[i % 3 == 0]
        classifier.learn(rows, label)
        known[label].append(rows[0])
    classifier.add_class("empty")
    for c, label in enumerate("ba"):
        assert classifier.labels[c] == label
        mean = np.mean([classifier.plain_scores(phi)[c] for phi in known[label]])
        assert classifier.own_scores()[c] == pytest.approx(mean)
    assert classifier.own_scores()[2] == 0.0


def test_leverage_is_small_among_the_examples_and_large_far_from_them():
    classifier = AnalyticClassifier.empty(M, gamma=GAMMA)
    seen = np.eye(M)[0]
    for _ in range(20):
        classifier.learn(seen, "a")
    near, far = classifier.leverage(np.stack([seen, np.eye(M)[1]]))
    assert near < 0.1 < far
    classifier.fold()
    assert classifier.leverage(np.eye(M)[1]) == pytest.approx(far)
    assert far == pytest.approx(np.eye(M)[1] @ classifier.R @ np.eye(M)[1])


def test_the_projection_keeps_the_length_of_an_embedding_and_follows_its_seed():
    z = np.random.default_rng(0).standard_normal((50, 64))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    for width in (256, 1024):
        lengths = np.linalg.norm(RandomProjection.random(64, width, seed=3)(z), axis=1)
        assert 0.9 < lengths.mean() < 1.1
    a, b = (RandomProjection.random(64, 128, seed=s).steps for s in (3, 3))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, RandomProjection.random(64, 128, seed=4).steps)
