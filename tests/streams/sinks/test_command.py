"""A command runs for each event with what it needs to know, and its trouble stays its own."""

import json
import os
import sys

import pytest

from pace_edge.errors import SinkError
from streams.heard import Window
from streams.sinks.command import Command
from tests.streams.sinks.given import Said, event, wait_until
from tests.waiting import PATIENCE_S

TELL = (
    "import json, os, sys; e = {k: v for k, v in os.environ.items() if k.startswith('PACE_EDGE_')};"
    "open(sys.argv[1] + '/' + e['PACE_EDGE_ID'], 'w').write(json.dumps([json.load(sys.stdin), e]))"
)


def done(sink, number):
    wait_until(lambda: sink.counts().delivered + sink.counts().failed >= number)


def test_it_gets_the_event_as_json_and_in_its_environment_and_no_shell_reads_it(tmp_path):
    sink = Command([sys.executable, "-c", TELL, str(tmp_path)], Said().reports)
    label = "$(touch gone); `x` 'dog'"
    for heard in (event(state="start", label=label), Window(0, 1, "dog", 1, -20), event(2, state="update")):
        sink.write(heard)
    done(sink, 1)
    sink.close()
    (told,) = tmp_path.iterdir()
    record, environment = json.loads(told.read_text())
    assert record["label"] == environment["PACE_EDGE_LABEL"] == label
    assert record["duration_s"] == float(environment["PACE_EDGE_DURATION_S"]) == 2.5
    assert environment["PACE_EDGE_STATE"] == "start"
    assert environment["PACE_EDGE_SOURCE"] == "attic"
    assert (sink.counts().written, sink.counts().delivered) == (1, 1)


def test_what_is_not_known_is_empty_in_the_environment_and_null_in_the_json(tmp_path):
    sink = Command([sys.executable, "-c", TELL, str(tmp_path)], Said().reports)
    sink.write(event(at_unix_s=None))
    done(sink, 1)
    sink.close()
    record, environment = json.loads(next(tmp_path.iterdir()).read_text())
    assert record["at_unix_s"] is None
    assert environment["PACE_EDGE_AT_UNIX_S"] == ""


def test_one_string_is_for_the_shell(tmp_path):
    sink = Command(f'echo "$PACE_EDGE_LABEL" | tr a-z A-Z > {tmp_path}/told', Said().reports)
    sink.write(event())
    done(sink, 1)
    sink.close()
    assert (tmp_path / "told").read_text() == "DOG\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ([sys.executable, "-c", "import sys; sys.exit('no bulb')"], "command for dog: ended with 1 (no bulb)"),
        (["no-such-program"], "command for dog: cannot be started ([Errno 2] No such file or directory"),
        (["sleep", "60"], "command for dog: took longer than 0.3 s and was killed"),
    ],
)
def test_a_command_that_fails_is_said_and_counted(command, words):
    sink = Command(command, (said := Said()).reports, timeout_s=0.3 if command[0] == "sleep" else PATIENCE_S)
    sink.write(event())
    done(sink, 1)
    sink.close()
    assert said.has(words)
    assert sink.counts().failed == 1


def test_one_that_fails_always_is_not_said_always():
    sink = Command(["false"], (said := Said(every_s=3600)).reports)
    for number in range(10):
        sink.write(event(number))
    done(sink, 10)
    sink.close()
    assert len(said) == 1


def test_its_children_are_killed_with_it(tmp_path):
    command = f"sleep 600 & echo $! > {tmp_path}/child; wait"
    for timeout_s in (1.0, 10.0, 60.0):  # a busy machine may not even have come so far in a second
        sink = Command(command, Said().reports, timeout_s=timeout_s)
        sink.write(event())
        done(sink, 1)
        sink.close()
        if (tmp_path / "child").exists() and (tmp_path / "child").read_text().endswith("\n"):
            break
    child = int((tmp_path / "child").read_text())

    def is_dead():
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return True
        with open(f"/proc/{child}/stat") as stat:  # noqa: PTH123
            return stat.read().split()[2] == "Z"

    wait_until(is_dead)


def test_no_more_run_at_once_than_allowed_and_what_is_too_much_is_left_out_and_said(tmp_path):
    gate = tmp_path / "gate"
    command = f"mkdir {tmp_path}/$PACE_EDGE_ID; while [ ! -e {gate} ]; do sleep 0.05; done"
    sink = Command(command, (said := Said()).reports, at_once=2)
    for number in range(110):
        sink.write(event(number))  # and waits for no command: those that run end by the gate alone
    wait_until(lambda: len(list(tmp_path.glob("id-*"))) == 2)
    assert sink.counts().discarded >= 8
    assert said.has("command: events were left out, ")
    gate.touch()
    done(sink, 110 - sink.counts().discarded)
    sink.close()
    counts = sink.counts()
    assert counts.delivered + counts.failed + counts.discarded == 110


def test_what_waits_at_the_end_is_still_run_and_what_takes_too_long_is_left_out_and_said(tmp_path, monkeypatch):
    quick = Command(f"touch {tmp_path}/$PACE_EDGE_ID", Said().reports, at_once=1)
    monkeypatch.setattr("streams.sinks.command.CLOSE_S", PATIENCE_S)
    for number in range(10):
        quick.write(event(number))
    quick.close()
    assert quick.counts().delivered == len(list(tmp_path.iterdir())) == 10
    monkeypatch.setattr("streams.sinks.command.CLOSE_S", 0.2)
    slow = Command(["sleep", "60"], (said := Said()).reports, at_once=1)
    for number in range(3):
        slow.write(event(number))
    wait_until(lambda: slow._running)
    slow.close()
    assert said.has("command: events were left out at the end: 2.")
    done(slow, 1)
    assert slow.counts().failed == 1


def test_an_empty_command_is_said_at_once():
    for command in ([], "", " ", [""]):
        with pytest.raises(SinkError, match="the command is empty"):
            Command(command, Said().reports)
