"""What is taught is known at once, the old classes stay, and what cannot be taught is said and loses nothing."""

import os

import numpy as np
import pytest
import soundfile

from pace_edge.errors import AudioError, LearningError, UsageError
from pace_edge.model_file import read_model
from streams import teach
from streams.labels import labels
from streams.learner import open_journal
from streams.listener import Listener
from streams.sources import FileSource
from streams.teach import Teacher
from tests.synthetic import RATE_HZ, TONES_HZ, hiss, tone


@pytest.fixture
def rng():
    return np.random.default_rng(12)


@pytest.fixture
def teacher(small_model):
    with Teacher(small_model) as teacher:
        yield teacher


def called(teacher, clip):
    return teacher._learner.best(teach.Encoder(teacher._model)(clip[None, :RATE_HZ]))[0]


def test_one_clip_makes_a_class_and_the_old_ones_stay(teacher, rng):
    lesson = teacher.learn_clip("doorbell", tone(900, 1, rng=rng), source="test")
    assert lesson.is_new_class
    assert lesson.before[0] != "doorbell" == lesson.after[0]
    assert called(teacher, tone(900, 1, rng=rng)) == "doorbell"
    for label, hz in TONES_HZ.items():
        assert called(teacher, tone(hz, 1, rng=rng)) == label


def test_a_file_of_another_rate_and_two_channels_teaches(teacher, rng, tmp_path):
    t = np.arange(2 * 44100) / 44100
    stereo = np.stack([0.3 * np.sin(2 * np.pi * 900 * t), np.zeros(len(t))], 1)
    soundfile.write(tmp_path / "ring.wav", stereo, 44100)
    assert teacher.learn_file("doorbell", tmp_path / "ring.wav").after[0] == "doorbell"


def test_a_long_clip_is_one_example(teacher, rng):
    lesson = teacher.learn_clip("doorbell", tone(900, 10, rng=rng), source="test")
    assert (lesson.windows, lesson.examples) == (19, 1)


def test_pauses_in_a_clip_are_not_taught(teacher, rng):
    clip = np.concatenate([tone(900, 1, rng=rng), 0.001 * hiss(4, rng=rng)])
    lesson = teacher.learn_clip("doorbell", clip, source="test")
    assert 1 <= lesson.windows <= 2 < lesson.windows_heard


def test_what_a_listener_just_heard_can_be_labelled(teacher, small_model, rng):
    model = read_model(small_model)
    with open_journal(model) as journal:
        listener = Listener(model, journal)
        list(listener.feed(np.concatenate([tone(300, 3, rng=rng), tone(900, 2, rng=rng)])))
    lesson = teacher.learn_heard("doorbell", 1.4)
    assert (lesson.windows, lesson.source) == (3, "heard 3.0 to 5.0 s")
    assert called(teacher, tone(900, 1, rng=rng)) == "doorbell"


def test_nothing_heard_is_said(teacher):
    with pytest.raises(LearningError, match=r"nothing was heard.*--file"):
        teacher.learn_heard("doorbell", 5.0)


def test_what_was_heard_long_ago_is_not_just_heard(teacher, small_model, rng, monkeypatch):
    model = read_model(small_model)
    with open_journal(model) as journal:
        list(Listener(model, journal).feed(tone(300, 2, rng=rng)))
    monkeypatch.setattr(teach, "STALE_S", -1.0)
    with pytest.raises(LearningError, match="nothing was heard"):
        teacher.learn_heard("doorbell", 5.0)


def test_a_recording_is_as_long_as_it_was_asked_to_be(teacher, rng, tmp_path):
    soundfile.write(tmp_path / "long.wav", tone(900, 5, rng=rng), RATE_HZ)
    source = FileSource(tmp_path / "long.wav", rate_hz=RATE_HZ, realtime=False)
    assert teacher.learn_recording("doorbell", source, 2.0).windows_heard == 3


def test_silence_is_not_taught(teacher):
    with pytest.raises(AudioError, match=r"only silence.*nothing was learned"):
        teacher.learn_clip("doorbell", np.zeros(RATE_HZ, np.float32), source="test")
    assert all(count.taught == 0 for count in labels(teacher._model))


def test_a_file_whose_name_is_no_text_teaches_too(teacher, rng, tmp_path):
    path = tmp_path / os.fsdecode(b"t\xfcr.wav")  # Latin-1, as old discs have it
    with path.open("wb") as file:
        soundfile.write(file, tone(900, 1, rng=rng), RATE_HZ, format="WAV")
    lesson = teacher.learn_file("doorbell", path)
    assert lesson.after[0] == "doorbell"
    assert lesson.source.isprintable()
    assert [o.label for o in teacher._journal.operations()] == ["doorbell"]


def test_an_hour_of_sound_is_no_clip(teacher):
    with pytest.raises(AudioError, match=r"too long.*at most 600 s, got 3600 s.*nothing was learned"):
        teacher.learn_clip("doorbell", np.zeros(3600 * RATE_HZ, np.float32), source="test")


def test_a_label_without_a_name_is_refused(teacher, rng):
    with pytest.raises(UsageError, match="label cannot be used"):
        teacher.learn_clip(" ", tone(900, 1, rng=rng), source="test")


def test_labels_count_what_came_with_the_model_and_what_was_taught(teacher, small_model, rng):
    teacher.learn_clip("doorbell", tone(900, 1, rng=rng), source="test")
    teacher.learn_clip("low", tone(300, 1, rng=rng), source="test")
    counts = [(c.label, c.built_in, c.taught) for c in labels(small_model)]
    assert counts == [("low", 20, 1), ("high", 20, 0), ("background", 20, 0), ("doorbell", 0, 1)]
