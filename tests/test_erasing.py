"""What a person has erased is nowhere on the disk, and if it may be somewhere yet, that is said."""

import sqlite3
import subprocess
import sys

import pytest

from pace_edge.errors import JournalError, LearningError
from pace_edge.operations import State, effective
from tests.journals import embeddings, everything_on_disk, examples, heard, open_journal


def test_what_was_purged_is_nowhere_on_the_disk_and_the_rest_is(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        gone = [journal.add("secret", embeddings(seed=i), source="diary.wav") for i in range(3)]
        kept = journal.add("b", embeddings(seed=9), source="x")
        journal.undo()  # of b
        journal.append("undo", target=5)  # and not after all
        journal.append("correct", "b", target=gone[1].id)
        journal.append("forget", "secret")
        journal.hear("s", [heard(7)])
        journal.remember_event("s", "e", "secret", start_s=0, end_s=9, at_unix_s=1)
        assert gone[0].embeddings.tobytes() in everything_on_disk(tmp_path)
        assert [o.id for o in journal.purge("secret")] == [gone[0].id, gone[2].id]
        journal.shrink()
        disk = everything_on_disk(tmp_path)
        assert not any(gone[i].embeddings.tobytes() in disk for i in (0, 2))
        assert heard(7).embedding.tobytes() not in disk
        assert gone[1].embeddings.tobytes() in disk
        assert [e.id for e in examples(journal)] == [gone[1].id, kept.id]
        assert journal.damaged == {}
        with pytest.raises(LearningError, match=r"not so much to undo.*purged"):
            journal.undo()
    with open_journal(tmp_path / "other") as other:
        other.merge(tmp_path / "j")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        sqlite3.connect(tmp_path / "j").execute("DELETE FROM operations")


def test_what_was_announced_under_another_name_is_erased_with_the_label_that_a_person_gave_it(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        journal.hear("s", [heard(1), heard(20), heard(40)])
        for id, start_s in (("s-1", 1.0), ("s-2", 20.0), ("s-3", 40.0)):
            journal.remember_event("s", id, "dog", start_s=start_s, end_s=start_s + 1, at_unix_s=1)
        first, second, other = journal.events()
        journal.add("secret", first.embeddings, source="x", event="s-1", session="s", start_s=1, end_s=2)
        journal.add("secret", second.embeddings, source="x", session="s", start_s=20.2, end_s=20.8)
        journal.purge("secret")
        journal.shrink()
        assert [event.id for event in journal.events()] == ["s-3"]
        disk = everything_on_disk(tmp_path)
        assert other.embeddings.tobytes() in disk
        assert not any(event.embeddings.tobytes() in disk for event in (first, second))


def test_a_reset_leaves_a_copy_that_brings_everything_back(tmp_path):
    with open_journal(tmp_path / "j.sqlite") as journal:
        for label in "ab":
            journal.add(label, embeddings(), source="x")
        copy = journal.reset()
        assert effective(journal.operations(), State()).examples == {}
        assert [o.kind for o in journal.operations()] == ["reset"]
        with pytest.raises(LearningError, match="not so much to undo"):
            journal.undo()
        assert journal.merge(copy)[:2] == (2, {})
        assert sorted(effective(journal.operations(), State()).examples.values()) == ["a", "b"]


def test_erasing_that_could_not_finish_is_said_and_can_be_finished(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        secret = journal.add("secret", embeddings(200), source="x")
        journal.add("b", embeddings(200, seed=1), source="x")
        reader = sqlite3.connect(tmp_path / "j", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM operations").fetchone()  # it goes on reading what was there
        journal._db.execute("PRAGMA busy_timeout=50")
        journal.purge("secret")
        with pytest.raises(JournalError, match=r"cannot come back, but traces.*reads it.*pace-edge journal --shrink"):
            journal.shrink()
        assert [e.label for e in examples(journal)] == ["b"]
        assert secret.embeddings.tobytes()[:100] in everything_on_disk(tmp_path)
        reader.close()
        journal.shrink()
        assert secret.embeddings.tobytes()[:100] not in everything_on_disk(tmp_path)
        assert [e.label for e in examples(journal)] == ["b"]


SHRINK = """
import pathlib, resource, sys
from tests.journals import open_journal
with open_journal(pathlib.Path(sys.argv[1])) as journal:
    journal.purge("secret")
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))
    journal.shrink()
"""


def test_a_disk_that_is_full_when_the_file_shrinks_is_said(tmp_path):
    """No file may grow beyond 64 KiB: what a full disk comes to, for a real process."""
    with open_journal(tmp_path / "j") as journal:
        for i, label in enumerate(["secret", "b"]):
            journal.add(label, embeddings(20000, seed=i), source="x")
    done = subprocess.run([sys.executable, "-c", SHRINK, str(tmp_path / "j")], capture_output=True, text=True)
    assert "JournalError: what was erased counts no more" in done.stderr
    with open_journal(tmp_path / "j") as journal:
        assert [e.label for e in examples(journal)] == ["b"]
        journal.shrink()
        assert journal.damaged == {}
