"""A difference between two methods comes with how likely it is by luck."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pace_edge.benchmark.compare import paired

SHARES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=10)


def test_only_what_both_have_is_compared():
    found = paired({0: 0.9, 1: 0.8, 2: 0.7}, {1: 0.5, 2: 0.6, 3: 0.0})
    assert found.n == 2
    assert found.mean == pytest.approx(0.2)
    assert found.standard_error == pytest.approx(0.1)
    assert found.p == 0.5  # both are above, as one of two throws of the signs would be on either side
    assert paired({0: 1.0}, {1: 1.0}) is None


def test_one_pair_has_no_error_and_proves_nothing():
    found = paired({0: 0.9}, {0: 0.1})
    assert found.standard_error is None
    assert found.p == 1.0


@given(SHARES)
def test_p_is_a_probability_that_n_pairs_can_give_and_the_same_from_either_side(pairs):
    a, b = (dict(enumerate(values)) for values in zip(*pairs, strict=True))
    one, other = paired(a, b), paired(b, a)
    assert min(1.0, 2 / 2**one.n) <= one.p <= 1
    assert other.p == one.p
    assert other.mean == pytest.approx(-one.mean)
    assert paired(a, a).p == 1.0


def test_of_many_pairs_signs_are_drawn_and_always_the_same():
    a, b = {i: 0.6 + i % 3 / 100 for i in range(20)}, dict.fromkeys(range(20), 0.5)
    assert paired(a, b) == paired(a, b)
    assert paired(a, b).p == pytest.approx(1e-4, rel=0.1)  # none of 9,999 draws is as far
    mixed = {i: 0.5 + (-1) ** i * 0.1 for i in range(20)}
    assert paired(mixed, b).p > 0.9
