"""A clip is called what a listener would call it, whatever it comes as; nothing is remembered of it."""

import numpy as np
import pytest
import soundfile

from pace_edge.errors import AudioError, ModelFileError, UsageError
from pace_edge.model_file import read_model
from streams.heard import Window
from streams.listening.classify import classify
from streams.listening.learner import open_journal
from streams.listening.listen import listen
from streams.teaching.teach import Teacher
from tests.streams.arrays import Arrays
from tests.synthetic import RATE_HZ, hiss, tone


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def test_each_window_is_called_as_a_listener_calls_it(small_model, rng):
    clip = np.concatenate([tone(300, 2, rng=rng), tone(2500, 2, rng=rng)])
    said = classify(clip, RATE_HZ, model=small_model)
    heard = [h for h in listen(small_model, Arrays(clip), realtime=False) if isinstance(h, Window)]
    as_heard = [(w.start_s, w.end_s, w.label, w.score, w.top) for w in heard[: len(said.windows)]]
    assert [(w.start_s, w.end_s, w.label) for w in said.windows] == [row[:3] for row in as_heard]
    for window, (*_, score, top) in zip(said.windows, as_heard, strict=True):
        assert window.score == pytest.approx(score, abs=1e-5)
        assert dict(window.top) == pytest.approx(dict(top), abs=1e-5)


def test_the_whole_clip_is_called_by_what_is_loud_in_it(small_model, rng):
    said = classify(np.concatenate([tone(300, 2, rng=rng), 0.001 * hiss(6, rng=rng)]), RATE_HZ, model=small_model)
    assert (said.label, said.top[0][0]) == ("low", "low")
    assert said.score > 0.5
    assert said.level_dbfs == pytest.approx(-13.5, abs=0.5)
    assert said.in_words() == f"low ({said.score:.2f}), from 15 windows"


def test_the_end_of_a_clip_and_a_clip_shorter_than_a_window_are_heard(small_model, rng):
    assert [(w.start_s, w.end_s) for w in classify(tone(300, 1.7, rng=rng), RATE_HZ, model=small_model).windows] == [
        (0.0, 1.0), (0.5, 1.5), (0.7, 1.7),
    ]  # fmt: skip
    short = classify(tone(300, 0.4, rng=rng), RATE_HZ, model=small_model)
    assert [(w.start_s, w.end_s, w.label) for w in short.windows] == [(0.0, 0.4, "low")]
    assert short.label == "low"


def test_a_file_is_what_its_array_is_and_what_was_taught_counts(small_model, rng, tmp_path):
    clip = tone(900, 2, rng=rng)
    soundfile.write(tmp_path / "bell.wav", clip, RATE_HZ, subtype="FLOAT")
    with Teacher(small_model) as teacher:
        assert teacher.classify(clip, RATE_HZ).label != "bell"
        teacher.learn("bell", tone(900, 1, rng=rng), RATE_HZ)
        assert teacher.classify(clip, RATE_HZ).label == "bell"
    by_array = classify(clip, RATE_HZ, model=small_model)
    for path in (tmp_path / "bell.wav", str(tmp_path / "bell.wav")):
        by_file = classify(path, model=small_model)
        assert (by_file.label, by_file.score) == (by_array.label, by_array.score) == ("bell", by_array.score)


def test_nothing_is_remembered(small_model, rng):
    classify(tone(300, 3, rng=rng), RATE_HZ, model=small_model)
    with open_journal(read_model(small_model)) as journal:
        assert not journal.heard()
        assert not journal.events()


def test_what_cannot_be_classified_is_told(small_model, rng, tmp_path):
    clip = tone(300, 1, rng=rng)
    for samples, rate_hz, error, words in (
        (clip, None, AudioError, "the rate of this array is missing"),
        (clip * 32767, RATE_HZ, AudioError, "divide by 32768"),
        (tmp_path / "none.wav", None, AudioError, "no such audio file"),
        ("ring.wav", RATE_HZ, UsageError, "rate_hz=16000 is that of arrays"),
        (np.zeros(601 * RATE_HZ), RATE_HZ, AudioError, r"too long .*pace_edge.listen\(source=..., realtime=False\)"),
    ):
        with pytest.raises(error, match=words):
            classify(samples, rate_hz, model=small_model)
    soundfile.write(tmp_path / "long.flac", np.zeros(601 * 8000), 8000)
    with pytest.raises(AudioError, match=r"too long .*pace_edge.listen\(source=..., realtime=False\)"):
        classify(tmp_path / "long.flac", model=small_model)
    with pytest.raises(ModelFileError):
        classify(clip, RATE_HZ, model=tmp_path / "none.onnx")
