"""A rate is said in words that a person understands, and not where too little was heard."""

import pytest

from pace_edge.rates import THRESHOLDS, Counts, rate_of


def counts(hours, events):
    return Counts(hours, (events,) * len(THRESHOLDS))


@pytest.mark.parametrize(
    ("hours", "events", "words"),
    [
        (0.3, 5, "too little heard to say: 0.3 h since it was last changed"),
        (12, 0, "none in 12 h"),
        (2, 8, "about 4 an hour"),
        (168, 14, "about 2 a day"),
        (170, 1, "about 1 a week (1 in 170 h)"),
        (168, 6, "about 6 a week"),
        (720, 1, "about 1 a month (1 in 720 h)"),
    ],
)
def test_it_is_said_by_the_unit_in_which_there_is_at_least_one(hours, events, words):
    assert rate_of(counts(hours, events), 0.4).words == words


def test_between_two_thresholds_it_is_between_theirs():
    events = tuple(10.0 if threshold <= 0.4 else 0.0 for threshold in THRESHOLDS)
    rate = rate_of(Counts(10.0, events), 0.41)
    assert (rate.events, rate.an_hour) == (pytest.approx(5), pytest.approx(0.5))


def test_counts_of_two_places_add_up_with_the_weight_of_one():
    both = counts(10, 1).plus(counts(100, 50), weight=0.1)
    assert (both.hours, both.events[0]) == (20, 6)
