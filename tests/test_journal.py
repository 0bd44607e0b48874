"""A label that was acknowledged is there for good, whole, and only for the model it was given to."""

import signal
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from pace_edge import heard_memory, journal_file
from pace_edge.errors import JournalError, UsageError
from pace_edge.journal import Example, HeardWindow, Journal, checked_label

D = 6


def open_journal(path, sha256="a" * 64, name="m"):
    return Journal(path, model_name=name, model_sha256=sha256, embedding_size=D)


def examples(journal, after=0):
    """What was taught, as it can be read."""
    taught = {o.id: o for o in journal.operations(after) if o.kind == "learn"}
    return [Example(id, taught[id].at_unix_s, taught[id].label, taught[id].source, windows)
            for id, windows in journal.embeddings(taught)]  # fmt: skip


def embeddings(n=2, seed=0):
    return np.random.default_rng(seed).standard_normal((n, D)).astype(np.float32)


def test_what_is_written_is_read_back_to_the_bit(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        written = [
            journal.add(label, embeddings(3, i), source=f"file {i}") for i, label in enumerate(["hund", "犬", "a b"])
        ]
    with open_journal(tmp_path / "j") as journal:
        read = examples(journal)
    for a, b in zip(written, read, strict=True):
        assert (a.id, a.at_unix_s, a.label, a.source) == (b.id, b.at_unix_s, b.label, b.source)
        assert np.array_equal(a.embeddings, b.embeddings)
    assert [example.label for example in read] == ["hund", "犬", "a b"]


def test_only_labels_after_the_last_applied_one_come(tmp_path):
    with open_journal(tmp_path / "j") as journal, open_journal(tmp_path / "j") as other_process:
        first = journal.add("a", embeddings(), source="x")
        assert [e.id for e in examples(other_process)] == [first.id]
        second = journal.add("b", embeddings(), source="x")
        assert [e.id for e in examples(other_process, after=first.id)] == [second.id]


WRITE_FOREVER = """
import sys, numpy as np
from pathlib import Path
from pace_edge.journal import Journal
with Journal(Path(sys.argv[1]), model_name="m", model_sha256="a" * 64, embedding_size=6) as journal:
    while True:
        print(journal.add("x", np.ones((4, 6), np.float32), source="s").id, flush=True)
"""


def test_no_acknowledged_label_is_lost_by_kill_9(tmp_path):
    for round_number in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITE_FOREVER, tmp_path / "j"], stdout=subprocess.PIPE, text=True
        )
        acknowledged = [int(writer.stdout.readline()) for _ in range(3 + round_number)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in writer.communicate()[0].split()]
        with open_journal(tmp_path / "j") as journal:
            assert set(acknowledged) <= {example.id for example in examples(journal)}


def test_a_label_is_flushed_to_the_disk_also_after_windows_that_are_not(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        journal.hear("s", [heard(0)])
        (synchronous,) = journal._db.execute("PRAGMA synchronous").fetchone()
        (mode,) = journal._db.execute("PRAGMA journal_mode").fetchone()
    assert (synchronous, mode) == (2, "wal")  # FULL: a commit returns when the disk has it


def test_labels_can_be_neither_changed_nor_removed(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        journal.add("a", embeddings(), source="x")
    database = sqlite3.connect(tmp_path / "j")
    for statement in (
        "DELETE FROM operations",
        "UPDATE operations SET label = 'b'",
        "DELETE FROM embeddings",
        "UPDATE embeddings SET windows = x'00'",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.execute(statement)
    database.close()


def damage(path, statement):
    """What no program of ours does: past the triggers."""
    database = sqlite3.connect(path)
    for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {trigger}")
    database.execute(statement)
    database.commit()
    database.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE embeddings SET windows = zeroblob(length(windows)) WHERE operation = 2",
        "DELETE FROM embeddings WHERE operation = 2",
        "UPDATE operations SET at_unix_s = 0 WHERE id = 2",
        "UPDATE operations SET label = 'c' WHERE id = 2",
        "UPDATE operations SET embeddings_sha256 = '' WHERE id = 2",
    ],
)
def test_a_damaged_row_is_named_and_the_others_are_read(tmp_path, statement):
    with open_journal(tmp_path / "j") as journal:
        for label in "abc":
            journal.add(label, embeddings(), source="x")
    damage(tmp_path / "j", statement)
    with open_journal(tmp_path / "j") as journal:
        assert [e.id for e in examples(journal)] == [1, 3]
        (line,) = journal.damage()
    assert line.startswith("operation 2 (learn '")
    assert "damaged" in line


def test_a_journal_of_another_model_is_refused_and_kept(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        journal.add("a", embeddings(), source="x")
    with pytest.raises(JournalError, match=r"belongs to another model.*labels are safe"):
        open_journal(tmp_path / "j", sha256="b" * 64)
    with open_journal(tmp_path / "j") as journal:
        assert len(examples(journal)) == 1


def test_a_newer_schema_is_refused(tmp_path):
    open_journal(tmp_path / "j").close()
    database = sqlite3.connect(tmp_path / "j")
    database.execute(f"PRAGMA user_version={len(journal_file.MIGRATIONS) + 1}")
    database.close()
    with pytest.raises(JournalError, match="another version of pace-edge"):
        open_journal(tmp_path / "j")


def test_a_database_of_another_program_is_left_alone(tmp_path):
    database = sqlite3.connect(tmp_path / "j")
    database.execute("CREATE TABLE cats (name TEXT)")
    database.close()
    before = (tmp_path / "j").read_bytes()
    with pytest.raises(JournalError, match="another program"):
        open_journal(tmp_path / "j")
    assert (tmp_path / "j").read_bytes() == before


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "j").write_text("not a database, and long enough to be sure of it" * 10)
    with pytest.raises(JournalError, match=r"cannot be used.*--journal"):
        open_journal(tmp_path / "j")


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot be used"):
        open_journal(tmp_path / "file" / "j")


@pytest.mark.parametrize("bad", [np.ones(D), np.ones((2, D + 1)), np.empty((0, D)), np.full((1, D), np.inf)])
def test_embeddings_that_do_not_fit_are_refused(tmp_path, bad):
    with open_journal(tmp_path / "j") as journal:
        with pytest.raises(JournalError, match="cannot be stored"):
            journal.add("a", bad, source="x")
        assert examples(journal) == []


@pytest.mark.parametrize("label", ["", "   ", "x" * 101, "a\x00b"])
def test_a_label_that_is_no_name_is_a_usage_error(label):
    with pytest.raises(UsageError, match="cannot be used"):
        checked_label(label)


def test_white_space_in_a_label_is_tidied():
    assert checked_label("  front \n door ") == "front door"


def heard(start_s, level=-20.0):
    return HeardWindow(start_s, start_s + 1, level, embeddings(1, int(start_s))[0])


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


def test_a_full_disk_loses_no_earlier_label(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        journal.add("a", embeddings(), source="x")
        (pages,) = journal._db.execute("PRAGMA page_count").fetchone()
        journal._db.execute(f"PRAGMA max_page_count={pages}")  # what SQLite says when the disk is full
        with pytest.raises(JournalError, match="labels already in the file are kept"):
            journal.add("b", embeddings(20000), source="x")
        assert [e.label for e in examples(journal)] == ["a"]
