"""The household table counts what a listener would announce, and takes nothing for false that may be right."""

import numpy as np

from benchmarks.household import MEANT, NEAR, HeardClip, events_of, measured, windows_of
from pace_edge.adapt.starter import STARTER
from streams.listening.household import HOUSEHOLD, HouseholdSound

ALARM = HouseholdSound("siren", ("Siren",), 0.5)


def clip(kind, *scores):
    return HeardClip(frozenset({kind}), 1800.0, np.array(scores, np.float32)[:, None])


def test_two_windows_in_a_row_are_an_event_and_one_is_none():
    assert events_of(np.array([0.1, 0.9, 0.1, 0.9, 0.1]), 0.5) == 0
    assert events_of(np.array([0.1, 0.9, 0.9, 0.1, 0.9]), 0.5) == 1
    assert events_of(np.array([0.9, 0.9, 0, 0, 0, 0.9, 0.9]), 0.5) == 2


def test_a_clip_of_the_sound_is_found_one_that_is_near_is_nothing_and_others_are_false():
    clips = [clip("siren", 0.9, 0.9), clip("siren", 0.2, 0.2), clip("rain", 0.9, 0.9), clip("dog", 0.1, 0.1),
             clip("instruments", 0.9, 0.9)]  # fmt: skip
    one = measured(ALARM, clips, ("Siren",), 0.5)
    assert (one.found, one.clips, one.false_an_hour, one.staged_an_hour) == (1, 2, 1.0, 2.0)
    near = HouseholdSound("smoke alarm", ("Siren",), 0.5)
    assert measured(near, clips[:2], ("Siren",), 0.5).false_an_hour == 0


def test_a_short_clip_is_heard_in_as_many_windows_as_an_event_needs():
    windows = windows_of(np.ones(STARTER.rate_hz // 2, np.float32))
    assert len(windows) >= 2
    assert {len(window) for window in windows} == {STARTER.window_samples}


def test_what_is_meant_and_near_is_said_of_sounds_of_the_table():
    labels = {sound.label for sound in HOUSEHOLD}
    assert {*MEANT, *NEAR} <= labels
