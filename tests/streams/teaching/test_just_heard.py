"""A label is given to the sound that was meant, or the person is told why not: with a real listener, and its journal
between two processes."""

import threading
import time

import numpy as np
import pytest
import soundfile

from pace_edge.errors import DoubtfulError, LearningError
from pace_edge.model_file import read_model
from streams.configuration.running import Registration
from streams.heard import Event
from streams.listening.learner import open_journal
from streams.listening.listener import Listener
from streams.listening.options import Options
from streams.sources.files import FileSource
from streams.teaching.labels import labels
from streams.teaching.teach import Teacher
from tests.streams.arrays import Arrays
from tests.synthetic import RATE_HZ, hiss, tone


@pytest.fixture(autouse=True)
def now_unix_s(monkeypatch):
    """The clock stands still: what a listener heard "just now" is that, however slow the machine is."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    return now


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def teacher(small_model):
    with Teacher(small_model) as teacher:
        yield teacher


def silence(seconds):
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def listen(model, *parts, source="attic", options=None, ago_s=0.0):
    """A listener heard these sounds one after the other, up to `ago_s` seconds ago."""
    model = read_model(model)
    with open_journal(model) as journal:
        listener = Listener(model, journal, options)
        came = time.time() - ago_s
        heard = list(listener.feed(np.concatenate(parts), source=source, came_unix_s=came))
    return [one for one in heard if isinstance(one, Event)]


def taught(teacher):
    return [o for o in teacher.learner.operations if o.kind == "learn"]


def test_the_last_sound_is_taught_whole_and_said_back(teacher, small_model, rng):
    listen(small_model, hiss(12, rng=rng), tone(900, 3.2, rng=rng), hiss(8, rng=rng))
    lesson = teacher.learn_last_sound("doorbell")
    assert (lesson.heard_from, lesson.duration_s) == ("attic", pytest.approx(3.2, abs=0.2))
    assert lesson.at_unix_s == pytest.approx(time.time() - 11.2, abs=0.2)
    assert f"by attic at {time.strftime('%H:%M', time.localtime(lesson.at_unix_s))}" in lesson.in_words()
    (example,) = taught(teacher)
    assert example.start_s == pytest.approx(12, abs=0.2)
    assert example.end_s == pytest.approx(15.2, abs=0.2)


@pytest.mark.parametrize("last_s", [3, 5, 7])
def test_silence_after_a_ring_is_not_taught_and_the_ring_is_named(teacher, small_model, rng, last_s):
    listen(small_model, tone(900, 3, rng=rng), silence(30))
    with pytest.raises(DoubtfulError, match=r"only silence.*--force; nothing was learned"):
        teacher.learn_heard("doorbell", last_s)
    assert teacher.learner.operations == []


def test_the_room_after_a_ring_is_not_taught_and_the_ring_is_named(teacher, small_model, rng):
    listen(small_model, hiss(12, rng=rng), tone(900, 3, rng=rng), hiss(20, rng=rng))
    with pytest.raises(DoubtfulError, match=r"(no sound stands out|calls background).*--force; nothing was learned"):
        teacher.learn_heard("doorbell", 4)
    assert teacher.learner.operations == []
    assert teacher.learn_heard("doorbell", 4, force=True).examples == 1


def test_the_seconds_are_those_of_the_clock_whatever_the_gate_skipped(teacher, small_model, rng):
    listen(small_model, tone(900, 3, rng=rng), 0.0001 * hiss(30, rng=rng), options=Options(gate_dbfs=-55))
    with pytest.raises(LearningError, match=r"nothing is remembered of the last 5 s.*the last sound was \d\d s ago"):
        teacher.learn_heard("doorbell", 5)
    assert teacher.learn_last_sound("doorbell").duration_s == pytest.approx(3.0, abs=0.2)


def test_the_seconds_are_those_of_the_clock_also_while_nobody_read_the_microphone(teacher, small_model, rng):
    listen(small_model, hiss(12, rng=rng), tone(900, 3, rng=rng), ago_s=25)
    with pytest.raises(LearningError, match=r"nothing is remembered of the last 5 s.*the last sound was \d\d s ago"):
        teacher.learn_heard("doorbell", 5)


def test_of_a_recording_that_is_read_at_once_the_seconds_are_its_own(teacher, small_model, rng, tmp_path):
    clip = np.concatenate([tone(900, 3, rng=rng), hiss(12, rng=rng)])
    soundfile.write(tmp_path / "a.wav", clip, RATE_HZ)
    model = read_model(small_model)
    with open_journal(model) as journal:
        list(Listener(model, journal).run(FileSource(tmp_path / "a.wav", rate_hz=RATE_HZ, realtime=False)))
    with pytest.raises(LearningError, match=r"nothing was learned|Nothing was learned"):
        teacher.learn_heard("doorbell", 4)
    lesson = teacher.learn_last_sound("doorbell")
    assert "in file a.wav, 0.0 to 3" in lesson.source


def test_what_was_heard_over_a_minute_ago_is_not_remembered(teacher, small_model, rng):
    listen(small_model, tone(900, 3, rng=rng), ago_s=61)
    with pytest.raises(LearningError, match=r"nothing was heard in the last 60 s.*--file"):
        teacher.learn_last_sound("doorbell")


def test_where_the_gate_kept_all_out_a_listener_is_not_asked_for_but_its_gate_is_named(teacher, small_model):
    model = read_model(small_model)
    words = r"listener that runs here heard nothing above its gate.*gate_dbfs"
    with open_journal(model) as journal, Registration(model, journal.path), pytest.raises(LearningError, match=words):
        teacher.learn_last_sound("doorbell")


def test_a_moment_that_the_gate_kept_out_is_not_within_what_is_said_to_be_remembered(teacher, small_model, rng):
    rings = [part for _ in range(2) for part in (tone(900, 3, rng=rng, level=0.3), silence(20))]
    listen(small_model, *rings, options=Options(gate_dbfs=-55))
    with pytest.raises(LearningError, match=r"expected 0\.0 to [345]\.\d s or 2[123]\.\d to 2[678]\.\d s of attic"):
        teacher.learn_heard_at("doorbell", at_s=14)


def test_the_source_that_heard_it_loudest_is_taught_whichever_wrote_last(teacher, small_model, rng):
    for order in (("hall", "attic"), ("attic", "hall")):
        for source in order:
            ring = tone(900, 2, rng=rng, level=0.3 if source == "hall" else 0.02)
            listen(small_model, hiss(12, rng=rng), ring, silence(2), source=source)
        assert teacher.learn_last_sound("doorbell").heard_from == "hall"
        assert teacher.learn_heard("doorbell", 20).heard_from == "hall"
    assert teacher.learn_last_sound("far bell", source="attic").heard_from == "attic"
    with pytest.raises(LearningError, match=r"called 'hal1'.*Did you mean 'hall'"):
        teacher.learn_last_sound("doorbell", source="hal1")


def test_a_clipped_sound_is_refused_by_every_door(teacher, small_model, rng, tmp_path):
    loud = np.sign(tone(900, 2, rng=rng))
    soundfile.write(tmp_path / "loud.wav", loud, RATE_HZ)
    listen(small_model, loud)
    doors = [
        lambda **how: teacher.learn_file("a", tmp_path / "loud.wav", **how),
        lambda **how: teacher.learn_clip("b", loud, source="test", **how),
        lambda **how: teacher.learn("c", loud, RATE_HZ, **how),
        lambda **how: teacher.learn_recording("d", Arrays(loud), 2.0, **how),
        lambda **how: teacher.learn_last_sound("e", **how),
    ]
    for door in doors:
        with pytest.raises(DoubtfulError, match=r"clipped.*--force; nothing was learned"):
            door()
    assert teacher.learner.operations == []
    assert doors[0](force=True).examples == 1


def test_what_the_model_calls_background_is_refused_by_every_door_but_as_background(rng, tmp_path):
    teacher, quiet = Teacher(), hiss(2, rng=rng)  # the starter knows a quiet room
    soundfile.write(tmp_path / "quiet.wav", quiet, RATE_HZ)
    for door in (
        lambda label: teacher.learn_file(label, tmp_path / "quiet.wav"),
        lambda label: teacher.learn_clip(label, quiet, source="test"),
        lambda label: teacher.learn(label, quiet, RATE_HZ),
    ):
        with pytest.raises(DoubtfulError, match=r"what the model calls background.*--force; nothing was learned"):
            door("doorbell")
    assert teacher.learn_clip("background", quiet, source="test").id == 1
    assert teacher.learn_clip("fan", hiss(2, rng=rng), source="test", force=True).is_new_class
    teacher.close()


def test_the_same_sound_taught_twice_is_one_example_by_whatever_door(teacher, small_model, rng, tmp_path):
    ring = tone(900, 2, rng=rng)
    listen(small_model, hiss(12, rng=rng), ring, silence(3))
    soundfile.write(tmp_path / "ring.wav", ring, RATE_HZ)
    first = teacher.learn_last_sound("doorbell")
    again = teacher.learn_heard("doorbell", 30)
    assert (first.known, again.known, again.id, again.examples) == (False, True, first.id, 1)
    assert f"is example {first.id} of 'doorbell' already" in again.in_words()
    file = teacher.learn_file("doorbell", tmp_path / "ring.wav")
    assert (file.known, file.examples) == (False, 2)  # that it is the same sound no checksum says
    (tmp_path / "copy.wav").write_bytes((tmp_path / "ring.wav").read_bytes())
    assert teacher.learn_file("doorbell", tmp_path / "copy.wav").known
    assert teacher.learn_file("doorbell", tmp_path / "ring.wav").known
    assert [c.taught for c in labels(teacher._model) if c.label == "doorbell"] == [2]


def test_several_takes_of_a_sound_are_several_examples(teacher, small_model, rng):
    listen(small_model, hiss(12, rng=rng), tone(900, 2, rng=rng), silence(3), ago_s=20)
    teacher.learn_last_sound("doorbell")
    listen(small_model, hiss(12, rng=rng), tone(900, 2, rng=rng), silence(3))
    assert teacher.learn_last_sound("doorbell").examples == 2


def test_a_sound_that_is_another_class_s_example_is_not_given_to_a_second_one(teacher, small_model, rng):
    listen(small_model, hiss(12, rng=rng), tone(900, 2, rng=rng), silence(3))
    first = teacher.learn_last_sound("dorbell")
    with pytest.raises(LearningError, match=rf"example {first.id} of 'dorbell' already.*correct --example {first.id} "):
        teacher.learn_last_sound("doorbell")
    teacher.correct(example=first.id, label="doorbell")
    assert teacher.learn_last_sound("doorbell").known


def test_what_was_undone_can_be_taught_again(teacher, small_model, rng):
    listen(small_model, hiss(12, rng=rng), tone(900, 2, rng=rng), silence(3))
    teacher.learn_last_sound("doorbell")
    teacher.undo()
    assert not teacher.learn_last_sound("doorbell").known
    teacher.forget("doorbell")
    assert not teacher.learn_last_sound("doorbell").known


def test_an_exact_id_always_wins_and_an_event_that_was_taught_is_corrected_not_doubled(teacher, small_model, rng):
    parts = [part for _ in range(12) for part in (tone(300, 2, rng=rng), hiss(2.5, rng=rng))]
    events = [event.id for event in listen(small_model, *parts) if event.state == "start"]
    assert len(events) == 12
    for id in events[:3]:
        assert teacher.correct(id, "kettle").examples
    assert [o.event for o in taught(teacher)] == events[:3]
    lesson = teacher.learn_heard("boiler", 4)
    teacher.correct("last", "kettle")
    assert teacher.learner.state.examples[lesson.id] == "kettle"
    assert len(taught(teacher)) == 4
    assert "nothing was changed" in teacher.correct("last", "kettle").did


def test_two_people_who_correct_the_same_event_at_once_leave_one_example(small_model, rng):
    (start, _) = listen(small_model, tone(300, 2, rng=rng), hiss(5, rng=rng))
    ready, failed = threading.Barrier(4), []

    def person(name):
        try:
            with Teacher(small_model) as mine:
                ready.wait()
                mine.correct(start.id, name)
        except BaseException as error:
            failed.append(error)

    people = [threading.Thread(target=person, args=(f"label {i % 2}",)) for i in range(4)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert failed == []
    with Teacher(small_model) as teacher:
        assert len(taught(teacher)) == 1
        assert len(teacher.learner.state.examples) == 1


@pytest.mark.parametrize("end", ["source", "stop", "gap", "left"])
def test_an_event_is_remembered_whole_however_it_ends(small_model, rng, end):
    model = read_model(small_model)
    with open_journal(model) as journal:
        listener, source = Listener(model, journal), Arrays(tone(300, 8, rng=rng))
        if end == "gap":
            list(listener.feed(tone(300, 8, rng=rng)))
            listener.skip(10 * RATE_HZ)
        elif end == "left":
            heard = listener.run(source)
            while not (isinstance(one := next(heard), Event) and one.state == "start"):
                pass
            for one in heard:
                if getattr(one, "end_s", 0.0) >= 7.5:
                    break
            heard.close()
        else:
            for one in listener.run(source):
                if end == "stop" and getattr(one, "end_s", 0.0) >= 7.5:
                    listener.stop()
        (event,) = journal.events()
    assert event.start_s == 0.0
    assert event.end_s >= 7.0
    assert event.starts[-1] >= 6.0
