"""Events begin once, end once, and never for the background."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from streams.events import EventRule, EventState, finish, step
from streams.heard import Window

RULE = EventRule(threshold=0.5, background="background", min_hits=2, max_misses=2)


def run(scored, rule=RULE):
    """Events of [(label, score)], one window a second."""
    state, events = EventState(), []
    for i, (label, score) in enumerate(scored):
        state, new = step(state, Window(i, i + 1, label, score, -20), rule)
        events += new
    return events + finish(state)


def test_a_sound_is_announced_after_enough_hits_and_ends_when_it_is_over():
    start, end = run([("background", 0.9), ("dog", 0.6), ("dog", 0.9), ("dog", 0.7), *[("background", 0.9)] * 3])
    assert (start.state, start.start_s, start.end_s, start.label) == ("start", 1, 3, "dog")
    assert (end.state, end.start_s, end.end_s, end.score) == ("end", 1, 4, 0.9)


def test_one_window_is_not_enough():
    assert run([("dog", 0.9), ("background", 0.9), ("dog", 0.9)]) == []


def test_one_window_is_enough_when_the_rule_says_so():
    assert [e.state for e in run([("dog", 0.9)], replace(RULE, min_hits=1))] == ["start", "end"]


def test_a_low_score_is_not_announced():
    assert run([("dog", 0.49)] * 5) == []


def test_a_short_miss_does_not_break_a_sound_in_two():
    assert len(run([("dog", 0.9), ("dog", 0.9), ("background", 0.9), ("dog", 0.9)])) == 2


def test_an_announced_sound_may_fade_below_the_threshold():
    end = run([("dog", 0.9), ("dog", 0.9), ("dog", 0.42), ("dog", 0.41)])[-1]
    assert end.end_s == 4


def test_another_sound_ends_the_first_at_once():
    events = run([("dog", 0.9), ("dog", 0.9), ("cat", 0.9), ("cat", 0.9)])
    assert [(e.state, e.label) for e in events] == [("start", "dog"), ("end", "dog"), ("start", "cat"), ("end", "cat")]


@given(st.lists(st.tuples(st.sampled_from(["dog", "cat", "background"]), st.floats(0, 1)), max_size=40))
def test_starts_and_ends_alternate_and_the_background_is_silent(scored):
    events = run(scored)
    assert [e.state for e in events] == ["start", "end"] * (len(events) // 2)
    assert all(a.label == b.label for a, b in zip(events[::2], events[1::2], strict=True))
    assert all(e.label != "background" and e.score >= RULE.threshold and e.end_s > e.start_s for e in events)


def test_the_rule_is_said_in_plain_words():
    assert "after 2 windows (1 s) with a score of 0.50 or more" in RULE.in_words(0.5)
