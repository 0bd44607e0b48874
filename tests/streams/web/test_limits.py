"""A bucket never lets more through than its rate, whatever the times."""

from hypothesis import given
from hypothesis import strategies as st

from streams.web.limits import Limiter, Rate, step

rates = st.builds(Rate, st.integers(1, 20), st.floats(0.01, 60))
gaps = st.lists(st.floats(0, 100), min_size=1, max_size=60)


@given(rates, gaps)
def test_never_more_than_the_burst_and_what_has_come_since(rate, waits):
    bucket, now, passed = None, 0.0, 0
    for wait in waits:
        now += wait
        bucket, early_s = step(bucket, rate, now)
        passed += early_s == 0
        assert 0 <= early_s <= rate.each_s
        assert passed <= rate.burst + now / rate.each_s + 1e-6


@given(rates, gaps)
def test_who_waits_as_long_as_he_is_told_passes(rate, waits):
    bucket, now = None, 0.0
    for wait in waits:
        now += min(wait, rate.each_s / 3)
        bucket, early_s = step(bucket, rate, now)
        if early_s:
            assert step(bucket, rate, now + early_s + 1e-6)[1] == 0


def test_clients_are_counted_apart_and_not_remembered_for_ever():
    limiter = Limiter(Rate(1, 1000.0), clients=2)
    assert limiter.too_early_s("a", 0.0) == 0
    assert limiter.too_early_s("a", 1.0) > 0
    assert limiter.too_early_s("b", 1.0) == 0
    assert limiter.too_early_s("c", 1.0) == 0
    assert len(limiter._buckets) == 2
