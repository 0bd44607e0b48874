"""pace-edge history: what was heard, for people and for programs."""

import json
import time

import pytest
from click.testing import CliRunner

from pace_edge.cli import cli
from streams.heard import as_record
from streams.sinks.history import History, history_path
from tests.streams.sinks.given import Said, event

NOW = time.time()
TWO_HOURS_AGO = time.localtime(NOW - 7200)
EVENTS = [
    event(1, at_unix_s=NOW - 3 * 86400),
    event(2, at_unix_s=NOW - 3600, label="cat"),
    event(3, at_unix_s=NOW - 60, state="start"),
]


@pytest.fixture(autouse=True)
def still(monkeypatch):
    """The clock stands where it stood when this file was read: a slow machine comes to its tests much later."""
    monkeypatch.setattr(time, "time", lambda: NOW)


@pytest.fixture
def written(state_folder):
    sink = History(history_path(), Said().reports)
    for one in EVENTS:
        sink.write(one)
    sink.close()


def run(*words):
    return CliRunner().invoke(cli, ["history", *words])


@pytest.mark.parametrize(
    ("words", "numbers"),
    [([], [0, 1, 2]), (["--label", "cat"], [1]), (["--since", "2h"], [1, 2]), (["--since", "30 m"], [2]),
     (["--since", "1w"], [0, 1, 2]), (["--since", time.strftime("%Y-%m-%dT%H:%M", TWO_HOURS_AGO)], [1, 2])],
)  # fmt: skip
def test_json_has_the_chosen_events_as_the_listener_writes_them(written, words, numbers):
    done = run("--json", *words)
    assert done.exit_code == 0, done.output
    assert [json.loads(line) for line in done.stdout.splitlines()] == [as_record(EVENTS[i]) for i in numbers]


def test_people_read_when_how_long_what_and_how_sure(written):
    first, _, last = run().stdout.splitlines()
    assert first.startswith(time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(EVENTS[0].at_unix_s)))
    assert first.split()[2:] == ["2.5", "s", "dog", "0.90", "-12", "dBFS", "attic"]
    assert "(no end)" in last


def test_a_recording_without_a_time_is_listed_by_its_own_seconds(state_folder):
    sink = History(history_path(), Said().reports)
    sink.write(event(75, at_unix_s=None, heard_unix_s=NOW, source="file a.wav"))
    sink.close()
    (line,) = run().stdout.splitlines()
    assert line.startswith("75.0 s into file         2.5 s  dog")
    assert json.loads(run("--json").stdout)["at_unix_s"] is None


@pytest.mark.parametrize("moment", ["yesterday", "5x", "", "2026-13-45"])
def test_a_time_that_is_none_is_a_usage_error(written, moment):
    done = run("--since", moment)
    assert done.exit_code == 2
    assert "is no time. Give 90m, 12h, 3d, 2w, or a date such as 2026-11-25" in done.stderr


def test_without_a_history_it_says_so(state_folder, tmp_path):
    from pace_edge.errors import SinkError

    assert isinstance(run().exception, SinkError)
    assert "there is no history" in str(run("--file", str(tmp_path / "x")).exception)
