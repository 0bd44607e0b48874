"""Other sources take over while the listener goes on: what was heard ends, and nothing of the new is lost."""

import numpy as np

from streams.sources.switching import Switch
from tests.streams.arrays import Arrays


class Quiet(Arrays):
    def news(self):
        return []


def source(name, chunks=5):
    return Quiet(np.ones(100 * chunks, np.float32), chunk=100, name=name)


def test_what_was_heard_ends_and_the_next_begins():
    switch, seen = Switch(), []
    first, second = source("old"), source("new", chunks=2)
    for arrival in switch.arrivals([first]):
        seen.append((arrival.source, len(arrival.chunk), arrival.ended))
        if len(seen) == 2:
            switch.to([second])
    assert seen == [
        ("old", 100, False), ("old", 100, False), ("old", 0, True),
        ("new", 100, False), ("new", 100, False), ("new", 0, True),
    ]  # fmt: skip
    assert first.closed
    assert second.closed


def test_of_several_every_one_ends_once():
    switch, seen = Switch(), []
    for arrival in switch.arrivals([source("a", 50), source("b", 50)]):
        seen.append((arrival.source, arrival.ended))
        if {name for name, _ in seen} == {"a", "b"} and "c" not in {name for name, _ in seen}:
            switch.to([source("c")])
    ends = [name for name, ended in seen if ended]
    assert sorted(ends) == ["a", "b", "c"]


def test_without_a_switch_it_is_as_before():
    assert [a.ended for a in Switch().arrivals([source("a", 2)])] == [False, False, True]


def test_a_choice_that_came_too_late_is_the_end():
    """All sources had ended: a listener whose recording is over does not begin again."""
    switch = Switch()
    assert len(list(switch.arrivals([source("a", 1)]))) == 2
