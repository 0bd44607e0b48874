"""What was heard lately is there for another process to teach from, and no longer than it says."""

import numpy as np

from pace_edge import heard_memory
from tests.journals import heard, open_journal


def test_what_was_just_heard_is_there_for_another_process(tmp_path):
    with open_journal(tmp_path / "j") as listener, open_journal(tmp_path / "j") as learner:
        listener.hear("s1", [heard(t) for t in range(8)])
        windows, ago_s = learner.heard(3.0)
        assert [w.start_s for w in windows] == [5, 6, 7]
        assert np.array_equal(windows[-1].embedding, heard(7).embedding)
        assert 0 <= ago_s < 60


def test_only_the_newest_listener_is_heard_and_old_windows_go(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        journal.hear("s1", [heard(500)])
        journal.hear("s2", [heard(0)])
        assert [w.start_s for w in journal.heard(1e9)[0]] == [0]
        journal.hear("s2", [heard(heard_memory.HEARD_KEPT_S + 5)])
        assert [w.start_s for w in journal.heard(1e9)[0]] == [heard_memory.HEARD_KEPT_S + 5]


def test_nothing_heard_is_infinitely_long_ago(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        assert journal.heard(5.0) == ([], float("inf"))


def test_a_few_windows_of_an_announced_sound_are_kept_for_later(tmp_path):
    with open_journal(tmp_path / "j") as listener, open_journal(tmp_path / "j") as other:
        listener.hear("s1", [heard(t) for t in range(30)])
        listener.remember_event("s1", "e1", "dog", start_s=3, end_s=25, at_unix_s=7.0, source="attic")
        (event,) = other.events()
        assert (event.id, event.label, event.source, event.at_unix_s) == ("e1", "dog", "attic", 7.0)
        assert len(event.embeddings) == heard_memory.WINDOWS_OF_EVENT
        assert np.array_equal(event.embeddings[0], heard(3).embedding)
        assert np.array_equal(event.embeddings[-1], heard(24).embedding)
        listener.remember_event("s1", "e1", "dog", start_s=3, end_s=5, at_unix_s=7.0)
        assert [len(event.embeddings) for event in other.events()] == [2]
        listener.remember_event("s2", "e2", "dog", start_s=3, end_s=5, at_unix_s=7.0)  # nothing was heard of it
        assert len(other.events()) == 1


def test_only_the_last_events_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(heard_memory, "EVENTS_KEPT", 3)
    with open_journal(tmp_path / "j") as journal:
        journal.hear("s", [heard(0)])
        for i in range(5):
            journal.remember_event("s", f"e{i}", "dog", start_s=0, end_s=1, at_unix_s=i)
        assert [event.id for event in journal.events()] == ["e2", "e3", "e4"]


def test_two_listeners_do_not_forget_each_other_s_last_minute(tmp_path):
    with open_journal(tmp_path / "j") as one, open_journal(tmp_path / "j") as two:
        one.hear("s1", [heard(500)])
        two.hear("s2", [heard(0)])
        one.hear("s1", [heard(501)])
        assert [w.start_s for w in two.heard(60)[0]] == [500, 501]
