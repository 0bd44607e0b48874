"""The measures are the published formulas, also for one session."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pace_edge.adapt.measures import (
    backward_transfer,
    confusion_matrix,
    forgetting,
    incremental_average,
    macro_accuracy,
)

MATRIX = ((1.0,), (0.75, 0.5), (0.5, 0.625, 1.0))
shares = st.floats(0, 1)
matrices = st.integers(1, 6).flatmap(
    lambda T: st.tuples(*[st.lists(shares, min_size=t, max_size=t) for t in range(1, T + 1)])
)


def test_forgetting_and_transfer_by_hand():
    assert forgetting(MATRIX) == pytest.approx(((1.0 - 0.5) + (0.5 - 0.625)) / 2)
    assert backward_transfer(MATRIX) == pytest.approx(((0.5 - 1.0) + (0.625 - 0.5)) / 2)
    assert incremental_average([1.0, 0.5, 0.75]) == 0.75


def test_what_is_lost_counts_from_the_best_that_ever_was():
    best_in_between = ((0.2,), (0.9, 1.0), (0.4, 1.0, 1.0))
    assert forgetting(best_in_between) == pytest.approx((0.9 - 0.4) / 2)
    assert backward_transfer(best_in_between) == pytest.approx((0.4 - 0.2) / 2)


def test_one_session_forgets_nothing():
    assert forgetting([[0.3]]) == backward_transfer([[0.3]]) == 0.0
    assert incremental_average([0.3]) == 0.3


@given(matrices)
def test_forgetting_is_between_minus_one_and_one_and_never_less_than_the_transfer_lost(matrix):
    assert -1.0 <= backward_transfer(matrix) <= 1.0
    assert -backward_transfer(matrix) - 1e-12 <= forgetting(matrix) <= 1.0


@given(shares, st.integers(1, 6))
def test_a_run_that_stays_as_it_is_forgets_nothing(accuracy, T):
    matrix = [[accuracy] * t for t in range(1, T + 1)]
    assert forgetting(matrix) == backward_transfer(matrix) == 0.0


def test_rows_of_the_confusion_matrix_are_the_truth():
    counts = confusion_matrix(["b", "a", "a", "a"], ["b", "a", "b", "b"], ["a", "b", "c"])
    assert counts.tolist() == [[1, 2, 0], [0, 1, 0], [0, 0, 0]]
    assert counts.dtype == np.int64


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1))
def test_the_confusion_matrix_counts_every_clip_once(pairs):
    truth, called = zip(*pairs, strict=True)
    counts = confusion_matrix(truth, called, "abc")
    assert counts.sum() == len(pairs)
    assert counts.trace() == sum(t == c for t, c in pairs)
    assert (confusion_matrix(called, truth, "abc") == counts.T).all()


def test_calls_that_fit_no_label_or_no_clip_are_an_error():
    with pytest.raises(KeyError):
        confusion_matrix(["a"], ["d"], ["a", "b"])
    with pytest.raises(ValueError, match="zip"):
        confusion_matrix(["a"], [], ["a", "b"])


def test_every_class_with_clips_counts_the_same_in_the_macro_average():
    counts = np.array([[90, 10, 0], [1, 1, 0], [0, 0, 0]])
    assert macro_accuracy(counts) == pytest.approx((0.9 + 0.5) / 2)
