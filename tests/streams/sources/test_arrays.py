"""What a program gives to listen to, whatever it is, is the sound that it means, or refused at once with a sentence."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from pace_edge.errors import AudioError, UsageError
from streams.heard import Event, SourceState
from streams.listening.listen import alisten, listen
from streams.listening.options import Options
from streams.sources.arrays import ArraySource
from tests.streams.arrays import Arrays
from tests.synthetic import RATE_HZ, hiss, tone


@pytest.fixture
def programme():
    """Silence, 3 s low, silence: 8 s."""
    rng = np.random.default_rng(11)
    return np.concatenate([hiss(2, rng=rng), tone(300, 3, rng=rng), hiss(3, rng=rng)])


def events(model, source, **options):
    heard = listen(model, source, realtime=False, events_only=True, **options)
    return [(e.state, e.label, e.start_s, e.end_s) for e in heard if isinstance(e, Event)]


@pytest.fixture
def expected(small_model, programme):
    found = events(small_model, Arrays(programme))
    assert [(state, label) for state, label, *_ in found] == [("start", "low"), ("end", "low")]
    return found


def test_an_array_an_iterable_of_arrays_a_path_and_a_name_are_the_same_sound(
    small_model, programme, expected, tmp_path, monkeypatch
):
    soundfile.write(tmp_path / "low.wav", programme, RATE_HZ, subtype="FLOAT")
    monkeypatch.chdir(tmp_path)
    as_16_bit = (np.stack([programme, programme], 1) * 32767).astype(np.int16)
    for source, rate_hz in (
        (programme, RATE_HZ),
        (programme.tolist(), RATE_HZ),
        (as_16_bit, RATE_HZ),
        (as_16_bit.T, RATE_HZ),
        (iter(np.array_split(as_16_bit, 13)), RATE_HZ),
        ((block for block in np.array_split(programme, 999)), RATE_HZ),
        (tmp_path / "low.wav", None),
        (Path("low.wav"), None),
        ("low.wav", None),
    ):
        assert events(small_model, source, rate_hz=rate_hz) == expected


def test_another_rate_is_resampled_across_the_blocks_of_an_iterable(small_model, programme, expected):
    at_44100 = soxr.resample(programme, RATE_HZ, 44100)
    for source in (at_44100, iter(np.array_split(at_44100, 77))):
        assert events(small_model, source, rate_hz=44100) == expected


async def _async_events(model, source, rate_hz):
    heard = alisten(model, source, rate_hz=rate_hz, realtime=False, events_only=True)
    return [(e.state, e.label, e.start_s, e.end_s) async for e in heard if isinstance(e, Event)]


def test_alisten_takes_the_same(small_model, programme, expected):
    import asyncio

    assert asyncio.run(_async_events(small_model, programme, RATE_HZ)) == expected
    with pytest.raises(UsageError, match="rate of these samples is missing"):
        asyncio.run(_async_events(small_model, programme, None))


class Half:
    rate_hz, name = RATE_HZ, "half"

    def __iter__(self):
        return iter([])

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass


async def some():
    yield np.zeros(10)


@pytest.mark.parametrize(
    ("source", "rate_hz", "words"),
    [
        (np.zeros(RATE_HZ), None, r"rate of these samples is missing. Give it: listen\(source=samples, rate_hz=16000"),
        (iter([np.zeros(10)]), None, "rate of these samples is missing"),
        ("ring.wav", 16000, r"rate_hz=16000 is that of arrays: .*got source='ring.wav'"),
        (None, 16000, "rate_hz=16000 is that of arrays"),
        (3.5, None, r"source=3.5 is nothing to listen to: expected a file's name or Path, .*, got float"),
        (True, None, "source=True is nothing to listen to"),
        (-1, None, "there is no microphone -1"),
        ({"a": 1}, None, "nothing to listen to"),
        (b"\0\1", None, "nothing to listen to"),
        (some(), None, "nothing to listen to"),
        (Half(), None, r"is no whole Source: expected .*got no dropped, overflows"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_source_is_refused_at_once_in_a_sentence(small_model, source, rate_hz, words):
    with pytest.raises(UsageError, match=words) as caught:
        listen(small_model, source, rate_hz=rate_hz)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": "ring.wav"}, r"listen\('ring.wav'\) names no model. The first argument is the model; .*source="),
        ({"model": np.zeros(10)}, r"model=array\(.*cannot be used: expected a model file.*source="),
        ({"options": {"threshold": 1}}, "options={'threshold': 1} cannot be used: expected pace_edge.Options"),
        ({"stop": True}, "stop=True cannot be used: expected a threading.Event"),
    ],
)
def test_a_wrong_argument_is_refused_at_once_in_a_sentence(arguments, words):
    with pytest.raises(UsageError, match=words):
        listen(**arguments)


def test_samples_that_are_no_sound_are_refused_with_their_time(small_model, programme):
    programme[20000] = np.nan
    for source in (programme, iter(np.array_split(programme, 40))):
        with pytest.raises(AudioError, match=r"a number that is no sound at 1.25 s"):
            list(listen(small_model, source, rate_hz=RATE_HZ, realtime=False))
    with pytest.raises(AudioError, match="16-bit numbers in a float array"):
        list(listen(small_model, np.full(RATE_HZ, 32767.0), rate_hz=RATE_HZ))
    with pytest.raises(AudioError, match="this row of arrays is empty"):
        list(listen(small_model, iter([]), rate_hz=RATE_HZ))


def test_a_path_is_never_a_microphone(small_model):
    with pytest.raises(AudioError, match="no such audio file: default"):
        list(listen(small_model, Path("default")))


def test_a_source_at_another_rate_is_refused(small_model):
    source = Arrays(np.zeros(44100))
    source.rate_hz = 44100
    with pytest.raises(UsageError, match="at another rate than the model: expected 16000 Hz, got 44100 Hz"):
        list(listen(small_model, source))


def test_channels_that_cancel_are_refused_in_an_array_and_told_of_a_stream(small_model, programme, expected):
    upside_down = np.stack([programme, -programme], 1)
    with pytest.raises(AudioError, match=r"cancel each other.*channel=1"):
        list(listen(small_model, upside_down, rate_hz=RATE_HZ))
    heard = list(listen(small_model, iter(np.array_split(upside_down, 20)), rate_hz=RATE_HZ, realtime=False))
    (state,) = [h for h in heard if isinstance(h, SourceState)]
    assert "cancel each other: one is the other upside down. Take one alone: channel=1." in state.words
    assert events(small_model, upside_down, rate_hz=RATE_HZ, channel=1) == expected


def test_an_array_has_no_time_of_the_clock_and_a_live_iterable_has(small_model, programme):
    kept = listen(small_model, programme, rate_hz=RATE_HZ, realtime=False, events_only=True)
    assert {event.at_unix_s for event in kept} == {None}
    live = listen(small_model, iter([programme]), rate_hz=RATE_HZ, events_only=True)
    assert all(event.at_unix_s for event in live)


def test_an_array_is_played_at_its_own_speed_if_that_is_wanted(monkeypatch):
    slept = []
    monkeypatch.setattr("streams.sources.arrays.time.sleep", slept.append)
    list(ArraySource(np.zeros(RATE_HZ), RATE_HZ, to_hz=RATE_HZ, realtime=True))
    assert len(slept) == 10
    assert 0.9 < max(slept) <= 1.0


def test_options_go_with_any_source(small_model, programme):
    assert events(small_model, programme, rate_hz=RATE_HZ, options=Options(gate_dbfs=0.0)) == []
