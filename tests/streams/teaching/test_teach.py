"""What is taught is known at once, the old classes stay, and what cannot be taught is said and loses nothing."""

import hashlib
import os
import re
import time
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from pace_edge.errors import AudioError, DoubtfulError, JournalError, LearningError, UsageError
from pace_edge.model_file import read_model
from streams.listening.learner import open_journal
from streams.listening.listener import Listener
from streams.sources.source import FileSource
from streams.teaching import teach
from streams.teaching.labels import labels
from streams.teaching.teach import Teacher
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
        list(listener.feed(np.concatenate([tone(300, 3, rng=rng), hiss(45, rng=rng), tone(900, 2, rng=rng)])))
    lesson = teacher.learn_heard("doorbell", 20)
    assert 2 <= lesson.windows <= 4  # one may hold the beginning of it
    assert re.fullmatch(r"heard at \d\d:\d\d:\d\d, \d.\d s, -13 dBFS", lesson.source)
    assert called(teacher, tone(900, 1, rng=rng)) == "doorbell"


def test_nothing_heard_is_said(teacher):
    with pytest.raises(LearningError, match=r"nothing was heard.*--file"):
        teacher.learn_heard("doorbell", 5.0)


def test_a_recording_is_as_long_as_it_was_asked_to_be(teacher, rng, tmp_path):
    soundfile.write(tmp_path / "long.wav", tone(900, 5, rng=rng), RATE_HZ)
    source = FileSource(tmp_path / "long.wav", rate_hz=RATE_HZ, realtime=False)
    assert teacher.learn_recording("doorbell", source, 2.0).windows_heard == 3


def test_silence_is_not_taught(teacher):
    with pytest.raises(DoubtfulError, match=r"only silence.*--force; nothing was learned"):
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


@pytest.fixture
def heard(small_model, rng):
    """A listener heard 3 s of low and 2 s of 900 Hz, up to now."""
    model = read_model(small_model)
    with open_journal(model) as journal:
        list(Listener(model, journal).feed(np.concatenate([tone(300, 3, rng=rng), tone(900, 2, rng=rng)])))
    return time.time()


def test_a_moment_of_the_stream_can_be_labelled(teacher, heard, rng):
    lesson = teacher.learn_heard_at("doorbell", at_s=4.6)
    assert (lesson.windows, lesson.duration_s) == (1, 1.0)
    assert called(teacher, tone(900, 1, rng=rng)) == "doorbell"


def test_a_moment_of_the_clock_can_be_labelled(teacher, heard):
    assert teacher.learn_heard_at("doorbell", at_unix_s=heard - 0.2).windows_heard >= 1


@pytest.mark.parametrize("moment", [{"at_s": 99.0}, {"at_unix_s": 5.0}])
def test_a_moment_that_is_not_remembered_is_said_with_those_that_are(teacher, heard, moment):
    with pytest.raises(LearningError, match=r"nothing is remembered of that moment: expected .* to .*"):
        teacher.learn_heard_at("doorbell", **moment)


def test_what_a_listener_announced_this_morning_can_be_corrected(teacher, small_model, rng):
    model = read_model(small_model)
    with open_journal(model) as journal:
        listener = Listener(model, journal)
        list(listener.feed(np.concatenate([tone(300, 3, rng=rng), hiss(3, rng=rng)])))
        for _ in range(9):  # more than the minute that is remembered
            list(listener.feed(hiss(10, rng=rng)))
    (event,) = teacher._journal.events()
    assert event.label == "low"
    assert 1 <= len(event.embeddings) <= 8
    assert teacher.correct("last", "kettle").examples == 1
    ((_, kept),) = teacher._journal.embeddings([1])
    assert np.array_equal(kept, event.embeddings)


def test_a_recording_is_kept_when_it_is_asked_for_and_a_file_is_remembered(teacher, rng, tmp_path):
    soundfile.write(tmp_path / "ring.wav", tone(900, 1, rng=rng), RATE_HZ)
    soundfile.write(tmp_path / "again.wav", tone(900, 1, rng=rng), RATE_HZ)
    teacher.learn_file("doorbell", tmp_path / "ring.wav")
    teacher.learn_file("doorbell", tmp_path / "again.wav", keep_audio=True)
    of_file, kept = teacher._journal.operations()
    assert of_file.audio == str(tmp_path / "ring.wav")
    assert of_file.audio_sha256 == hashlib.sha256((tmp_path / "ring.wav").read_bytes()).hexdigest()
    clip = teacher._journal.clips / kept.audio
    assert kept.audio_sha256 == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert clip.stat().st_mode & 0o777 == 0o600  # the sound of somebody's home
    assert np.abs(soundfile.read(clip)[0] - soundfile.read(tmp_path / "again.wav")[0]).max() < 1e-4


def test_a_recording_that_cannot_be_kept_teaches_nothing(teacher, rng):
    teacher._journal.clips.write_text("in the way")
    with pytest.raises(JournalError, match=r"cannot be kept.*nothing was learned"):
        teacher.learn_clip("doorbell", tone(900, 1, rng=rng), source="test", keep_audio=True)
    assert teacher._journal.operations() == []


def test_the_class_of_what_is_not_announced_is_named_by_the_model(teacher, small_model):
    assert teacher.background == "background"
    model = read_model(small_model)
    nothing = replace(model, info=replace(model.info, background=""))
    with Teacher(nothing) as without, pytest.raises(UsageError, match="no class for what is not to be announced"):
        _ = without.background


def test_seconds_of_one_stream_are_taught_whatever_others_were_heard(teacher, small_model, rng):
    model = read_model(small_model)
    with open_journal(model) as journal:
        listener = Listener(model, journal)
        for source, hz in (("attic", 900), ("door", 300)):
            list(listener.feed(tone(hz, 6, rng=rng), source=source))
        session = listener.session("attic")
        assert listener.session("cellar") is None
    clip = tone(900, 2, rng=rng)
    lesson = teacher.learn_heard_range("bell", session, 1.0, 3.0, name="attic", sound_of=lambda *_: clip)
    assert (lesson.windows_heard, lesson.heard_from, lesson.duration_s) == (3, "attic", 2.0)
    assert called(teacher, tone(900, 1, rng=rng)) == "bell"
    (kept,) = [o for o in teacher.learner.operations if o.audio]
    assert len(soundfile.read(teacher.learner.journal.clips / kept.audio)[0]) == len(clip)
    short = teacher.learn_heard_range("blip", session, 4.2, 4.4)
    assert (short.windows_heard, short.duration_s) == (2, 1.5)
    with pytest.raises(LearningError, match=r"nothing is remembered of 60.0 to 61.0 s of attic.*nothing was learned"):
        teacher.learn_heard_range("bell", session, 60.0, 61.0, name="attic")
    with pytest.raises(LearningError, match="nothing is remembered"):
        teacher.learn_heard_range("bell", "no session", 1.0, 3.0)


def test_an_encoder_that_is_there_already_is_used(small_model, rng):
    asked = []
    encoder = teach.Encoder(read_model(small_model))
    with Teacher(small_model, encoder=lambda windows: asked.append(len(windows)) or encoder(windows)) as teacher:
        teacher.learn_clip("doorbell", tone(900, 1, rng=rng), source="test")
    assert asked == [1]
