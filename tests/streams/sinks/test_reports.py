"""Trouble is said at once and never fills a disk."""

from hypothesis import given
from hypothesis import strategies as st

from streams.sinks.reports import Reports


def test_trouble_is_said_at_once_then_once_a_minute_with_how_often_it_happened():
    said, now = [], [0.0]
    reports = Reports(said.append, every_s=60, clock=lambda: now[0])
    for second in range(0, 130, 10):
        now[0] = second
        reports.trouble("mqtt", f"no broker at {second}")
    assert said == [
        "no broker at 0",
        "no broker at 60 (5 more like this since)",
        "no broker at 120 (5 more like this since)",
    ]
    reports.trouble("webhook", "another kind is said at once")
    assert said[-1] == "another kind is said at once"


def test_the_end_of_trouble_is_said_once_and_the_next_trouble_at_once():
    said = []
    reports = Reports(said.append, every_s=60, clock=lambda: 0.0)
    reports.over("mqtt", "well")
    assert said == []
    reports.trouble("mqtt", "bad")
    reports.over("mqtt", "well again")
    reports.over("mqtt", "well again")
    reports.trouble("mqtt", "bad again")
    assert said == ["bad", "well again", "bad again"]


@given(st.lists(st.floats(0, 30), max_size=200))
def test_however_often_it_happens_at_most_one_a_minute_is_said(pauses):
    said, now = [], [0.0]
    reports = Reports(said.append, every_s=60, clock=lambda: now[0])
    for pause in pauses:
        now[0] += pause
        reports.trouble("disk", "full")
    assert len(said) <= 1 + sum(pauses) / 60
