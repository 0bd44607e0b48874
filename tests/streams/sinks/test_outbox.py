"""What was promised is on the disk: it survives kill -9, is carried in order, and is never silently given up."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.errors import SinkError
from streams.sinks.history import History
from streams.sinks.outbox import Outbox
from tests.streams.sinks.given import Said
from tests.waiting import PATIENCE_S


def everything(outbox, receiver):
    """All letters of a receiver, in the order in which they would be carried."""
    found = []
    while letter := outbox.first(receiver):
        found.append(letter.record)
        outbox.remove(receiver, letter)
    return found


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=30))
def test_each_receiver_gets_its_letters_in_order_and_across_a_restart(tmp_path_factory, steps):
    """A step is a receiver and whether its next letter is delivered; else one is put."""
    path = tmp_path_factory.mktemp("outbox") / "outbox.sqlite"
    outbox, expected = Outbox(path), {"a": [], "b": []}
    for number, (receiver, deliver) in enumerate(steps):
        if not deliver:
            outbox.put(receiver, {"n": number})
            expected[receiver].append({"n": number})
        elif letter := outbox.first(receiver):
            assert letter.record == expected[receiver].pop(0)
            outbox.remove(receiver, letter)
    outbox.close()
    outbox = Outbox(path)
    for receiver, records in expected.items():
        assert outbox.waiting(receiver) == len(records)
        assert everything(outbox, receiver) == records
        assert outbox.waiting(receiver) == 0
    outbox.close()


PROMISER = """
import sys
from pathlib import Path
from streams.sinks.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]))
for number in range(1_000_000):
    outbox.put("hook", {"n": number})
    print(number, flush=True)  # acknowledged
"""


def test_what_was_acknowledged_before_kill_9_is_there_after_it(tmp_path):
    path = tmp_path / "outbox.sqlite"
    acknowledged = -1
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", PROMISER, path], stdout=subprocess.PIPE, text=True)
        said = [process.stdout.readline() for _ in range(3)]  # it is up, and promises
        killer = threading.Timer(0.3, process.send_signal, [signal.SIGKILL])
        killer.start()
        said += process.stdout.readlines()
        process.stdout.close()
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
        acknowledged = int([line for line in said if line.endswith("\n")][-1])
        outbox = Outbox(path)
        found = [record["n"] for record in everything(outbox, "hook")]
        outbox.close()
        assert found[: acknowledged + 1] == list(range(acknowledged + 1))
        assert len(found) <= acknowledged + 2  # the one that was being written may be there too
    assert acknowledged > 0


def test_too_many_and_too_old_are_given_up_oldest_first_and_counted(tmp_path, monkeypatch):
    outbox = Outbox(tmp_path / "o.sqlite", keep_events=3, keep_days=1)
    for number in range(5):
        outbox.put("hook", {"n": number})
    outbox.put("other", {"n": 0})
    assert outbox.discard("hook") == 2
    assert outbox.waiting("hook") == 3
    later = time.time() + 1.5 * 86400
    monkeypatch.setattr("streams.sinks.outbox.time.time", lambda: later)
    outbox.put("hook", {"n": 5})
    assert outbox.discard("hook") == 3 + 0
    assert everything(outbox, "hook") == [{"n": 5}]
    assert outbox.waiting("other") == 1
    outbox.close()


def test_a_disk_that_takes_no_more_promises_nothing(tmp_path):
    outbox = Outbox(tmp_path / "o.sqlite")
    (pages,) = outbox._db.execute("PRAGMA page_count").fetchone()
    outbox._db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        outbox.put("hook", {"words": "x" * 10000})
    assert outbox.waiting("hook") == 0
    assert outbox.first("hook") is None
    outbox.close()


def test_two_listeners_cannot_share_one(tmp_path):
    path = tmp_path / "o.sqlite"
    outbox = Outbox(path)
    with pytest.raises(SinkError, match=r"the outbox .* is in use by another listener. Give this one its own file"):
        Outbox(path)
    outbox.close()
    Outbox(path).close()


def test_a_file_of_another_kind_is_refused(tmp_path):
    History(tmp_path / "h.sqlite", Said().reports).close()
    with pytest.raises(SinkError, match=r"is a SQLite file, but no outbox. Name another file; nothing was changed"):
        Outbox(tmp_path / "h.sqlite")
