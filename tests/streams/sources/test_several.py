"""Several sources at once: nothing is lost, nobody starves, one that fails does not take the others along."""

import itertools
import threading

import numpy as np
import pytest

from pace_edge.errors import AudioError, DeviceError
from streams.sources.several import _WAITING, arrivals
from tests.waiting import wait_until


class Fed:
    """A source made of arrays; `before` is called before each."""

    rate_hz, overflows = 16000, 0

    def __init__(self, name, chunks, before=lambda: None, error=None):
        self.name, self.chunks, self.before, self.error = name, chunks, before, error
        self.dropped = self.given = 0
        self.open = False

    def __enter__(self):
        self.open = True
        return self

    def __exit__(self, *exception):
        self.open = False

    def __iter__(self):
        for chunk in self.chunks:
            self.before()
            self.given += 1
            yield chunk
        if self.error:
            raise self.error

    def news(self):
        return []


def counted(first, chunks):
    return [np.full(10, first + i, np.float32) for i in range(chunks)]


def heard(sources):
    """By source: the chunks' values and whether it ended."""
    streams = {}
    for arrival in arrivals(sources):
        values, ends = streams.setdefault(arrival.source, ([], []))
        values.extend(arrival.chunk[:1])
        ends.append(arrival.ended)
    return {name: (values, ends[-1] and not any(ends[:-1])) for name, (values, ends) in streams.items()}


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_chunk_of_every_source_arrives_once_in_its_order(count):
    sources = [Fed(f"source {i}", counted(1000 * i, 200)) for i in range(count)]
    assert heard(sources) == {f"source {i}": ([1000 * i + j for j in range(200)], True) for i in range(count)}
    assert not any(source.open for source in sources)


def test_a_fast_source_waits_for_the_reader_and_a_slow_one_does_not_starve():
    heard_of = {"fast": 0, "slow": 0}
    slow = Fed("slow", counted(0, 5), before=lambda: wait_until(lambda: heard_of["fast"] >= 20 * (slow.given + 1)))
    fast = Fed("fast", itertools.repeat(counted(0, 1)[0]))
    for i, arrival in enumerate(arrivals([fast, slow])):
        heard_of[arrival.source] += bool(arrival.chunk.size)
        if not heard_of["slow"]:
            assert fast.given <= i + 2 * _WAITING + 2  # no more of it is in memory
        if heard_of["slow"] == 5:  # although the other never ends
            break


def test_what_a_source_says_of_a_chunk_comes_with_it():
    class Lossy(Fed):
        def __iter__(self):
            for i, chunk in enumerate(self.chunks):
                self.dropped = 100 * i
                yield chunk

    seen = [(a.chunk[0], a.dropped) for a in arrivals([Lossy("a", counted(0, 50)), Fed("b", [])]) if a.chunk.size]
    assert seen == [(i, 100 * i) for i in range(50)]


@pytest.mark.parametrize("others", [0, 1])
def test_a_new_name_is_a_new_stream(others):
    class Folder(Fed):
        def __iter__(self):
            for self.name in ("file a", "file b"):
                yield from self.chunks

    streams = heard([Folder("folder", counted(0, 3)), *[Fed("other", counted(7, 1))] * others])
    streams.pop("other", None)
    assert streams == {"file a": ([0, 1, 2], True), "file b": ([0, 1, 2], True)}


def test_a_source_that_fails_ends_with_news_and_the_others_go_on_before_the_error_is_raised():
    sources = [Fed("bad", counted(0, 1), error=AudioError("it is damaged")), Fed("good", counted(0, 300))]
    seen = []
    with pytest.raises(AudioError, match="it is damaged"):
        seen.extend(arrivals(sources))
    assert sum(arrival.source == "good" for arrival in seen) == 301
    (bad_end,) = [arrival for arrival in seen if arrival.source == "bad" and arrival.ended]
    assert [(state.source, state.state, state.words) for state in bad_end.news] == [("bad", "ended", "it is damaged.")]


def test_a_fault_in_a_thread_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        list(arrivals([Fed("bad", counted(0, 1), before=lambda: 1 / 0), Fed("good", counted(0, 3))]))


def test_a_source_that_cannot_be_opened_closes_those_that_were():
    class Absent(Fed):
        def __enter__(self):
            raise DeviceError("not there")

    first = Fed("first", [])
    with pytest.raises(DeviceError, match="not there"):
        next(arrivals([first, Absent("second", [])]))
    assert not first.open


def test_leaving_early_ends_the_threads():
    before = threading.active_count()
    going = arrivals([Fed(name, counted(0, 10_000)) for name in "abc"])
    next(going)
    going.close()
    wait_until(lambda: threading.active_count() == before)  # leaving waits for them for a second only
