"""The order of the questions, and that an answered one does not come back."""

import json

import numpy as np
import pytest

from pace_edge.heard_memory import HeardWindow
from streams.listening.learner import Learner, open_journal
from streams.teaching.review import Answered, questions
from tests.taught import embeddings, model


@pytest.fixture
def learner(tmp_path):
    with open_journal(model(), tmp_path / "j") as journal:
        yield Learner(model(), journal)


def heard(learner, id, label, windows):
    start = 10.0 * len(learner.journal.events())
    learner.journal.hear(id, [HeardWindow(start, start + 1, -20.0, window) for window in windows])
    learner.journal.remember_event(id, id, label, start_s=start, end_s=start + 1, at_unix_s=0.0)


def test_a_sound_between_two_classes_or_like_none_comes_before_a_clear_one(learner):
    clear, between = embeddings("low", 3), (embeddings("low", 3) + embeddings("high", 3)) / 2
    heard(learner, "clear", "low", clear)
    heard(learner, "between", "low", between)
    heard(learner, "strange", "low", 6 * np.roll(between, 3, 1))
    asked = questions(learner, [])
    assert asked[-1].event.id == "clear"
    assert asked[-1].margin == max(one.margin for one in asked)
    assert max(asked, key=lambda one: one.strangeness).event.id == "strange"
    assert "times as strange" in next(one.why for one in asked if one.event.id == "strange")


def test_answered_corrected_and_forgotten_ones_are_not_asked(learner, tmp_path):
    for id, label in (("a", "low"), ("b", "low"), ("c", "high"), ("d", "gone")):
        heard(learner, id, label, embeddings("low", 1))
    learner.journal.add("low", embeddings("low", 1), source="event b called 'low'", event="b")
    learner.catch_up()
    answered = Answered(tmp_path / "j")
    answered.add("c")
    assert [one.event.id for one in questions(learner, answered.ids())] == ["a"]
    assert questions(learner, [*answered.ids(), "a"]) == []


def test_answers_that_are_no_longer_whole_are_asked_again_and_not_an_error(tmp_path):
    answered = Answered(tmp_path / "j")
    assert answered.ids() == []
    for id in ("a", "b"):
        answered.add(id)
    assert answered.ids() == ["a", "b"]
    for content in (b"[", b"{}", b'[1, "a"]'):
        (tmp_path / "j.answered.json").write_bytes(content)
        assert answered.ids() in ([], ["a"])


def test_the_file_of_answers_does_not_grow_for_ever(tmp_path):
    answered = Answered(tmp_path / "j")
    (tmp_path / "j.answered.json").write_text(json.dumps([f"{n}" for n in range(450)]))
    answered.add("newest")
    assert len(answered.ids()) == 400
    assert answered.ids()[-1] == "newest"
