"""A listener ends with the ends of what goes on, keeps several sources apart, and takes over a new model between two
chunks."""

import threading

import numpy as np
import pytest

from pace_edge.errors import DeviceError, JournalError, ModelFileError
from pace_edge.journal import Example
from pace_edge.model_file import read_model
from streams.heard import Event, Gap, Notice, SourceState, Window
from streams.listening.learner import open_journal
from streams.listening.listen import listen
from streams.listening.listener import Listener
from streams.listening.options import Options
from streams.teaching.teach import Teacher
from tests.streams.arrays import Arrays
from tests.synthetic import RATE_HZ, hiss, tone, with_info, write_small_model


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def listener(small_model):
    model = read_model(small_model)
    with open_journal(model) as journal, Listener(model, journal) as listener:
        yield listener


def told(heard):
    return [(h.label, h.state) for h in heard if isinstance(h, Event)]


class Breaking(Arrays):
    """Raises after its chunks."""

    def __init__(self, samples, error):
        super().__init__(samples)
        self.error = error

    def __iter__(self):
        yield from self.chunks
        raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DeviceError("gone")])
def test_ctrl_c_and_an_error_end_what_was_going_on(listener, rng, error):
    heard, source = [], Breaking(tone(300, 3, rng=rng), error)
    with pytest.raises(type(error)):
        for h in listener.run(source):
            heard.append(h)
    assert told(heard) == [("low", "start"), ("low", "end")]
    assert source.closed


def test_stopping_ends_what_was_going_on_though_the_source_goes_on(listener, rng):
    class Endless(Arrays):
        def __iter__(self):
            yield from self.chunks
            while True:
                yield np.empty(0, np.float32)

    heard, source = [], Endless(tone(300, 3, rng=rng))
    for h in listener.run(source):
        heard.append(h)
        if isinstance(h, Event):
            listener.stop()
    assert told(heard) == [("low", "start"), ("low", "end")]
    assert source.closed


def test_an_event_given_to_listen_stops_it(small_model, rng):
    stop = threading.Event()
    heard = []
    for h in listen(small_model, Arrays(tone(300, 60, rng=rng)), stop=stop):
        heard.append(h)
        stop.set()
    assert len([h for h in heard if isinstance(h, Window)]) == 1


def test_several_sources_with_one_model_are_kept_apart(listener, rng):
    low = Arrays(np.concatenate([tone(300, 3, rng=rng), hiss(3, rng=rng)]), name="attic")
    high = Arrays(np.concatenate([hiss(3, rng=rng), tone(2500, 3, rng=rng)]), name="cellar")
    turns = [
        (s, c) for pair in zip(low.chunks, high.chunks, strict=True) for s, c in zip((low, high), pair, strict=True)
    ]
    heard = list(listener.run_several(turns))
    events = [(h.source, h.label, h.state) for h in heard if isinstance(h, Event)]
    assert events == [
        ("attic", "low", "start"), ("attic", "low", "end"), ("cellar", "high", "start"), ("cellar", "high", "end"),
    ]  # fmt: skip
    for name in ("attic", "cellar"):
        assert [h.start_s for h in heard if isinstance(h, Window) and h.source == name] == [0.5 * i for i in range(11)]
    assert len({h.id for h in heard if isinstance(h, Event)}) == 2


def test_when_a_source_falls_silent_for_good_its_events_end(listener, rng):
    class Unplugged(Arrays):
        def __iter__(self):
            yield from self.chunks
            yield np.empty(0, np.float32)

        def news(self):
            self.asked = getattr(self, "asked", 0) + 1
            gone = SourceState(self.name, "gone", "the microphone is gone", 0.0)
            return [gone] if self.asked == len(self.chunks) + 1 else []

    heard = list(listener.run(Unplugged(tone(300, 3, rng=rng))))
    assert [type(h) for h in heard][-2:] == [Event, SourceState]
    assert listener._streams == {}
    assert told(heard) == [("low", "start"), ("low", "end")]


def test_a_stream_that_ended_is_forgotten(listener, rng):
    class Files(Arrays):
        """One file after another, as a folder is: each ends and the next has its own name."""

        def __iter__(self):
            for i in range(30):
                self.name = f"file {i}"
                yield from self.chunks
                yield np.empty(0, np.float32)

        def news(self):
            self.asked = getattr(self, "asked", 0) + 1
            ended = SourceState(self.name, "ended", "it is over", 0.0)
            return [ended] if self.asked % (len(self.chunks) + 1) == 0 else []

    heard = []
    for h in listener.run(Files(tone(300, 2, rng=rng))):
        heard.append(h)
        assert len(listener._streams) <= 1
    assert told(heard) == [("low", "start"), ("low", "end")] * 30
    assert {h.start_s for h in heard if isinstance(h, Window)} == {0, 0.5, 1.0}


def test_a_long_loss_ends_an_event_and_a_short_one_does_not(listener, rng):
    for lost_s, ends in [(0.5, []), (30.0, [("low", "end")])]:
        listener.finish()
        list(listener.feed(tone(300, 3, rng=rng)))
        heard = listener.skip(round(lost_s * RATE_HZ))
        assert told(heard) == ends
        assert isinstance(heard[-1], Gap)
    assert listener.counters.gaps == 2
    assert listener.counters.dropped_samples == 30.5 * RATE_HZ


@pytest.fixture
def same(small_model, tmp_path):
    """The same classes in another file."""
    return with_info(small_model, tmp_path / "same.onnx", name="same")


def test_a_new_model_takes_over_between_two_chunks_without_losing_sound(listener, same, rng):
    sound = tone(300, 6, rng=rng)
    heard = list(listener.feed(sound[: 3 * RATE_HZ]))
    listener.swap(same)
    heard += [*listener.feed(sound[3 * RATE_HZ :]), *listener.finish()]
    assert [h.start_s for h in heard if isinstance(h, Window)] == [0.5 * i for i in range(11)]
    assert told(heard) == [("low", "start"), ("low", "end")]
    (notice,) = [h for h in heard if isinstance(h, Notice)]
    assert notice.words == "Listening goes on with same: 3 classes."


def test_windows_of_another_length_go_on_where_the_last_one_ended(listener, rng, tmp_path):
    short = write_small_model(tmp_path / "short.onnx", name="short", window_samples=RATE_HZ // 2)
    list(listener.feed(tone(300, 3.2, rng=rng)))  # the last window ended at 3 s
    listener.swap(short)
    windows = [h for h in listener.feed(tone(300, 1, rng=rng)) if isinstance(h, Window)]
    assert [(w.start_s, w.end_s) for w in windows] == [(3.0, 3.5), (3.5, 4.0)]


def test_events_of_classes_that_the_new_model_does_not_know_are_ended(listener, small_model, rng, tmp_path):
    labels = ("middle", "high", "background")
    without_low = with_info(small_model, tmp_path / "other.onnx", name="other", labels=labels)
    list(listener.feed(tone(300, 3, rng=rng)))
    listener.swap(without_low)
    assert told(listener.feed(np.zeros(0, np.float32))) == [("low", "end")]


def test_a_new_model_learns_from_its_own_journal(listener, same, rng, tmp_path):
    with Teacher(same, journal=tmp_path / "own") as teacher:
        listener.swap(same, journal=tmp_path / "own")
        teacher.learn_clip("doorbell", tone(900, 1, rng=rng), source="test")
        heard = list(listener.feed(tone(900, 1, rng=rng)))
        assert [h.label for h in heard if isinstance(h, Window)] == ["doorbell"]
        teacher.learn_clip("doorbell", tone(900, 1, rng=rng), source="test")
        assert [h.label for h in listener.feed(tone(900, 1, rng=rng)) if isinstance(h, Example)] == ["doorbell"]


def test_a_model_that_cannot_take_over_is_refused_and_listening_goes_on(listener, small_model, same, rng, tmp_path):
    slower = with_info(small_model, tmp_path / "slower.onnx", name="slower", rate_hz=8000)
    with pytest.raises(ModelFileError, match=r"expected 16000 Hz, got 8000 Hz. Start again with it"):
        listener.swap(slower)
    with pytest.raises(ModelFileError, match="cannot read"):
        listener.swap(tmp_path / "none.onnx")
    with pytest.raises(JournalError, match="belongs to another model"):
        listener.swap(same, journal=listener._ears.learner.journal.path)
    heard = list(listener.feed(tone(300, 2, rng=rng)))
    assert {h.label for h in heard if isinstance(h, Window)} == {"low"}


def test_a_model_whose_journal_has_gone_meanwhile_is_not_taken(listener, same, rng, tmp_path):
    listener.swap(same, journal=tmp_path / "own")
    (tmp_path / "own").write_bytes(b"no journal any more" * 100)
    for beside in ("own-wal", "own-shm"):
        (tmp_path / beside).unlink(missing_ok=True)
    notice, *heard = list(listener.feed(tone(300, 1, rng=rng)))
    assert notice.words.startswith("The new model was not taken: ")
    assert {h.label for h in heard if isinstance(h, Window)} == {"low"}


def test_a_swap_from_another_thread_while_it_runs(small_model, same, rng):
    model, swapped = read_model(small_model), threading.Event()

    class Waiting(Arrays):
        def __iter__(self):
            for i, chunk in enumerate(self.chunks):
                if i == 10:
                    assert swapped.wait(300)
                yield chunk

    with open_journal(model) as journal, Listener(model, journal, Options()) as listener:

        def swap():
            listener.swap(same)
            swapped.set()

        thread = threading.Thread(target=swap)
        thread.start()
        heard = list(listener.run(Waiting(tone(300, 3, rng=rng))))
        thread.join()
    assert len([h for h in heard if isinstance(h, Window)]) == 5
    assert [h.kind for h in heard if isinstance(h, Notice)] == ["model"]
