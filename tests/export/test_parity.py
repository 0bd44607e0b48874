"""The table says how far the variants are apart, and its limits decide."""

import re
from dataclasses import replace

import numpy as np
import pytest

from export.parity import Heard, Variant, check_float32, compare, fp16_in_words, hear_all, int8_in_words
from pace_edge.errors import PaceEdgeError
from pace_edge.parity import Parity, Row

ROW = Row(name="r", score_difference=0.0, agreement=1.0, accuracy=0.9, ms=2.0, time_ratio=1.0, bytes=10)


def heard(scores, seconds=(1.0, 1.0)):
    return Heard(np.array(scores, float), np.zeros((len(scores), 1)), np.array(seconds))


def test_rows_say_difference_agreement_accuracy_and_time():
    variants = [Variant(name, None, size) for name, size in (("a", 1), ("b", 2))]
    both = [heard([[0.9, 0.1], [0.2, 0.8]], (2.0, 2.0)), heard([[0.9, 0.1], [0.6, 0.5]], (1.0, 3.0))]
    a, b = compare(variants, both, np.array([0, 1]), float32=0)
    assert (a.score_difference, a.agreement, a.accuracy, a.time_ratio, a.bytes) == (0.0, 1.0, 1.0, 1.0, 1)
    assert (b.score_difference, b.agreement, b.accuracy) == (pytest.approx(0.4), 0.5, 0.5)
    assert (b.ms, b.time_ratio) == (2000.0, 1.0)


def test_every_variant_hears_every_window_in_turn():
    order = []

    def variant(name):
        def hear(pcm):
            order.append((name, pcm[0, 0]))
            return np.array([pcm[0, 0]]), np.zeros(1)

        return Variant(name, hear, 0)

    one, two = hear_all([variant("a"), variant("b")], [np.full((1, 4), i) for i in (1.0, 2.0)])
    assert one.scores.tolist() == two.scores.tolist() == [[1.0], [2.0]]
    assert order[-2:] == [("a", 2.0), ("b", 2.0)]
    assert (one.seconds > 0).all()


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(PaceEdgeError, match="scores of a are not finite"):
        compare([Variant("a", None, 0)], [heard([[np.nan, 0.1], [0.2, 0.8]])], np.array([0, 1]), float32=0)


@pytest.mark.parametrize("difference", [1.01e-4, float("nan")])
def test_float32_beyond_its_limit_is_refused(difference):
    check_float32(replace(ROW, score_difference=1e-4))
    with pytest.raises(PaceEdgeError, match="does not give torch's scores"):
        check_float32(replace(ROW, score_difference=difference))


@pytest.mark.parametrize(
    ("changes", "offered", "words"),
    [
        ({"time_ratio": 0.6, "accuracy": 0.895}, True, "int8: offered.*0.60 of float32's time.*89.5% against 90.0%"),
        ({"time_ratio": 0.6, "accuracy": 0.894}, False, "loses more than 0.5 points"),
        ({"time_ratio": 1.0}, False, "no faster here"),
    ],
)
def test_int8_is_offered_if_it_is_faster_and_as_accurate(changes, offered, words):
    decision, reason = int8_in_words(ROW, replace(ROW, **changes))
    assert decision is offered
    assert re.search(words, reason)
    assert int8_in_words(ROW, None) == (False, "int8: not offered, the backbone has no matrix products")


@pytest.mark.parametrize(("accuracy", "offered"), [(0.895, True), (0.894, False), (float("nan"), False)])
def test_fp16_is_offered_for_a_gpu_if_it_is_as_accurate_however_slow_here(accuracy, offered):
    decision, reason = fp16_in_words(ROW, replace(ROW, accuracy=accuracy, time_ratio=2.0, bytes=5))
    assert decision is offered
    assert ("offered for a GPU" in reason, "0.50 of float32's size" in reason) == (offered, True)


def test_the_table_is_read_back_and_lines_up_for_a_person():
    parity = Parity(
        windows=2, rows=(ROW, replace(ROW, name="longer name", ms=1234.5)), int8_offered=False, int8="int8: not offered"
    )
    assert Parity.from_json(parity.to_json()) == parity
    lines = parity.in_words().splitlines()
    assert len({len(line) for line in lines[1:4]}) == 1
    assert lines[-1] == "int8: not offered"
