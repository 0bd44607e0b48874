"""What was heard in the last minute is there for another process to teach from, and no longer than it says."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pace_edge import heard_memory
from pace_edge.heard_memory import HEARD_KEPT_S
from tests.journals import heard, open_journal

NOW = 1_790_000_000.0


@pytest.fixture(autouse=True)
def still(monkeypatch):
    """The memory's clock stands still: a minute is over only when a test says so, however slow the machine is."""
    monkeypatch.setattr(heard_memory, "time", SimpleNamespace(time=lambda: NOW))


@pytest.fixture
def journal(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        yield journal


def starts(journal):
    return {stream.session: [w.start_s for w in stream.windows] for stream in journal.heard()}


def ago(start_s, seconds):
    """A window that ended so many seconds ago."""
    return replace(heard(start_s), at_unix_s=NOW - seconds)


def test_what_was_just_heard_is_there_for_another_process(tmp_path):
    with open_journal(tmp_path / "j") as listener, open_journal(tmp_path / "j") as learner:
        window = replace(heard(7), at_unix_s=NOW - 3, label="dog", score=0.5, clipped=0.25, blocks_dbfs=(-1.0,))
        listener.hear("s1", [window], source="attic")
        (stream,) = learner.heard()
        (found,) = stream.windows
        assert (stream.session, stream.source, stream.live) == ("s1", "attic", True)
        assert np.array_equal(found.embedding, window.embedding)
        assert replace(found, embedding=window.embedding) == window
        assert stream.ago_s(found) == 3


def test_a_minute_is_a_minute_of_the_clock(journal):
    journal.hear("s1", [ago(0, HEARD_KEPT_S + 1), ago(1, HEARD_KEPT_S - 30), ago(2, 0)])
    assert starts(journal) == {"s1": [1, 2]}


def test_what_a_listener_heard_that_has_ended_is_forgotten_after_a_minute_too(journal):
    journal.hear("ended", [ago(0, HEARD_KEPT_S + 1)])
    journal.hear("runs", [ago(0, 1)])
    assert starts(journal) == {"runs": [0]}


def test_the_last_minute_of_every_listener_is_kept_however_many_there_are(tmp_path):
    with open_journal(tmp_path / "j") as one, open_journal(tmp_path / "j") as two:
        one.hear("s1", [ago(t, 60 - t) for t in range(1, 60)])
        for n in range(30):
            two.hear(f"t{n}", [ago(t / 5, 60 - t / 5) for t in range(10, 290)])
        one.hear("s1", [ago(60, 0)])
        assert len(starts(two)["s1"]) == 60
        assert all(len(found) == 280 for session, found in starts(two).items() if session != "s1")


def test_of_a_recording_that_is_read_at_once_only_its_own_last_minute_was_just_heard(journal):
    windows = [replace(heard(float(t)), at_unix_s=NOW) for t in range(300)]
    journal.hear("file", windows, live=False)
    assert starts(journal) == {"file": [float(t) for t in range(239, 300)]}
    journal.hear("file", [], live=False, heard_to_s=340.0)  # the gate let nothing more through
    assert starts(journal)["file"][0] == 279.0  # it ended at 280 s
    (stream,) = journal.heard()
    assert stream.ago_s(stream.windows[-1]) >= 40


def test_windows_that_a_clock_set_back_has_left_in_the_future_are_forgotten(journal):
    journal.hear("s1", [ago(0, -3600)])
    journal.hear("s1", [ago(1, 0)])
    assert starts(journal) == {"s1": [1]}


def test_nothing_is_heard_before_a_listener_listens(journal):
    assert journal.heard() == []


def test_a_few_windows_of_an_announced_sound_are_kept_for_later(tmp_path):
    with open_journal(tmp_path / "j") as listener, open_journal(tmp_path / "j") as other:
        listener.hear("s1", [heard(t) for t in range(30)])
        listener.remember_event("s1", "e1", "dog", start_s=3, end_s=25, at_unix_s=7.0, source="attic")
        (event,) = other.events()
        assert (event.id, event.label, event.source, event.at_unix_s) == ("e1", "dog", "attic", 7.0)
        assert event.session == "s1"
        assert len(event.embeddings) == heard_memory.WINDOWS_OF_EVENT
        assert event.starts[0] == 3
        assert event.starts[-1] == 24
        for start, embedding in zip(event.starts, event.embeddings, strict=True):
            assert np.array_equal(embedding, heard(start).embedding)
        listener.remember_event("s2", "e2", "dog", start_s=3, end_s=5, at_unix_s=7.0)  # nothing was heard of it
        assert len(other.events()) == 1


def test_only_the_last_events_are_kept(journal, monkeypatch):
    monkeypatch.setattr(heard_memory, "EVENTS_KEPT", 3)
    journal.hear("s", [heard(0)])
    for i in range(5):
        journal.remember_event("s", f"e{i}", "dog", start_s=0, end_s=1, at_unix_s=i)
        journal.remember_event("s", f"e{i}", "dog", start_s=0, end_s=1, at_unix_s=i)  # again: it goes on
    assert [event.id for event in journal.events()] == ["e2", "e3", "e4"]
