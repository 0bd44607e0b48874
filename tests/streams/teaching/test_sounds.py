"""In the last minute each sound is found where it was, whole, and the room is not taken for one."""

import time

import numpy as np
import pytest

from pace_edge.audio import block_levels_dbfs, level_dbfs
from pace_edge.heard_memory import HeardStream, HeardWindow
from streams.teaching.sounds import Known, last_sound, sounds, stretch

RATE_HZ, WINDOW_S, HOP_S = 1000, 2.0, 0.5
KNOWN = Known("background", "unknown", 0.25)
ROOM_DBFS = -60.0


def noise(seconds, dbfs, seed=0):
    return 10 ** (dbfs / 20) * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))


def heard(*parts, source="attic", ago_s=0.0, session="s", call=lambda levels: "ring", score=0.9, gate_dbfs=-200.0):
    """What a listener remembers of (seconds, dBFS) one after the other; a window is background where it is as quiet as
    the room, and what is below the gate it does not hear."""
    clip = np.concatenate([noise(seconds, dbfs, i) for i, (seconds, dbfs) in enumerate(parts)])
    now, end_s = time.time(), len(clip) / RATE_HZ
    windows = []
    for i in range(round((end_s - WINDOW_S) / HOP_S) + 1):
        start_s = i * HOP_S
        samples = clip[round(start_s * RATE_HZ) :][: round(WINDOW_S * RATE_HZ)]
        blocks = block_levels_dbfs(samples, RATE_HZ // 10)
        if max(blocks) < gate_dbfs:
            continue
        label = call(blocks) if max(blocks) > ROOM_DBFS + 5 else "background"
        at = now - ago_s - (end_s - start_s - WINDOW_S)
        windows.append(HeardWindow(start_s, start_s + WINDOW_S, level_dbfs(samples), np.zeros(4, np.float32), at, label,
                                   score, 0.0, blocks))  # fmt: skip
    return HeardStream(session, source, True, tuple(windows), end_s, now - ago_s, now)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 3.2, 8.0])
@pytest.mark.parametrize("dbfs", [-45.0, -30.0, -10.0])
def test_a_sound_is_found_whole_wherever_it_lies_in_its_windows(seconds, dbfs):
    for begin in (12.0, 12.2, 12.4, 13.3):
        (found,) = sounds(heard((begin, ROOM_DBFS), (seconds, dbfs), (9, ROOM_DBFS)), KNOWN)
        assert found.start_s == pytest.approx(begin, abs=0.15)
        assert found.end_s == pytest.approx(begin + seconds, abs=0.15)
        assert found.ago_s == pytest.approx(9.0, abs=0.2)
        assert all(min(w.end_s, found.end_s) > max(w.start_s, found.start_s) for w in found.windows)


def test_a_bell_that_rings_twice_is_one_sound_and_two_sounds_are_two():
    twice = heard((12, ROOM_DBFS), (0.6, -20), (0.7, ROOM_DBFS), (0.6, -20), (8, ROOM_DBFS))
    (found,) = sounds(twice, KNOWN)
    assert found.duration_s == pytest.approx(1.9, abs=0.2)
    apart = heard((12, ROOM_DBFS), (0.6, -20), (1.6, ROOM_DBFS), (0.6, -20), (8, ROOM_DBFS))
    assert [round(one.start_s) for one in sounds(apart, KNOWN)] == [12, 14]


def test_what_the_gate_kept_out_is_no_sound_and_the_sound_before_it_is_as_long_ago_as_it_is():
    stream = heard((12, -80), (3.2, -20), (20, -80), gate_dbfs=-55)
    found, later = last_sound([stream], KNOWN)
    assert (round(found.start_s), round(found.ago_s), later) == (12, 20, [])


def test_the_room_is_no_sound_whatever_the_model_is_unsure_to_call_it():
    unsure = heard((40, -40), call=lambda levels: "rain", score=0.1)
    assert sounds(unsure, KNOWN) == []
    strange = heard((40, -40), call=lambda levels: "unknown", score=0.9)
    assert sounds(strange, KNOWN) == []
    sure = heard((40, -40), call=lambda levels: "rain", score=0.8)  # it rains, and the model knows rain
    assert len(sounds(sure, KNOWN)) == 1


def test_a_sound_in_a_room_that_the_model_does_not_call_background_is_found():
    unsure = heard((20, -40), (2, -15), (10, -40), call=lambda levels: "rain", score=0.1)
    (found,) = sounds(unsure, KNOWN)
    assert (round(found.start_s), found.duration_s) == (20, pytest.approx(2.0, abs=0.2))


def test_steps_and_keys_after_it_are_not_taken_for_the_sound_and_are_told():
    stream = heard((15, ROOM_DBFS), (2, -15), (3, ROOM_DBFS), (0.2, -42), (6, ROOM_DBFS))
    found, later = last_sound([stream], KNOWN)
    assert round(found.start_s) == 15
    assert [round(one.start_s) for one in later] == [20]


def test_a_step_so_soon_after_the_sound_that_a_window_holds_both_is_as_quiet_as_it_is():
    stream = heard((15, ROOM_DBFS), (2, -15), (1.3, ROOM_DBFS), (0.2, -42), (6, ROOM_DBFS))
    found, later = last_sound([stream], KNOWN)
    assert round(found.start_s) == 15
    assert [round(one.start_s) for one in later] == [18]


@pytest.mark.parametrize("pause", [0.3, 0.6, 0.9])
def test_steps_that_begin_before_the_sound_is_long_over_are_no_part_of_it(pause):
    steps = [part for _ in range(12) for part in ((0.2, -41), (0.4, ROOM_DBFS))]
    stream = heard((15, ROOM_DBFS), (1.6, -15), (pause, ROOM_DBFS), *steps, (4, ROOM_DBFS))
    found, later = last_sound([stream], KNOWN)
    assert (found.start_s, found.end_s) == (pytest.approx(15, abs=0.15), pytest.approx(16.6, abs=0.15))
    assert later
    before = heard((15, ROOM_DBFS), *steps, (1.6, -15), (8, ROOM_DBFS))
    found, later = last_sound([before], KNOWN)
    assert (found.duration_s, later) == (pytest.approx(1.6, abs=0.25), [])


def test_steps_while_a_bell_decays_end_no_later_than_it():
    decay = [(0.1, dbfs) for dbfs in range(-15, -52, -1)]  # 3.7 s, of which 3.1 s are heard as the bell's
    steps = [part for _ in range(8) for part in ((0.1, -41), (0.3, -52))]
    found, _ = last_sound([heard((15, -70), *decay, *steps, (6, -70))], KNOWN)
    assert (found.start_s, found.end_s) == (pytest.approx(15, abs=0.15), pytest.approx(18.1, abs=0.2))


def test_a_dog_that_growls_between_its_barks_is_one_sound():
    growl = [(0.1, ROOM_DBFS), (0.5, -37), (0.2, ROOM_DBFS), (0.6, -38), (0.1, ROOM_DBFS)]
    (found, *_) = sounds(heard((15, -70), (0.5, -15), *growl, (0.5, -15), (9, -70)), KNOWN)
    assert (found.start_s, found.end_s) == (pytest.approx(15, abs=0.15), pytest.approx(17.5, abs=0.15))


def test_a_key_between_two_rings_does_not_part_them():
    stream = heard(
        (15, ROOM_DBFS), (0.6, -15), (0.3, ROOM_DBFS), (0.1, -42), (0.4, ROOM_DBFS), (0.6, -20), (9, ROOM_DBFS)
    )
    found, _ = last_sound([stream], KNOWN)
    assert (found.start_s, found.end_s) == (pytest.approx(15, abs=0.15), pytest.approx(17, abs=0.15))


def test_a_sound_is_not_passed_over_for_a_much_louder_one_of_long_before():
    stream = heard((12, ROOM_DBFS), (1, -5), (24, ROOM_DBFS), (2, -30), (6, ROOM_DBFS))
    found, later = last_sound([stream], KNOWN)
    assert (round(found.start_s), later) == (37, [])


def test_the_last_of_several_sounds_is_the_one_that_ended_last():
    stream = heard((12, ROOM_DBFS), (2, -15), (8, ROOM_DBFS), (1, -25), (6, ROOM_DBFS))
    found, later = last_sound([stream], KNOWN)
    assert (round(found.start_s), later) == (22, [])


def test_of_several_sources_the_one_that_heard_it_loudest_is_taken():
    near = heard((15, ROOM_DBFS), (2, -15), (6, ROOM_DBFS), source="hall", session="near")
    far = heard((15.1, ROOM_DBFS), (2, -30), (5.9, ROOM_DBFS), source="attic", session="far")
    for streams in ([near, far], [far, near]):
        assert last_sound(streams, KNOWN)[0].stream.source == "hall"


def test_a_source_that_heard_nothing_lately_is_not_asked():
    quiet = heard((30, ROOM_DBFS), source="quiet", session="quiet")
    rang = heard((12, ROOM_DBFS), (2, -15), (16, ROOM_DBFS), source="hall", session="near")
    assert last_sound([rang, quiet], KNOWN)[0].stream.source == "hall"


def test_of_a_stretch_only_what_holds_a_sound_is_taken():
    stream = heard((20, ROOM_DBFS), (1, -20), (10, ROOM_DBFS))
    found = stretch(stream, stream.windows[-30:], KNOWN)
    assert found.has_sound
    assert 1 <= len(found.windows) <= 4
    nothing = stretch(stream, stream.windows[-6:], KNOWN)
    assert not nothing.has_sound


def test_what_follows_a_sound_in_silence_is_none():
    stream = heard((15, -120), (2, -25), (0.5, -120), (0.4, -100), (9, -120))
    assert last_sound([stream], KNOWN)[1] == []


def test_silence_is_no_sound():
    assert last_sound([heard((20, -90), call=lambda levels: "ring")], KNOWN) == (None, [])
    assert last_sound([], KNOWN) == (None, [])


def test_an_alarm_that_fills_nearly_the_whole_minute_is_a_sound():
    stream = heard((3, ROOM_DBFS), (55, -20), call=lambda levels: "unknown", score=0.9)
    (found,) = sounds(stream, KNOWN)
    assert (found.start_s, found.end_s) == (pytest.approx(3, abs=0.2), pytest.approx(58, abs=0.2))


def test_what_is_quiet_before_and_after_a_sound_is_not_joined_across_it():
    steps = [part for _ in range(8) for part in ((0.1, -38), (0.4, ROOM_DBFS))]
    stream = heard((12, ROOM_DBFS), (0.1, -38), (0.2, ROOM_DBFS), (0.5, -12), (0.3, ROOM_DBFS), *steps, (3, ROOM_DBFS))
    found, _ = last_sound([stream], KNOWN)
    assert (found.start_s, found.end_s) == (pytest.approx(12.3, abs=0.15), pytest.approx(12.8, abs=0.15))
    for one in sounds(stream, KNOWN):
        assert (one.start_s >= found.end_s or one.end_s <= found.start_s) or one == found


def test_quiet_parts_between_two_loud_ones_do_not_part_them():
    ticks = [part for _ in range(5) for part in ((0.1, -30), (0.4, ROOM_DBFS))]
    stream = heard((12, ROOM_DBFS), (0.3, -14), (0.4, -45), *ticks, (0.3, -14), (0.2, -40), (6, ROOM_DBFS))
    (found,) = [one for one in sounds(stream, KNOWN) if one.peak_dbfs > -20]
    assert (found.start_s, found.end_s) == (pytest.approx(12, abs=0.15), pytest.approx(15.5, abs=0.2))


@pytest.mark.parametrize("gap_s", [4, 10, 18])
def test_a_bell_after_a_door_that_fell_shut_much_louder_is_the_last_sound(gap_s):
    stream = heard((12, ROOM_DBFS), (0.5, -3), (gap_s, ROOM_DBFS), (1.6, -27), (5, ROOM_DBFS))
    found, later = last_sound([stream], KNOWN)
    assert (found.start_s, later) == (pytest.approx(12.5 + gap_s, abs=0.15), [])


def test_a_rustle_of_steps_that_does_not_hold_on_is_none_however_long_it_goes_on():
    steps = [part for _ in range(20) for part in ((0.2, -42), (0.2, ROOM_DBFS))]
    stream = heard((12, ROOM_DBFS), (1.6, -14), (1.5, ROOM_DBFS), *steps, (2, ROOM_DBFS))
    found, later = last_sound([stream], KNOWN)
    assert (round(found.start_s), len(later)) == (12, 1)
