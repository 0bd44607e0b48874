"""What the disk refuses waits in order, in bounded memory, and what is given up is counted and said."""

from hypothesis import given
from hypothesis import strategies as st

from streams.sinks.backlog import Backlog
from tests.streams.sinks.given import Said


class Disk:
    def __init__(self):
        self.full, self.held = False, []

    def put(self, thing):
        if self.full:
            raise OSError(28, "No space left on device")
        self.held.append(thing)


@given(st.lists(st.one_of(st.booleans(), st.integers(0, 30)), max_size=60), st.integers(1, 5))
def test_all_that_was_not_said_to_be_lost_is_on_the_disk_in_order(steps, room):
    """A bool fills or empties the disk, a number is so many seconds and one more thing to write."""
    disk, said, now = Disk(), Said(), [0.0]
    backlog = Backlog("events", disk.put, said.reports, room=room, retry_s=5, clock=lambda: now[0])
    things = 0
    for step in steps:
        if isinstance(step, bool):
            disk.full = step
        else:
            now[0] += step
            backlog.add(things)
            things += 1
        counts = backlog.counts
        assert counts.waiting <= room
        assert counts.written + counts.waiting + counts.discarded == things
        assert counts.written == len(disk.held)
    lost_before = backlog.counts.discarded
    disk.full = False
    backlog.close()
    assert backlog.counts.discarded == lost_before
    assert disk.held == sorted(disk.held)
    assert len(disk.held) == things - lost_before
    assert said.has("events are lost") == (lost_before > 0)


def test_a_disk_that_refuses_is_left_alone_for_a_while():
    disk, now = Disk(), [0.0]
    disk.full = True
    tried = []
    backlog = Backlog(
        "events", lambda thing: tried.append(thing) or disk.put(thing), Said().reports, clock=lambda: now[0]
    )
    for _ in range(10):
        backlog.add("x")
    assert len(tried) == 1
    now[0] = 6.0
    backlog.retry()
    assert len(tried) == 2


def test_what_a_disk_refuses_until_the_end_is_said():
    disk, said = Disk(), Said()
    disk.full = True
    backlog = Backlog("events", disk.put, said.reports)
    backlog.add(1)
    backlog.close()
    assert said[-1] == "events: events are lost, 1 at the end: the disk took none."
    assert backlog.counts.discarded == 1
