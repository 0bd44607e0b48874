"""A sound has its own time or none: never that of the analysis; and sound that is missing has the cause that it was."""

import time

import numpy as np
import pytest
import soundfile

from pace_edge.journal import Journal
from pace_edge.model_file import read_model
from streams.heard import Event, Gap, Window
from streams.listening.learner import open_journal
from streams.listening.listen import listen
from streams.listening.listener import Listener
from streams.service.opening import chunks_of
from streams.sources.several import arrivals
from tests.streams.arrays import Arrays
from tests.synthetic import RATE_HZ, hiss, tone

RECORDED = 1.5e9


@pytest.fixture
def rng():
    return np.random.default_rng(12)


@pytest.fixture
def bell(rng):
    """1 s of quiet, then 3 s of a sound that is announced, and quiet."""
    return np.concatenate([hiss(1, rng=rng), tone(300, 3, rng=rng), hiss(2, rng=rng)])


class Telling(Arrays):
    def news(self):
        return []


def of(kind, heard):
    return [one for one in heard if isinstance(one, kind)]


def test_a_live_sound_has_the_time_of_the_clock(small_model, bell):
    began = time.time()
    heard = list(listen(small_model, Arrays(bell, 16000)))
    for one in [*of(Window, heard), *of(Event, heard)]:
        assert one.at_unix_s == one.heard_unix_s
        assert began - 6 < one.at_unix_s < time.time()


def test_a_live_sound_has_its_time_however_long_it_takes_to_hear_it(small_model, bell, monkeypatch):
    now = began = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    model, heard = read_model(small_model), []
    with open_journal(model) as journal:
        listener = Listener(model, journal)
        for one in listener.feed(np.tile(bell, 4)):
            heard.append(one)
            now += 2.0  # whoever listens has much to do with each
        now += 600.0
        heard += listener.finish()
        windows = [window for stream in journal.heard() for window in stream.windows]
    assert windows == []  # the last minute is over
    assert len(of(Window, heard)) > 20
    for one in of(Window, heard):
        assert one.at_unix_s == one.heard_unix_s == pytest.approx(began - 24 + one.end_s, abs=1e-3)
    for one in of(Event, heard):
        assert one.at_unix_s == one.heard_unix_s == pytest.approx(began - 24 + one.start_s, abs=1e-3)


@pytest.mark.parametrize("recorded", [None, RECORDED, -3.5e8])
def test_a_recording_has_its_own_time_or_none_and_is_heard_now(small_model, bell, recorded):
    source = Arrays(bell, 16000)
    source.live, source.recorded_unix_s = False, recorded
    began = time.time()
    heard = list(listen(small_model, source))
    for one in [*of(Window, heard), *of(Event, heard)]:
        second = one.end_s if isinstance(one, Window) else one.start_s
        assert one.at_unix_s == (None if recorded is None else pytest.approx(recorded + second, abs=1e-3))
        assert began - 2 < one.heard_unix_s < time.time()
    hours = [one.heard_unix_s for one in of(Window, heard)]
    assert hours == sorted(hours)


def test_a_file_without_a_time_has_none_and_its_events_are_remembered(small_model, bell, tmp_path):
    soundfile.write(tmp_path / "bell.wav", bell, RATE_HZ)
    heard = list(listen(small_model, str(tmp_path / "bell.wav"), realtime=False))
    assert {one.at_unix_s for one in [*of(Window, heard), *of(Event, heard)]} == {None}
    model = read_model(small_model)
    with open_journal(model) as journal:
        assert isinstance(journal, Journal)
        (event,) = journal.events()
    assert abs(event.at_unix_s - time.time()) < 60  # when it was heard


def test_the_time_of_a_source_passes_through_the_service(small_model, bell):
    source = Telling(bell)
    source.live, source.recorded_unix_s = False, RECORDED
    model = read_model(small_model)
    with open_journal(model) as journal, Listener(model, journal) as listener:
        heard = list(listener.run_several(chunks_of(arrivals([source]), (), RATE_HZ)))
    assert [one.at_unix_s for one in of(Window, heard)] == [RECORDED + one.end_s for one in of(Window, heard)]


class Losing(Telling):
    """Loses a second before each chunk of one second that `causes` has a word for."""

    def __init__(self, samples, *causes):
        super().__init__(samples, RATE_HZ)
        self.causes, self.away = causes, 0

    def __iter__(self):
        for chunk, cause in zip(self.chunks, self.causes, strict=True):
            self.dropped += RATE_HZ * (cause in ("machine", "source"))
            self.away += RATE_HZ * (cause == "source")
            self.overflows += cause == "system"
            yield chunk


@pytest.mark.parametrize("through_the_service", [False, True])
def test_sound_that_is_missing_has_the_cause_that_it_was(small_model, rng, through_the_service):
    source = Losing(hiss(5, rng=rng), "", "source", "machine", "system", "")
    model = read_model(small_model)
    with open_journal(model) as journal, Listener(model, journal) as listener:
        if through_the_service:
            heard = list(listener.run_several(chunks_of(arrivals([source]), (), RATE_HZ)))
        else:
            heard = list(listener.run(source))
        counters = listener.counters
    assert [(one.cause, one.start_s, one.end_s) for one in of(Gap, heard)] == [
        ("source", 1, 2), ("machine", 3, 4), ("system", 5, 5),
    ]  # fmt: skip
    assert (counters.gaps, counters.away_samples, counters.dropped_samples) == (3, RATE_HZ, RATE_HZ)
    assert counters.overflows == 1
