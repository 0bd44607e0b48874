"""An event is promised once it is on the disk; what the disk refuses waits in memory and is promised later."""

import pytest

from streams.heard import Window
from streams.sinks.courier import AwayError
from streams.sinks.remote import Choice, Remote
from tests.streams.sinks.given import Said, event, wait_until


def test_an_event_is_on_the_disk_when_write_returns(outbox):
    def away(letter):
        raise AwayError("away", retry_after_s=3600)

    sink = Remote("hook", away, outbox, Said().reports, choice=Choice())
    sink.write(event(7, id=""))
    letter = outbox.first("hook")
    assert letter.record["label"] == "dog"
    assert letter.record["id"]  # never without one
    assert (sink.counts().written, sink.counts().waiting, sink.counts().delivered) == (1, 1, 0)
    sink.close()
    assert outbox.waiting("hook") == 1


def test_a_full_disk_promises_nothing_and_delivers_everything_in_order_when_it_has_room(outbox):
    got, said = [], Said()
    sink = Remote("hook", lambda letter: got.append(letter.record["id"]), outbox, said.reports, choice=Choice())
    sink._backlog._retry_s = 0.0
    (pages,) = outbox._db.execute("PRAGMA page_count").fetchone()
    outbox._db.execute(f"PRAGMA max_page_count={pages}")  # SQLite's own full disk
    sink.write(event(1, source="z" * 10_000))
    sink.write(event(2))
    assert said.has("hook's outbox cannot be written (database or disk is full); waiting in memory: 1.")
    assert (sink.counts().written, sink.counts().waiting) == (0, 2)
    assert got == []
    outbox._db.execute("PRAGMA max_page_count=100000")
    sink.write(Window(0, 1, "dog", 1, -20))  # anything heard is an occasion
    wait_until(lambda: got == ["id-1", "id-2"])
    sink.close()
    assert (sink.counts().written, sink.counts().delivered, sink.counts().waiting) == (2, 2, 0)


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (Choice(), ["start dog", "end dog", "end cat"]),
        (Choice(("update",)), ["update dog"]),
        (Choice(labels=("cat",)), ["end cat"]),
    ],
)
def test_a_choice_is_by_state_and_label(choice, taken):
    events = [event(1, "start"), event(1, "update"), event(1, "end"), event(2, "end", "cat")]
    assert [f"{one.state} {one.label}" for one in events if choice.takes(one)] == taken
