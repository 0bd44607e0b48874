"""A person teaches arrays, stretches of files and tables of labels: each the sound that was meant, or told why not."""

import numpy as np
import pytest
import soundfile

from pace_edge.errors import AudioError, LearningError, UsageError
from pace_edge.model_file import read_model
from streams.teaching.labels import labels
from streams.teaching.relearn import relearn
from streams.teaching.teach import Encoder, Teacher
from tests.synthetic import RATE_HZ, TONES_HZ, hiss, tone, with_info


@pytest.fixture
def rng():
    return np.random.default_rng(12)


@pytest.fixture
def teacher(small_model):
    with Teacher(small_model) as teacher:
        yield teacher


@pytest.fixture
def recording(tmp_path, rng):
    """10 s: 900 Hz at 2 to 4 s, 1400 Hz at 6 to 8 s, else a hiss."""
    parts = [hiss(2, rng=rng), tone(900, 2, rng=rng), hiss(2, rng=rng), tone(1400, 2, rng=rng), hiss(2, rng=rng)]
    soundfile.write(tmp_path / "a.wav", np.concatenate(parts), RATE_HZ)
    return tmp_path / "a.wav"


def called(teacher, clip):
    return teacher._learner.best(Encoder(teacher._model)(clip[None, :RATE_HZ]))[0]


def taught(teacher):
    return {count.label: count.taught for count in labels(teacher._model) if count.taught}


@pytest.mark.parametrize("kind", ["int16 stereo at 44.1 kHz", "float list", "[channels, n] at 48 kHz"])
def test_arrays_of_any_kind_are_the_sound_that_was_meant(teacher, rng, kind):
    rate_hz = {"i": 44100, "f": RATE_HZ, "[": 48000}[kind[0]]
    wave = 0.3 * np.sin(2 * np.pi * 900 * np.arange(2 * rate_hz) / rate_hz)
    samples = {"i": (np.stack([wave, wave], 1) * 32767).astype(np.int16), "f": wave.tolist(), "[": np.stack([wave] * 2)}
    lesson = teacher.learn("doorbell", samples[kind[0]], rate_hz)
    assert (lesson.after[0], lesson.source, lesson.windows) == ("doorbell", "an array of 2.00 s", 3)
    assert called(teacher, tone(900, 1, rng=rng)) == "doorbell"
    assert called(teacher, tone(TONES_HZ["low"], 1, rng=rng)) == "low"


def test_an_array_says_what_it_was_and_is_kept_if_that_is_wanted(teacher, rng):
    lesson = teacher.learn("bell", tone(900, 1, rng=rng), RATE_HZ, source="take 3", keep_audio=True)
    (operation,) = teacher.learner.operations
    assert (lesson.source, operation.source) == ("take 3", "take 3")
    assert len(soundfile.read(teacher.learner.journal.clips / operation.audio)[0]) == RATE_HZ


def test_an_array_that_is_no_sound_teaches_nothing(teacher, rng):
    wave = tone(900, 1, rng=rng)
    with pytest.raises(AudioError, match=r"take 3 goes far beyond full scale.*divide by 32768"):
        teacher.learn("bell", wave * 32767, RATE_HZ, source="take 3")
    with pytest.raises(UsageError, match="label cannot be used"):
        teacher.learn(" ", wave, RATE_HZ)
    assert taught(teacher) == {}


def test_a_stretch_of_a_file_is_what_is_taught(teacher, recording, rng):
    lesson = teacher.learn_file("bell", recording, 2.0, 4.0)
    assert (lesson.windows_heard, lesson.source) == (3, f"file {recording}, 2 to 4 s")
    assert called(teacher, tone(900, 1, rng=rng)) == "bell"
    assert teacher.learn_file("phone", recording, to_s=8.0, from_s=6.0).after[0] == "phone"
    assert teacher.learn_file("end", recording, 9.0).windows_heard == 1
    for from_s, to_s, error, words in (
        (4.0, 2.0, UsageError, "ends before it begins"),
        (12.0, 13.0, AudioError, "ends at 10.00 s"),
        (3.0, 3.0, UsageError, "is empty"),
    ):
        with pytest.raises(error, match=words):
            teacher.learn_file("phone", recording, from_s, to_s)
    assert taught(teacher) == {"bell": 1, "phone": 1, "end": 1}


def test_every_row_of_a_table_is_one_example_and_a_point_is_the_window_around_it(teacher, recording, rng):
    recording.with_suffix(".txt").write_text("2.0\t4.0\tbell\n\\\t200\t4000\n7.0\t7.0\tphone\n0.1\t0.1\tquiet\n")
    done = teacher.learn_table(recording.with_suffix(".txt"))
    assert [lesson.source.rpartition(", ")[2] for lesson in done.lessons] == ["2 to 4 s", "6.5 to 7.5 s", "0 to 1 s"]
    assert done.refused == ()
    assert taught(teacher) == {"bell": 1, "phone": 1, "quiet": 1}
    assert called(teacher, tone(1400, 1, rng=rng)) == "phone"


def test_bad_rows_are_named_by_their_line_and_the_others_are_taught(teacher, recording, tmp_path):
    table = tmp_path / "t.csv"
    rows = ["a.wav,bell,2,4", "a.wav,phone,8,6", "gone.wav,bell,1,2", "a.wav,bell,11,12", "a.wav,phone,6,8"]
    table.write_text("\n".join(["file,label,start_s,end_s", *rows]))
    done = teacher.learn_table(table)
    assert [lesson.label for lesson in done.lessons] == ["bell", "phone"]
    assert [words.partition(":")[0] for words in done.refused] == ["line 3", "line 4", "line 5"]
    assert "ends at 10.00 s" in done.refused[2]
    assert done.in_words() == "2 rows taught; 3 not"


def test_all_labels_are_checked_before_anything_is_taught(teacher, recording, tmp_path):
    table = tmp_path / "a.txt"
    table.write_text(f"2\t4\tbell\n6\t8\t{'x' * 200}\n1\t2\tunknown\n3\t4\tunknown\n")
    with pytest.raises(
        UsageError, match=r"a.txt, line 2: .*cannot be used.*; line 3, 4: 'unknown' .* Nothing was learn"
    ):
        teacher.learn_table(table)
    assert taught(teacher) == {}


def test_a_stretch_is_relearned_as_that_stretch_and_its_kept_copy_whole(small_model, recording, tmp_path):
    with Teacher(small_model, journal=tmp_path / "old.sqlite") as teacher:
        teacher.learn_file("bell", recording, 2.0, 4.0)
        teacher.learn_file("phone", recording, 6.0, 8.0, keep_audio=True)
        windows = [operation.windows for operation in teacher.learner.operations]
    other = read_model(with_info(small_model, tmp_path / "other.onnx", licence="Apache-2.0"))
    for old, new in (("old", "new"), ("new", "newer")):
        model = other if new == "new" else read_model(with_info(small_model, tmp_path / "third.onnx", licence="CC0"))
        done = relearn(model, tmp_path / f"{old}.sqlite", journal=tmp_path / f"{new}.sqlite")
        assert (done.learned, done.reasons) == (2, ())
        with Teacher(model, journal=tmp_path / f"{new}.sqlite") as teacher:
            assert [o.windows for o in teacher.learner.operations if o.kind == "learn"] == windows == [3, 3]


def test_a_stretch_whose_sound_is_kept_is_not_taken_for_the_whole_file(teacher, recording):
    teacher.learn_file("room", recording, force=True)
    assert not teacher.learn_file("bell", recording, 2.0, 4.0, keep_audio=True).known
    assert not teacher.learn_file("bell", recording, 6.0, 8.0, keep_audio=True).known
    assert teacher.learn_file("bell", recording, 2.0, 4.0, keep_audio=True).known
    assert taught(teacher) == {"room": 1, "bell": 2}


def test_a_row_that_comes_twice_and_a_table_that_is_taught_twice_are_one_example_each(teacher, recording):
    recording.with_suffix(".txt").write_text("2\t4\tbell\n2\t4\tbell\n6\t8\tphone\n")
    for _ in range(2):
        done = teacher.learn_table(recording.with_suffix(".txt"))
        assert done.refused == ()
        assert taught(teacher) == {"bell": 1, "phone": 1}
    assert [lesson.known for lesson in done.lessons] == [True, True, True]


def test_a_label_of_another_form_within_a_table_is_asked_about_or_meant(teacher, recording):
    recording.with_suffix(".txt").write_text("2\t4\tbell\n6\t8\tBell\n")
    with pytest.raises(LearningError, match=r"line 2: there is 'bell' already"):
        teacher.learn_table(recording.with_suffix(".txt"))
    assert taught(teacher) == {}
    teacher.learn_table(recording.with_suffix(".txt"), new_class=True)
    assert taught(teacher) == {"bell": 1, "Bell": 1}
