"""A recording is heard to its last sample, and one that is shorter than a window can be announced."""

import numpy as np
import pytest
import soundfile

from pace_edge.model_file import read_model
from streams.heard import Event, Window
from streams.listening.learner import open_journal
from streams.listening.listen import listen
from streams.listening.listener import Listener
from streams.listening.options import Options
from streams.listening.windows import Windower
from streams.sources.standard_input import StandardInput
from streams.teaching.change import Changer
from tests.streams.arrays import Arrays
from tests.synthetic import RATE_HZ, hiss, tone

WINDOW, HOP = 16000, 8000  # of the small model


@pytest.fixture
def rng():
    return np.random.default_rng(13)


def of(kind, heard):
    return [one for one in heard if isinstance(one, kind)]


def heard(model, samples, **options):
    return list(listen(model, Arrays(samples), options=Options(**options)))


@pytest.mark.parametrize("seconds", [1.0, 1.2, 2.0, 2.4, 6.499])
def test_a_recording_is_heard_to_its_end_and_no_window_ends_behind_it(small_model, rng, seconds):
    windows = of(Window, heard(small_model, hiss(seconds, rng=rng)))
    assert windows[-1].end_s == pytest.approx(seconds, abs=1e-3)
    assert [w.start_s for w in windows] == [0.5 * i for i in range(len(windows))]
    assert all(w.end_s <= seconds + 1e-3 for w in windows)


def test_the_end_has_the_level_of_its_sound_and_not_of_the_silence_behind_it(small_model, rng):
    windows = of(Window, heard(small_model, tone(300, 1.6, rng=rng)))
    assert windows[-1].end_s - windows[-1].start_s == pytest.approx(0.6)
    assert windows[-1].level_dbfs == pytest.approx(windows[0].level_dbfs, abs=1)


@pytest.mark.parametrize("seconds", [0.4, 0.7, 0.999, 1.0, 1.2])
@pytest.mark.parametrize("min_hits", [1, 2, 3])
def test_a_short_recording_is_announced_where_its_sound_is_known(small_model, rng, seconds, min_hits):
    told = heard(small_model, tone(300, seconds, rng=rng), min_hits=min_hits)
    events = of(Event, told)
    assert [(e.state, e.label) for e in events] == [("start", "low"), ("end", "low")]
    assert events[-1].start_s == 0
    assert events[-1].end_s == pytest.approx(seconds, abs=1e-3)


@pytest.mark.parametrize("door", ["file", "folder", "standard input", "feed"])
def test_by_every_door(small_model, rng, tmp_path, door):
    path = tmp_path / "short.wav"
    soundfile.write(path, tone(300, 0.6, rng=rng), RATE_HZ)
    if door == "feed":
        model = read_model(small_model)
        with open_journal(model) as journal, Listener(model, journal) as listener:
            assert list(listener.feed(tone(300, 0.6, rng=rng))) == []
            told = listener.finish()
    elif door == "standard input":
        with path.open("rb", buffering=0) as stream:
            told = list(listen(small_model, StandardInput(rate_hz=RATE_HZ, stream=stream)))
    else:
        told = list(listen(small_model, str(path if door == "file" else tmp_path), realtime=False))
    assert [(e.state, e.label) for e in of(Event, told)] == [("start", "low"), ("end", "low")]


def test_the_sound_of_a_short_recording_is_remembered_and_can_be_corrected(small_model, rng):
    (start, _) = of(Event, heard(small_model, tone(300, 0.6, rng=rng)))
    model = read_model(small_model)
    with open_journal(model) as journal:
        (stream,) = journal.heard()
        (event,) = journal.events()
    assert [(w.start_s, w.end_s) for w in stream.windows] == [(0.0, pytest.approx(0.6))] * 3
    assert len(event.embeddings) == 3  # as many as `learn --file` would have taught
    with Changer(model) as changer:
        assert "bell" in changer.correct(start.id, "bell").in_words()


@pytest.mark.parametrize("hop_s", [1.0, 0.3])
def test_a_recording_that_is_as_long_as_a_window_is_announced_too(small_model, rng, hop_s):
    events = of(Event, heard(small_model, tone(300, 1.0, rng=rng), hop_s=hop_s))
    assert [(e.state, e.label, e.end_s) for e in events] == [("start", "low", 1.0), ("end", "low", 1.0)]


def test_what_is_stopped_half_way_is_not_taken_for_its_end(small_model, rng):
    model = read_model(small_model)
    with open_journal(model) as journal, Listener(model, journal) as listener:
        windows = []
        for one in listener.run(Arrays(hiss(3, rng=rng), 1600)):
            windows += of(Window, [one])
            listener.stop()
    assert [w.end_s for w in windows] == [1.0]


@pytest.mark.parametrize("length", [1, 2, 500, 999, 1000, 1001, 1499, 1500, 1501, 5230])
@pytest.mark.parametrize("hop", [250, 1000, 1700])
@pytest.mark.parametrize("least", [1, 2, 4])
@pytest.mark.parametrize("gap", [0, 700])
def test_the_windows_of_the_rest_hold_every_sample_that_none_held(length, hop, least, gap):
    windower = Windower(1000, hop)
    if gap:
        windower.push(np.ones(300, np.float32))
        windower.skip(gap)
    begin, sound = windower.begin, np.arange(1, length + 1, dtype=np.float32)
    before = [start for start, _ in windower.push(sound)]
    rest = windower.rest(least)
    for start, samples in rest:
        assert len(samples) == 1000
        held = samples[max(0, begin - start) : begin + length - start]
        assert (held == sound[max(0, start - begin) :][: len(held)]).all()
        assert np.count_nonzero(samples) == len(held)
    ends = [start + 1000 for start in before] + [start + 1000 for start, _ in rest]
    assert max(ends) >= begin + length
    assert windower.done == len(ends) >= least
    if length >= 1000:
        assert all(2 * np.count_nonzero(samples) >= 1000 for _, samples in rest)
    assert [start for start, _ in rest] == sorted(start for start, _ in rest)


def test_the_rest_is_padded_also_after_a_model_with_longer_windows_took_over():
    windower = Windower(1000, 250)
    windower.push(np.ones(2100, np.float32))
    longer = windower.resized(4000, 1000)
    for start, samples in longer.rest(4):
        assert len(samples) == 4000
        assert np.count_nonzero(samples) == min(2100 - start, 4000)
