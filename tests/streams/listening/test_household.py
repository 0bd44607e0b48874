"""What nobody taught has a name where the model has names; and what is asked for by name is announced untaught."""

import json
from dataclasses import replace

import numpy as np
import pytest

import pace_edge
from pace_edge.errors import UsageError
from pace_edge.model_file import read_model
from streams.configuration.configure import configure
from streams.heard import Event, Notice, Window, as_record
from streams.listening import household
from streams.listening.classify import classify
from streams.listening.encoder import BATCH, Encoder
from streams.listening.event_rule import EventRule
from streams.listening.events import EventState, step
from streams.listening.household import HOUSEHOLD, best_names, household_sounds, like_in_words, spoken_name
from streams.listening.learner import open_journal
from streams.listening.listen import listen
from streams.listening.listener import Listener
from streams.listening.options import Options, options_of
from streams.sinks.lines import as_json, in_words
from streams.teaching.teach import Teacher
from tests.streams.arrays import Arrays
from tests.synthetic import NAMED_HZ, RATE_HZ, WINDOW, hiss, tone

DOG_HZ, ALARM_HZ = NAMED_HZ["Dog"], NAMED_HZ["Smoke detector, smoke alarm"]
ALARM = "smoke alarm"


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def asked(monkeypatch):
    """Any household sound may be asked for, whatever the measurements say of it."""
    free = tuple(replace(sound, threshold=0.5, recall=0.9, refused="") for sound in HOUSEHOLD)
    monkeypatch.setattr(household, "HOUSEHOLD", free)


def beside_quiet(sound, rng):
    return np.concatenate([hiss(3, rng=rng), sound, hiss(3, rng=rng)])


def heard(model, samples, **options):
    return list(listen(model, Arrays(samples), options=Options(**options)))


def only(kind, several):
    return [one for one in several if isinstance(one, kind)]


def started(several):
    return [event.label for event in only(Event, several) if event.state == "start"]


def test_names_and_embeddings_come_from_one_run_and_are_the_same_in_any_batch(named_model, rng):
    encoder = Encoder(read_model(named_model))
    windows = np.stack([tone(hz, WINDOW / RATE_HZ, rng=rng) for hz in (DOG_HZ, ALARM_HZ) for _ in range(BATCH)])
    together = encoder.hear(windows)
    assert together.names.shape == (2 * BATCH, len(NAMED_HZ))
    assert np.abs(together.embeddings - encoder(windows)).max() < 1e-6
    assert np.abs(together.names[-1] - encoder.hear(windows[-1:]).names[0]).max() < 1e-5
    assert encoder.hear(windows[:0]).names.shape == (0, len(NAMED_HZ))


def test_a_model_without_names_gives_none(small_model, rng):
    encoded = Encoder(read_model(small_model)).hear(tone(DOG_HZ, 1, rng=rng)[None])
    assert (encoded.embeddings.shape, encoded.names.shape) == ((1, 40), (1, 0))
    windows = only(Window, heard(small_model, tone(DOG_HZ, 3, rng=rng)))
    assert {window.sounds_like for window in windows} == {()}


def test_a_window_says_what_it_sounds_like_although_nobody_taught_it(named_model, rng):
    window = only(Window, heard(named_model, tone(ALARM_HZ, 3, rng=rng)))[0]
    ((name, score),) = window.sounds_like
    assert (name, score > 0.9) == ("Smoke detector, smoke alarm", True)
    assert json.loads(as_json(window))["sounds_like"] == {name: round(score, 4)}
    assert in_words(window).endswith(f"sounds like: smoke detector, {score:.2f}")
    assert classify(tone(ALARM_HZ, 2, rng=rng), RATE_HZ, model=named_model).windows[0].sounds_like[0][0] == name


def test_nothing_sounds_like_nothing(named_model, rng):
    assert {window.sounds_like for window in only(Window, heard(named_model, hiss(4, rng=rng)))} == {()}


def test_nobody_is_told_of_what_nobody_asked_for(named_model, rng):
    assert started(heard(named_model, beside_quiet(tone(ALARM_HZ, 4, rng=rng), rng))) == []


@pytest.mark.parametrize("word", [ALARM, "Smoke detector, smoke alarm", "smoke_alarm", "Smoke Alarm"])
def test_a_household_sound_is_announced_from_the_first_minute(named_model, rng, asked, word):
    several = heard(named_model, beside_quiet(tone(ALARM_HZ, 4, rng=rng), rng), names=[word])
    assert [(event.state, event.label) for event in only(Event, several)] == [("start", ALARM), ("end", ALARM)]
    assert any(window.label == ALARM and window.score > 0.9 for window in only(Window, several))


def test_only_what_was_asked_for_is_announced(named_model, rng, asked):
    assert started(heard(named_model, beside_quiet(tone(DOG_HZ, 4, rng=rng), rng), names=[ALARM])) == []


def test_a_household_sound_is_announced_beside_a_class_that_wins(named_model, rng, asked):
    sound = tone(300, 4, rng=rng) + tone(ALARM_HZ, 4, rng=rng)
    found = set(started(heard(named_model, beside_quiet(sound, rng), names=[ALARM], threshold=0.05)))
    assert ALARM in found


def test_its_threshold_can_be_set_and_it_can_be_hidden_like_a_class(named_model, rng, asked):
    sound = beside_quiet(tone(ALARM_HZ, 4, rng=rng), rng)
    assert started(heard(named_model, sound, names=[ALARM], thresholds={ALARM: 1.0})) == []
    assert started(heard(named_model, sound, names=[ALARM], hidden=[ALARM])) == []
    said = [notice.words for notice in only(Notice, heard(named_model, sound, names=[ALARM], thresholds={ALARM: 1.0}))]
    assert not any("no class" in words for words in said)


@pytest.mark.parametrize("label", [ALARM, "Smoke_alarm"])
def test_a_taught_class_takes_the_place_of_its_name(named_model, rng, asked, label):
    model = read_model(named_model)
    with open_journal(model) as journal:
        listener = Listener(model, journal, Options(names=[ALARM]))
        assert listener.household == [ALARM]
        Teacher(model).learn(label, tone(2500, 2, rng=rng), rate_hz=RATE_HZ, force=True)
        several = list(listener.feed(beside_quiet(tone(ALARM_HZ, 4, rng=rng), rng)))
        assert listener.household == []
        assert ALARM not in listener.rule().household
    assert not [w for w in only(Window, several) if w.label == ALARM and w.score > 0.9]


def test_a_class_of_the_model_takes_the_place_of_its_name_too(named_model):
    rule = EventRule(threshold=0.5, household={"low": 0.3, ALARM: 0.4})
    with open_journal(named_model) as journal:
        state = Listener(named_model, journal).ears.learner.state
    assert dict(rule.for_classes(state).household) == {ALARM: 0.4}


def test_a_name_that_is_not_there_is_refused_with_the_nearest(asked):
    with pytest.raises(UsageError, match=r"no household sound is called 'smoke alrm'.*Did you mean 'smoke alarm'\?"):
        Options(names=["smoke alrm"])
    with pytest.raises(
        UsageError, match=r"no household sound is called 'Accordion': expected alarm clock, .* got|expected"
    ):
        Options(names=["Accordion"])


def test_a_name_that_is_not_good_enough_is_refused_with_the_reason(monkeypatch):
    poor = tuple(replace(sound, refused="1 of 10") for sound in HOUSEHOLD)
    monkeypatch.setattr(household, "HOUSEHOLD", poor)
    with pytest.raises(UsageError, match=r"'smoke alarm' cannot be announced .*only 1 of 10 were found. Teach it"):
        Options(names=[ALARM])


def test_what_the_model_has_no_name_for_is_said_and_nothing_is_announced(small_model, rng, asked):
    several = heard(small_model, beside_quiet(tone(ALARM_HZ, 4, rng=rng), rng), names=[ALARM])
    (notice,) = only(Notice, several)
    assert notice.words == "events.names asks for smoke alarm, and the model small has no names for them."
    assert started(several) == []


def test_what_nobody_measured_is_announced_and_said(named_model, rng, monkeypatch):
    untested = tuple(replace(sound, threshold=0.5, recall=None, refused="") for sound in HOUSEHOLD)
    monkeypatch.setattr(household, "HOUSEHOLD", untested)
    several = heard(named_model, beside_quiet(tone(ALARM_HZ, 4, rng=rng), rng), names=[ALARM])
    assert [notice.words for notice in only(Notice, several)] == [
        "How well smoke alarm is found was not measured (docs/listen.md): try it with yours."
    ]
    assert started(several) == [ALARM]


def test_the_settings_reach_the_listener_and_are_said(named_model, tmp_path, asked):
    (tmp_path / "c.toml").write_text('[events]\nnames = ["smoke alarm", "dog bark"]\n')
    options = options_of(configure(file=tmp_path / "c.toml").settings)
    with open_journal(named_model) as journal:
        listener = Listener(named_model, journal, options)
    assert sorted(listener.household) == ["dog bark", ALARM]
    assert "announced without being taught: 'dog bark' from 0.50, 'smoke alarm' from 0.50" in listener.in_words()


def test_an_event_of_unknown_carries_the_best_names_of_its_windows():
    rule, state, events = EventRule(threshold=0.5), EventState(), []
    for i, names in enumerate([(("Cat", 0.3),), (("Dog", 0.6), ("Cat", 0.2)), (("Cat", 0.5),)]):
        window = Window(i, i + 2, "unknown", 0.9, -20, sounds_like=names)
        state, new = step(state, window, {"unknown": 0.9}, rule)
        events += new
    (start,) = events
    assert start.sounds_like == (("Dog", 0.6), ("Cat", 0.3))
    assert as_record(start)["sounds_like"] == {"Dog": 0.6, "Cat": 0.3}
    assert in_words(start).endswith("unknown is heard (0.90); sounds like: dog, 0.60")


def test_an_event_of_a_class_has_no_names():
    rule, state, events = EventRule(threshold=0.5), EventState(), []
    for i in range(3):
        window = Window(i, i + 2, "ring", 0.9, -20, sounds_like=(("Bell", 0.9),))
        state, new = step(state, window, {"ring": 0.9}, rule)
        events += new
    assert [event.sounds_like for event in events] == [()]


def test_names_are_joined_and_said():
    assert best_names((("a", 0.5),), (("b", 0.9), ("a", 0.6), ("c", 0.1), ("d", 0.2))) == (
        ("b", 0.9),
        ("a", 0.6),
        ("d", 0.2),
    )
    assert like_in_words(()) == ""
    assert [spoken_name(name) for name in ("Smoke detector, smoke alarm", "Police car (siren)", "Dog")] == [
        "smoke detector", "police car", "dog",
    ]  # fmt: skip


def test_the_table_is_right_in_itself():
    labels = [sound.label for sound in HOUSEHOLD]
    names = [name for sound in HOUSEHOLD for name in sound.names]
    assert labels == sorted(set(labels))
    assert len(names) == len(set(names))
    assert set(household_sounds(sound.label for sound in HOUSEHOLD if not sound.refused)) <= set(labels)
    for sound in HOUSEHOLD:
        assert 0 < sound.threshold <= 1
        assert sound.refused or sound.recall is None or sound.recall >= 0.5


def test_the_starters_names_have_all_that_the_table_asks_for():
    names = read_model(pace_edge.config.STARTER_MODEL).info.names
    assert {name for sound in HOUSEHOLD for name in sound.names} <= set(names)
