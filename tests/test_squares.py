"""How far a class's examples lie from their mean is known from sums: exact whatever was done, and undone."""

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.adapt.fit import fit_features
from pace_edge.analytic import AnalyticClassifier
from pace_edge.errors import LearningError
from pace_edge.ridge import SOLVE_FROM

M, V = 10, 2
GAMMA = (0.05, 0.4)


def example(seed, n_windows=2):
    return np.maximum(np.random.default_rng(seed).standard_normal((n_windows, V * M)), 0.0)


def empty():
    return AnalyticClassifier.empty(M, gamma=GAMMA, views=V)


def means(rows):
    """[V, M]: the mean of the windows [n, V M] in each view."""
    return np.stack(np.split(rows.mean(0), V))


def squares_of(examples, labels):
    """[V, C], from [(rows, label, weight)]."""
    found = np.zeros((V, len(labels)))
    for rows, label, weight in examples:
        found[:, labels.index(label)] += weight * (means(rows) ** 2).sum(1)
    return found


def deviations_of(examples, labels):
    """[V, C]: the weighed mean square of the distances from the weighed mean."""
    found = np.zeros((V, len(labels)))
    for c, label in enumerate(labels):
        if mine := [(means(rows), weight) for rows, name, weight in examples if name == label]:
            q, w = np.array([q for q, _ in mine]), np.array([w for _, w in mine])[:, None]
            centre = (q * w[..., None]).sum(0) / w.sum()
            found[:, c] = (((q - centre) ** 2).sum(2) * w).sum(0) / w.sum()
    return found


changes = st.lists(
    st.tuples(
        st.sampled_from(["learn", "learn", "many", "unlearn", "relabel", "move", "sums", "arrange", "fold", "class"]),
        st.sampled_from("abc"),
        st.integers(0, 9),
        st.integers(1, 3),
        st.sampled_from([0.5, 1.0, 2.0]),
    ),
    max_size=20,
)


@settings(deadline=None, max_examples=60)
@given(changes)
def test_after_any_changes_they_are_the_sums_of_what_is_left(sequence):
    classifier, known = empty(), []
    for action, label, seed, n_windows, weight in sequence:
        new = (example(seed, n_windows), label, weight)
        if action == "learn":
            classifier.learn(*new)
            known.append(new)
        elif action == "many":
            more = [(example(s, n_windows), label, weight) for s in range(seed, seed + SOLVE_FROM + 1)]
            classifier.learn_all([(rows, label) for rows, label, _ in more], weight)
            known += more
        elif action == "sums":
            other = empty()
            other.learn(*new)
            other.fold()
            classifier.add_sums(other.G, other.Q, other.counts, other.labels, squares=other.squares)
            known.append(new)
        elif action == "arrange":
            classifier.arrange(sorted(classifier.labels))
        elif action == "class":
            classifier.add_class(label)
        elif action == "fold":
            classifier.fold()
        elif known:
            rows, old, weight = known.pop(seed % len(known))
            if action == "unlearn":
                classifier.unlearn(rows, old, weight)
                continue
            if action == "relabel":
                classifier.relabel(rows, old, label, weight)
            else:
                classifier.move(weight * rows.mean(0), weight, old=old, new=label)
            known.append((rows, label, weight))
    assert np.abs(classifier.squares - squares_of(known, classifier.labels)).max(initial=0.0) < 1e-9
    assert np.abs(classifier.deviations() - deviations_of(known, classifier.labels)).max(initial=0.0) < 1e-9


def test_a_share_of_several_examples_moves_with_its_squares():
    examples = [(example(i), "a", 1.0) for i in range(5)]
    classifier = empty()
    classifier.learn_all([(rows, label) for rows, label, _ in examples])
    share = examples[:2]
    q, squares = sum(rows.mean(0) for rows, _, _ in share), squares_of(share, ["a"])[:, 0]
    classifier.move(q, 2.0, old="a", new="b", squares=squares)
    assert np.allclose(classifier.squares[:, 1], squares)
    assert np.allclose(
        classifier.deviations(), deviations_of([(r, "b", w) for r, _, w in share] + examples[2:], ["a", "b"])
    )
    classifier.move(q, 2.0, old="b", new=None, squares=squares)
    assert np.allclose(classifier.squares, squares_of(examples[2:], ["a", "b"]))


def test_a_class_of_one_example_deviates_by_nothing():
    classifier = empty()
    classifier.learn(example(1), "a")
    assert np.abs(classifier.deviations()).max() < 1e-12


def test_a_fit_counts_clips_at_their_weight():
    examples, labels = [example(i, 1 + i % 3) for i in range(9)], ["ab"[i % 3 == 0] for i in range(9)]
    fitted = fit_features(examples, labels, gamma_relative=0.1, examples_per_class=40.0, views=V)
    weighed = [(rows, label, 40.0 / labels.count(label)) for rows, label in zip(examples, labels, strict=True)]
    assert np.allclose(fitted.squares, squares_of(weighed, fitted.labels))
    assert np.allclose(fitted.deviations(), deviations_of(weighed, fitted.labels))


def without_squares():
    classifier = empty()
    classifier.learn_all([(example(i), "ab"[i % 2]) for i in range(6)])
    return AnalyticClassifier(classifier.G, classifier.Q, classifier.counts, classifier.labels, GAMMA)


@pytest.mark.parametrize("n", [1, SOLVE_FROM])
def test_where_nobody_counted_them_they_stay_unknown(n):
    classifier = without_squares()
    classifier.learn_all([(example(10 + i), "c") for i in range(n)])
    classifier.relabel(example(10), "c", "d")
    classifier.move(example(10).mean(0), 1.0, old="d", new=None)
    classifier.arrange(["a", "b"])
    assert classifier.squares is None
    assert classifier.deviations() is None


@pytest.mark.parametrize("known", ["ours", "theirs"])
def test_a_union_with_sums_of_which_they_are_unknown_does_not_know_them(known):
    ours, theirs = (without_squares() if known != side else empty() for side in ("ours", "theirs"))
    theirs.fold()
    ours.add_sums(theirs.G, theirs.Q, theirs.counts, theirs.labels, squares=theirs.squares)
    assert ours.squares is None


@pytest.mark.parametrize("squares", [np.zeros((V, 3)), np.zeros(2), np.full((V, 2), np.nan)])
def test_squares_that_cannot_be_added_change_nothing(squares):
    classifier, other = empty(), without_squares()
    classifier.learn(example(0), "a")
    classifier.fold()
    before = deepcopy(classifier)
    with pytest.raises(LearningError, match="Nothing was changed"):
        classifier.add_sums(other.G, other.Q, other.counts, other.labels, squares=squares)
    assert np.array_equal(classifier.squares, before.squares)
    assert np.array_equal(classifier.Q, before.Q)
    with pytest.raises((ValueError, LearningError)):
        AnalyticClassifier(other.G, other.Q, other.counts, other.labels, GAMMA, squares=np.zeros((V, 3)))


def test_a_solution_with_its_sums_comes_back_and_with_others_is_refused():
    classifier = empty()
    classifier.learn_all([(example(i), "ab"[i % 2]) for i in range(6)])
    said = (classifier.R, classifier.W, classifier.counts, classifier.labels, GAMMA)
    again = AnalyticClassifier.from_solution(*said, Q=classifier.Q, squares=classifier.squares)
    assert np.array_equal(again.Q, classifier.Q)
    assert np.array_equal(again.squares, classifier.squares)
    for wrong in (classifier.Q[:, ::-1], 1.01 * classifier.Q, classifier.Q[:, :1]):
        with pytest.raises(ValueError, match="its Q is not that of its W"):
            AnalyticClassifier.from_solution(*said, Q=wrong)


def test_what_depends_on_the_state_alone_is_computed_once_until_something_changes():
    classifier, calls = empty(), []

    def compute():
        calls.append(1)
        return len(calls)

    classifier.learn(example(0), "a")
    assert [classifier.kept("key", compute) for _ in range(3)] == [1, 1, 1]
    changing = [
        lambda: classifier.learn(example(1), "b"),
        lambda: classifier.learn_all([(example(2, SOLVE_FROM + 1), "b")]),
        lambda: classifier.unlearn(example(1), "b"),
        lambda: classifier.relabel(example(0), "a", "b"),
        lambda: classifier.move(example(0).mean(0), 1.0, old="b", new=None),
        lambda: classifier.add_class("d"),
        lambda: classifier.arrange(["b"]),
        lambda: classifier.fold(),
        lambda: classifier.add_sums(
            classifier.G, classifier.Q, classifier.counts, classifier.labels, squares=classifier.squares
        ),
    ]
    for n, change in enumerate(changing, start=2):
        change()
        assert [classifier.kept("key", compute) for _ in range(2)] == [n, n]
