"""An event begins and ends where its sound does, not where the windows do that held it."""

from datetime import datetime

import numpy as np
import pytest

from pace_edge.model_file import read_model
from streams.heard import Event, Window
from streams.listening.edges import BLOCK_S, Edges, Levels
from streams.listening.event_rule import EventRule
from streams.listening.events import EventState, finish, step
from streams.listening.learner import open_journal
from streams.listening.listener import Listener
from streams.listening.options import Options
from tests.synthetic import RATE_HZ, hiss, tone

SECOND = RATE_HZ
NEAR_S = 1.5 * BLOCK_S


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def sound(rng):
    """Low from 2.26 to 4.71 s, high from 8.13 to 11.02 s."""
    return np.concatenate(
        [
            hiss(2.26, rng=rng),
            tone(300, 2.45, rng=rng),
            hiss(3.42, rng=rng),
            tone(2500, 2.89, rng=rng),
            hiss(3, rng=rng),
        ]
    )


TRUTH = [("low", 2.26, 4.71), ("high", 8.13, 11.02)]


def events_of(model, chunks, options=None, **of):
    with Listener(model, options=options) as listener:
        heard = [one for chunk in chunks for one in listener.feed(chunk, **of)] + listener.finish()
    return [one for one in heard if isinstance(one, Event)]


@pytest.mark.parametrize("hop_s", [None, 0.13, 0.7])
def test_both_ends_are_the_sounds_own_and_the_start_is_known_when_it_is_announced(small_model, sound, hop_s):
    events = events_of(small_model, [sound], Options(hop_s=hop_s), live=False)
    assert [(e.label, e.state) for e in events] == [(t[0], state) for t in TRUTH for state in ("start", "end")]
    for announced, ended, (_, start_s, end_s) in zip(events[::2], events[1::2], TRUTH, strict=True):
        assert announced.start_s == ended.start_s == pytest.approx(start_s, abs=NEAR_S)
        assert ended.end_s == pytest.approx(end_s, abs=NEAR_S)


def test_they_are_the_same_from_a_microphone_and_from_a_file_in_chunks_of_any_size(small_model, sound):
    whole = events_of(small_model, [sound], live=False)
    for chunk in (333, 1600, 40000):
        pieces = [sound[i : i + chunk] for i in range(0, len(sound), chunk)]
        again = events_of(small_model, pieces, live=True)
        assert [(e.state, e.start_s, e.end_s) for e in again] == [(e.state, e.start_s, e.end_s) for e in whole]


def test_the_clocks_time_of_an_event_is_that_of_the_sounds_start(small_model, sound):
    recorded = datetime(2026, 11, 25, 18).timestamp()
    for event in events_of(small_model, [sound], live=False, recorded_unix_s=recorded):
        assert event.at_unix_s == pytest.approx(recorded + event.start_s, abs=1e-3)


def test_a_sound_that_is_there_when_the_stream_begins_or_ends_reaches_up_to_there(small_model, rng):
    (_, end) = events_of(small_model, [tone(300, 3.1, rng=rng)], live=False)
    assert (end.start_s, end.end_s) == (0, pytest.approx(3.1, abs=0.01))
    (_, end) = events_of(small_model, [tone(300, 0.7, rng=rng)], live=False)  # shorter than a window
    assert (end.start_s, end.end_s) == (0, pytest.approx(0.7, abs=0.01))


def test_behind_a_gap_nothing_of_before_counts(small_model, rng):
    with Listener(small_model) as listener:
        heard = list(listener.feed(np.concatenate([hiss(2, rng=rng), tone(2500, 1.5, rng=rng)]), live=False))
        listener.skip(10 * SECOND)
        heard += list(listener.feed(np.concatenate([hiss(0.4, rng=rng), tone(300, 3, rng=rng)]), live=False))
        heard += listener.finish()
    end = [one for one in heard if isinstance(one, Event) and one.label == "low"][-1]
    assert end.start_s == pytest.approx(13.9, abs=NEAR_S)


def test_what_is_remembered_of_an_event_is_every_window_that_was_called_by_its_name(small_model, sound):
    model = read_model(small_model)
    with open_journal(model) as journal, Listener(model, journal) as listener:
        heard = [*listener.feed(sound, live=False), *listener.finish()]
        remembered = journal.events()
    windows = [one for one in heard if isinstance(one, Window)]
    for event, (label, start_s, end_s) in zip(remembered, TRUTH, strict=True):
        called = [w.start_s for w in windows if w.label == label]
        assert [event.starts[0], event.starts[-1]] == [called[0], called[-1]]
        assert (event.start_s, event.end_s) == (pytest.approx(start_s, abs=NEAR_S), pytest.approx(end_s, abs=NEAR_S))
        from_s, to_s = event.heard_s
        assert from_s <= event.start_s < event.end_s <= to_s


# The rule by itself


def edges(*pieces, start_s, window_s=2.0, hop_s=0.5):
    """Of a window in pieces (level in dBFS, seconds) of noise."""
    rng = np.random.default_rng(1)
    pcm = np.concatenate([10 ** (dbfs / 20) * rng.standard_normal(round(s * SECOND)) for dbfs, s in pieces])
    levels = Levels(SECOND)
    levels.push(pcm.astype(np.float32), window=round(window_s * SECOND))
    return levels.edges(round(start_s * SECOND), round((start_s + window_s) * SECOND), round(hop_s * SECOND))


def test_of_two_sounds_in_a_window_the_last_begins_and_the_first_ends():
    found = edges((-60, 5), (-30, 0.5), (-60, 0.75), (-35, 0.25), (-60, 3), start_s=4.5)
    assert found.sounds == (pytest.approx((5, 5.5)), pytest.approx((6.25, 6.5)))
    assert found.begins_s() == pytest.approx(6.25)
    assert found.over_s(4.9) == pytest.approx(5.5)
    assert found.over_s(6.25) == pytest.approx(6.5)


def test_a_short_pause_does_not_part_a_sound():
    assert edges((-60, 5), (-30, 0.5), (-60, 0.4), (-30, 0.25), (-60, 3), start_s=4.5).sounds == (
        pytest.approx((5, 6.15)),
    )  # fmt: skip


def test_steady_noise_is_the_room_however_loud_it_is():
    assert edges((-25, 6), (-10, 0.5), (-25, 3), start_s=5).sounds == (pytest.approx((6, 6.5)),)


def test_where_nothing_stands_out_it_is_what_the_windows_beside_did_not_hold():
    found = edges((-40, 20), start_s=8)
    assert (found.sounds, found.begins_s(), found.over_s(7.0)) == ((), 9.5, 8.5)
    assert edges((-40, 20), start_s=0).begins_s() == 0  # the first window: it may have begun before


def test_digital_silence_has_no_edges():
    levels = Levels(SECOND)
    levels.push(np.zeros(5 * SECOND, np.float32), window=2 * SECOND)
    assert levels.edges(SECOND, 3 * SECOND, SECOND // 2).sounds == ()


def test_an_event_that_goes_on_when_listening_ends_has_its_windows_end():
    state, rule = EventState(), EventRule(threshold=0.5, min_hits=1)
    window = Window(0, 2, "dog", 0.9, -20)
    state, _ = step(state, window, {"dog": 0.9}, rule, Edges(1.5, 0.5, ((0.2, 0.6),)))
    assert [(e.start_s, e.end_s) for e in finish(state)[1]] == [(0.2, 2)]


def test_no_event_ends_before_it_begins():
    state, rule = EventState(), EventRule(threshold=0.5, min_hits=1, max_misses=1)
    state, _ = step(state, Window(0, 2, "dog", 0.9, -20), {"dog": 0.9}, rule, Edges(1.5, 0.5))
    (end,) = step(state, Window(0.5, 2.5, "cat", 0.1, -20), {}, rule)[1]
    assert (end.start_s, end.end_s) == (1.5, 2)
