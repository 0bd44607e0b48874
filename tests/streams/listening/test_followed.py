"""What was set for a class stays with the class, whatever it is called by now and by whichever door it was renamed."""

import numpy as np
import pytest

from pace_edge.model_file import read_model
from streams.heard import Event, Notice
from streams.listening.learner import open_journal
from streams.listening.listener import Listener
from streams.listening.options import Options
from streams.sinks.sink import Classes, unchanged
from streams.teaching.change import Changer
from tests.synthetic import hiss, tone


@pytest.fixture
def rng():
    return np.random.default_rng(17)


@pytest.fixture
def listener(small_model):
    model = read_model(small_model)
    with open_journal(model) as journal:
        yield Listener(model, journal, Options(thresholds={"low": 0.95}, hidden=frozenset({"high"})))


@pytest.fixture
def changer(small_model, listener):
    with Changer(small_model) as changer:
        yield changer


def rule(listener, rng):
    """As it is after the next sound."""
    list(listener.feed(hiss(1, rng=rng)))
    return dict(listener.ears.rule.thresholds), set(listener.ears.rule.hidden)


def test_a_threshold_and_hiding_follow_a_rename_and_its_undo(listener, changer, rng):
    assert rule(listener, rng) == ({"low": 0.95}, {"high"})
    changer.rename("low", "hum")
    changer.rename("high", "whistle")
    assert rule(listener, rng) == ({"hum": 0.95}, {"whistle"})
    changer.rename("hum", "drone")
    assert rule(listener, rng) == ({"drone": 0.95}, {"whistle"})
    changer.undo(3)
    assert rule(listener, rng) == ({"low": 0.95}, {"high"})


def test_a_renamed_class_is_announced_by_its_own_threshold(listener, changer, rng):
    changer.rename("low", "hum")
    assert not [h for h in listener.feed(tone(300, 3, rng=rng)) if isinstance(h, Event)]  # which needs 0.95
    listener.finish()
    changer.rename("hum", "background")  # whose settings it takes
    changer.undo(2)
    changer.rename("high", "hum")
    assert rule(listener, rng) == ({"low": 0.95}, {"hum"})


def test_a_class_that_joins_another_is_announced_as_that_one(listener, changer, rng):
    changer.rename("high", "low")
    assert rule(listener, rng) == ({"low": 0.95}, {"high"})  # which is no class
    changer.undo()
    changer.rename("low", "high")
    assert rule(listener, rng) == ({"low": 0.95}, {"high"})
    changer.undo()
    changer.forget("low")
    changer.undo()
    assert rule(listener, rng) == ({"low": 0.95}, {"high"})


def test_hiding_in_the_journal_and_in_the_settings_are_both_followed(listener, changer, rng):
    changer.hide("low")
    changer.rename("low", "hum")
    assert rule(listener, rng)[1] == {"hum", "high"}
    changer.rename("hum", "hum")
    assert rule(listener, rng)[1] == {"hum", "high"}


def test_chosen_classes_are_chosen_by_any_name_that_they_had(listener, changer, rng):
    chosen, everything = Classes(["low"], listener.names_now), Classes([], listener.names_now)
    assert [chosen.take(label) for label in ("low", "high", "hum")] == [True, False, False]
    changer.rename("low", "hum")
    rule(listener, rng)
    assert [chosen.take(label) for label in ("low", "high", "hum")] == [True, False, True]  # low: it began before
    changer.rename("high", "low")
    rule(listener, rng)
    assert [chosen.take(label) for label in ("low", "hum")] == [True, False]
    assert everything.take("low")
    assert Classes(["a"], unchanged).take("a")


def test_a_name_that_is_no_class_gets_the_nearest_once(small_model, rng):
    model = read_model(small_model)
    options = Options(thresholds={"lwo": 0.5, "high": 0.5}, hidden=frozenset({"quux"}))
    with open_journal(model) as journal:
        listener = Listener(model, journal, options)
        said = [h for h in listener.feed(hiss(3, rng=rng)) if isinstance(h, Notice)]
        assert [notice.words for notice in said] == [
            "events.thresholds names 'lwo', which is no class: did you mean 'low'?",
            "events.hidden names 'quux', which is no class yet; it can still be taught.",
        ]
        assert not [h for h in listener.feed(hiss(3, rng=rng)) if isinstance(h, Notice)]
        (asked,) = listener.unknown_names({"outputs.clips.labels": {"low", "unknown"}})
        assert asked.words.startswith("outputs.clips.labels names 'unknown', which is no class")


def test_a_name_that_a_class_had_is_no_mistake(small_model, changer, rng):
    changer.rename("low", "hum")
    model = read_model(small_model)
    with open_journal(model) as journal:
        listener = Listener(model, journal, Options(thresholds={"low": 0.5}, unknown=True))
        assert not [h for h in listener.feed(hiss(3, rng=rng)) if isinstance(h, Notice)]
        assert listener.unknown_names({"outputs.mqtt.only_labels": {"unknown", "low", "hum"}}) == []
        assert "'hum' needs 0.50" in listener.in_words()
