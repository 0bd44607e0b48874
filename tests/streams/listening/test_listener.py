"""The loop hears what is there, takes up labels from any process at its next window, and remembers what it heard."""

import numpy as np
import pytest

from pace_edge.errors import AudioError
from pace_edge.journal import Example
from pace_edge.model_file import read_model
from pace_edge.operations import Operation
from streams.heard import Event, Gap, Window
from streams.listening.learner import Learner, open_journal
from streams.listening.listen import listen
from streams.listening.listener import Listener
from streams.listening.options import Options
from streams.teaching.change import Changer
from streams.teaching.teach import Teacher
from tests.streams.arrays import Arrays
from tests.synthetic import RATE_HZ, hiss, tone


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def programme(rng):
    """Silence, 3 s low, silence, 3 s high, silence: 13 s."""
    return np.concatenate(
        [hiss(2, rng=rng), tone(300, 3, rng=rng), hiss(3, rng=rng), tone(2500, 3, rng=rng), hiss(2, rng=rng)]
    )


def test_every_sound_is_announced_once_in_its_place(small_model, programme):
    events = [h for h in listen(small_model, Arrays(programme)) if isinstance(h, Event)]
    assert [(e.label, e.state) for e in events] == [
        ("low", "start"), ("low", "end"), ("high", "start"), ("high", "end"),
    ]  # fmt: skip
    for event, (start_s, end_s) in zip(events[1::2], [(2, 5), (8, 11)], strict=True):
        assert abs(event.start_s - start_s) <= 0.1
        assert abs(event.end_s - end_s) <= 0.1


def test_windows_cover_the_stream_and_do_not_depend_on_the_chunks(small_model, programme):
    def windows(chunk):
        return [h for h in listen(small_model, Arrays(programme, chunk)) if isinstance(h, Window)]

    by_chunk = [windows(chunk) for chunk in (700, 1600, 50000)]
    assert [w.start_s for w in by_chunk[0]] == [0.5 * i for i in range(25)]
    for other in by_chunk[1:]:
        assert [(w.start_s, w.label) for w in other] == [(w.start_s, w.label) for w in by_chunk[0]]
        assert np.allclose([w.score for w in other], [w.score for w in by_chunk[0]], atol=1e-5)


def test_a_label_from_another_process_works_at_the_next_window(any_model, rng):
    model = read_model(any_model)
    with open_journal(model) as journal, Teacher(any_model) as teacher:
        listener = Listener(model, journal)
        assert next(iter(listener.feed(tone(900, 1, rng=rng)))).label != "doorbell"
        teacher.learn_clip("doorbell", tone(900, 1, rng=rng), source="test")
        learned, window = list(listener.feed(tone(900, 0.5, rng=rng)))[:2]
        assert isinstance(learned, Example)
        assert learned.label == "doorbell"
        assert window.label == "doorbell"


def test_each_label_is_applied_once(small_model, rng):
    with Teacher(small_model) as teacher:
        teacher.learn_clip("doorbell", tone(900, 1, rng=rng), source="test")
    model = read_model(small_model)
    with open_journal(model) as journal:
        learner = Learner(model, journal)
        assert learner.catch_up() == []
        assert learner.classifier.counts[learner.classifier.labels.index("doorbell")] == pytest.approx(1.0)


def test_one_model_in_memory_can_serve_a_teacher_and_a_listener(small_model, rng):
    model = read_model(small_model)
    with Teacher(model) as teacher:
        teacher.learn_clip("doorbell", tone(900, 1, rng=rng), source="test")
        with open_journal(model) as journal:
            classifier = Learner(model, journal).classifier
    assert classifier.counts[classifier.labels.index("doorbell")] == pytest.approx(1.0)
    assert "doorbell" not in model.classifier.labels


def test_every_process_that_opens_the_journal_reaches_the_same_classifier(any_model, rng):
    with Teacher(any_model) as teacher:
        for i in range(70):  # more than are applied step by step
            teacher.learn_clip("abc"[i % 3], tone(500 + 200 * (i % 3), 1, rng=rng), source="test")
        taught = teacher._learner.classifier
        model = read_model(any_model)
        with open_journal(model) as journal:
            opened = Learner(model, journal).classifier
    assert opened.labels == taught.labels
    assert np.abs(opened.W - taught.W).max() < 1e-8


def test_no_window_spans_lost_sound_and_the_loss_is_reported(small_model, rng):
    class Lossy(Arrays):
        def __iter__(self):
            for i, chunk in enumerate(self.chunks):
                self.dropped = RATE_HZ * (i >= 15)
                yield chunk

    heard = list(listen(small_model, Lossy(hiss(3, rng=rng))))
    assert [h for h in heard if isinstance(h, Gap)] == [Gap(1.5, 2.5, "arrays")]
    assert [h.start_s for h in heard if isinstance(h, Window)] == [0, 0.5, 2.5, 3.0]


def test_an_overflow_of_unknown_length_is_a_gap_too(small_model, rng):
    class Overflowing(Arrays):
        def __iter__(self):
            for i, chunk in enumerate(self.chunks):
                self.overflows = int(i >= 15)
                yield chunk

    heard = list(listen(small_model, Overflowing(hiss(3, rng=rng))))
    assert [h for h in heard if isinstance(h, Gap)] == [Gap(1.5, 1.5, "arrays", "system")]
    assert [h.start_s for h in heard if isinstance(h, Window)] == [0, 0.5, 1.5, 2.0]


def test_a_threshold_can_be_given(small_model, programme):
    assert not [
        h for h in listen(small_model, Arrays(programme), options=Options(threshold=1.0)) if isinstance(h, Event)
    ]


def test_a_sound_that_goes_on_to_the_end_is_ended_there(small_model, rng):
    events = [h for h in listen(small_model, Arrays(tone(300, 4, rng=rng))) if isinstance(h, Event)]
    assert [(e.state, e.end_s) for e in events][-1] == ("end", 4.0)


def test_a_class_that_is_hidden_while_it_is_heard_is_not_reported_and_no_other_gets_its_name(small_model, rng):
    model = read_model(small_model)
    with open_journal(model) as journal, Listener(model, journal) as listener:
        before = list(listener.feed(tone(300, 3, rng=rng)))
        assert any(isinstance(h, Event) and h.label == "low" for h in before)
        with Changer(model) as changer:
            changer.hide("low")
        after = list(listener.feed(tone(300, 4, rng=rng))) + listener.finish()
        assert [h.kind for h in after if isinstance(h, Operation)] == ["hide"]
        assert {h.label for h in after if isinstance(h, Window)} == {"unknown"}
        assert all("low" not in dict(h.top) for h in after if isinstance(h, Window))
        assert [(h.state, h.label) for h in after if isinstance(h, Event)] == [("end", "low")]
        with Changer(model) as changer:
            changer.unhide("low")
        again = list(listener.feed(tone(300, 3, rng=rng)))
        assert any(isinstance(h, Event) and (h.state, h.label) == ("start", "low") for h in again)


def test_a_chunk_of_16_bit_numbers_is_heard_as_its_floats_are_and_what_is_no_sound_is_told(small_model, rng):
    model, clip = read_model(small_model), tone(300, 3, rng=rng)
    with open_journal(model) as journal, Listener(model, journal) as listener:
        floats = [heard.level_dbfs for heard in listener.feed(clip, source="a") if isinstance(heard, Window)]
        whole = listener.feed((clip * 32768).astype(np.int16), source="b", rate_hz=RATE_HZ)
        assert [w.level_dbfs for w in whole if isinstance(w, Window)] == pytest.approx(floats, abs=0.01)
        for chunk, rate_hz, words in (
            (clip * 32768, None, r"the chunk at 3.00 s of a goes far beyond full scale.*divide by 32768"),
            (np.append(clip, np.nan), None, r"no sound at 6.00 s"),
            (np.zeros(10, complex), None, "got complex numbers"),
            (clip, 44100, r"another rate than the model: expected 16000 Hz, got 44100 Hz"),
            (np.stack([clip, clip]), None, "more than one channel"),
        ):
            with pytest.raises(AudioError, match=words):
                list(listener.feed(chunk, source="a", rate_hz=rate_hz))
        assert list(listener.feed([], source="a")) == []
        assert listener.counters.sound_s == 6.0
