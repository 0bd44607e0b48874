"""All sinks hear everything; one that fails or hangs takes none with it."""

import time

import pytest

from pace_edge.errors import SinkError
from streams.sinks.sink import Counts
from streams.sinks.together import Sinks
from tests.streams.sinks.given import Said, event


class Memory:
    def __init__(self, name="memory", error=None):
        self.name, self.error, self.held, self.closed = name, error, [], False

    def write(self, heard):
        if self.error:
            raise self.error
        self.held.append(heard)

    def counts(self):
        return Counts(written=len(self.held), failed=1)

    def close(self):
        self.closed = True
        if self.error:
            raise self.error


def test_each_gets_everything_and_is_closed_even_when_another_fails():
    good, bad, last = Memory("good"), Memory("bad", ValueError("a bug")), Memory("last")
    said = Said()
    with Sinks([good, bad, last], said.reports) as sinks:
        for number in range(3):
            sinks.write(event(number))
        assert sinks.counts() == {"good": Counts(3, failed=1), "bad": Counts(failed=4), "last": Counts(3, failed=1)}
    assert good.held == last.held == [event(0), event(1), event(2)]
    assert good.closed
    assert last.closed
    assert said.has("bad failed: ValueError: a bug")


def test_all_are_closed_when_listening_ends_with_an_error():
    memory = Memory()
    with pytest.raises(KeyboardInterrupt), Sinks([memory], Said().reports):
        raise KeyboardInterrupt
    assert memory.closed


def test_one_that_hangs_is_left_behind_and_the_others_are_closed():
    class Hangs(Memory):
        def close(self):
            time.sleep(3600)

    memory, said = Memory(), Said()
    Sinks([Hangs("hook"), memory], said.reports, close_s=2.0).close()
    assert memory.closed
    assert said == ["hook did not close within 2 s and is left behind."]


def test_a_reader_that_has_gone_may_end_the_listener():
    with pytest.raises(BrokenPipeError):
        Sinks([Memory(error=BrokenPipeError())], Said().reports).write(event())


def test_two_of_one_name_would_share_a_promise_and_are_refused():
    with pytest.raises(SinkError, match=r"two sinks are called 'hook'. Give one of them another name"):
        Sinks([Memory("hook"), Memory("other"), Memory("hook")], Said().reports)
