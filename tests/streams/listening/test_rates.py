"""What a listener counts is, at every threshold, what its events would have been there."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.journal import Journal
from pace_edge.model_file import read_model
from pace_edge.operations import State
from pace_edge.rates import THRESHOLDS, Counts, class_keys
from streams.heard import Window
from streams.listening.event_rule import EventRule
from streams.listening.events import EventState, step
from streams.listening.learner import open_journal
from streams.listening.listener import Listener
from streams.listening.rates import RateTally
from streams.teaching.rates import counts_here
from streams.teaching.teach import Teacher
from tests.synthetic import hiss, tone

LABELS = ("dog", "bell", "background")
STATE = State({}, {label: label for label in LABELS})
KEYS = class_keys(STATE)
RULE = EventRule(threshold=0.5, background="background")


def windows(rows):
    for i, row in enumerate(rows):
        scores = {label: score for label, score in zip(LABELS, row, strict=True) if score}
        best = max(scores, key=scores.get, default="background")
        yield Window(i, i + 1, best, scores.get(best, 0.0), -20, scores=scores, top=tuple(scores.items())[:1])


def counted(tally, label="dog"):
    return tally.take().get(KEYS[label], Counts())


@given(
    rows=st.lists(st.tuples(*[st.sampled_from([0, 0.1, 0.31, 0.4, 0.52, 0.8, 1.0])] * 3), max_size=30),
    hits=st.integers(1, 3), misses=st.integers(1, 3),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_at_every_threshold_the_events_of_the_rule_are_counted(rows, hits, misses):
    rule = replace(RULE, min_hits=hits, max_misses=misses, longest_s=0.0)
    tally = RateTally()
    tally.follow(STATE, rule)
    for window in windows(rows):
        tally.hear("s", window, rule, hop_s=1.0)
    for label in ("dog", "bell"):
        expected = []
        for threshold in THRESHOLDS:
            state, starts = EventState(), 0
            for window in windows(rows):
                state, events = step(state, window, window.scores, replace(rule, threshold=threshold))
                starts += sum(e.state == "start" and e.label == label for e in events)
            expected.append(starts)
        assert list(counted(tally, label).events) == expected
    assert KEYS["background"] not in tally.take()


def test_a_class_that_is_taught_is_counted_anew_and_the_others_are_counted_on():
    tally, loud = RateTally(), [(0.9, 0.9, 0)] * 3
    tally.follow(STATE, RULE)
    for window in windows(loud):
        tally.hear("s", window, RULE, hop_s=1200.0)
    taught = State({7: "dog"}, STATE.built_in)
    tally.follow(taught, RULE)
    for window in windows([(0.9, 0, 0)] * 2):
        tally.hear("s", window, RULE, hop_s=1200.0)
    taken, new = tally.take(), class_keys(taught)
    assert taken[KEYS["dog"]].hours == pytest.approx(1)
    assert taken[new["dog"]].hours == pytest.approx(2 / 3)
    assert new["bell"] == KEYS["bell"]
    assert taken[new["bell"]].hours == pytest.approx(5 / 3)


def test_two_microphones_count_one_time_and_both_their_events():
    tally = RateTally()
    tally.follow(STATE, RULE)
    for window in windows([(0.9, 0, 0)] * 4):
        tally.hear("porch", window, RULE, hop_s=900.0)
        tally.hear("attic", window, RULE, hop_s=900.0)
    tally.end("attic")
    assert counted(tally).hours == pytest.approx(1)
    assert counted(tally).events[0] == 2


def test_what_could_not_be_written_is_counted_on():
    tally = RateTally()
    tally.follow(STATE, RULE)
    for _ in range(2):
        for window in windows([(0.9, 0, 0)] * 2):
            tally.hear("s", window, RULE, hop_s=900.0)
        assert tally.take()
    assert counted(tally).hours == pytest.approx(1)
    tally.written()
    assert tally.take() == {}


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_a_live_listener_keeps_its_counts_and_a_recording_is_not_counted(small_model, rng):
    model = read_model(small_model)
    sound = np.concatenate([hiss(2, rng=rng), tone(300, 3, rng=rng), hiss(2, rng=rng)])
    for live in (False, True, True):
        with Listener(small_model) as listener:
            list(listener.feed(sound, live=live))
            listener.finish()
    with open_journal(model) as journal:
        kept = journal.counted()[class_keys(State({}, {label: label for label in model.info.labels}))["low"]]
    assert kept.hours * 3600 == pytest.approx(2 * 6.5, abs=0.1)  # a window every half second
    assert kept.events[THRESHOLDS.index(0.5)] == pytest.approx(2, abs=0.01)


def test_teaching_a_class_begins_it_anew_undoing_that_brings_its_counts_back_and_renaming_keeps_them(small_model, rng):
    with Teacher(small_model) as teacher:
        learner, journal = teacher.learner, teacher.learner.journal

        def hours():
            return {label: counts.hours for label, counts in counts_here(teacher.learner).items()}

        journal.count({class_keys(learner.state)["low"]: Counts(5.0)})
        assert hours()["low"] == 5
        teacher.learn_clip("low", tone(320, 1, rng=rng), source="test")
        assert hours()["low"] == 0
        teacher.undo()
        assert hours()["low"] == 5
        teacher.rename("low", "deep")
        assert hours()["deep"] == 5


def test_the_record_is_bounded_and_old_counts_fade(tmp_path, monkeypatch):
    now = [1e9]
    monkeypatch.setattr("pace_edge.rate_record.time.time", lambda: now[0])
    monkeypatch.setattr("pace_edge.rate_record.ROWS", 3)
    with Journal(tmp_path / "j", model_name="m", model_sha256="a" * 64, embedding_size=6) as journal:
        journal.count({"a": Counts(8.0, (4.0,) * len(THRESHOLDS))})
        now[0] += 30 * 86400
        journal.count({"a": Counts(1.0)})
        assert journal.counted()["a"].hours == pytest.approx(5)
        assert journal.counted()["a"].events[0] == pytest.approx(2)
        for key in "bcde":
            now[0] += 1
            journal.count({key: Counts(1.0)})
        assert set(journal.counted()) == {"c", "d", "e"}
