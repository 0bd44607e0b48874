"""A label that was acknowledged is there for good and whole."""

import sqlite3

import numpy as np
import pytest

from pace_edge.errors import JournalError, LearningError
from tests.journals import D, damage, embeddings, examples, heard, open_journal


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


@pytest.mark.parametrize("bad", [np.ones(D), np.ones((2, D + 1)), np.empty((0, D)), np.full((1, D), np.inf)])
def test_embeddings_that_do_not_fit_are_refused(tmp_path, bad):
    with open_journal(tmp_path / "j") as journal:
        with pytest.raises(JournalError, match="cannot be stored"):
            journal.add("a", bad, source="x")
        assert examples(journal) == []


def test_a_full_disk_loses_no_earlier_label(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        journal.add("a", embeddings(), source="x")
        (pages,) = journal._db.execute("PRAGMA page_count").fetchone()
        journal._db.execute(f"PRAGMA max_page_count={pages}")  # what SQLite says when the disk is full
        with pytest.raises(JournalError, match="labels already in the file are kept"):
            journal.add("b", embeddings(20000), source="x")
        assert [e.label for e in examples(journal)] == ["a"]


def test_undoing_one_operation_never_takes_back_another(tmp_path):
    with open_journal(tmp_path / "j") as mine, open_journal(tmp_path / "j") as theirs:
        first = mine.append("hide", "a").id
        second = theirs.append("hide", "b").id
        with pytest.raises(LearningError, match=r"something else was done since: hide 'b'\. Nothing"):
            mine.undo(newest=first)
        assert [o.id for o in theirs.undo(newest=second)] == [second]
        with pytest.raises(LearningError, match="it is undone already"):
            theirs.undo(newest=second)
        assert [o.id for o in mine.undo(newest=first)] == [first]  # what came after it is gone again
        with pytest.raises(LearningError, match="there is no operation 99 to undo"):
            mine.undo(newest=99)
        assert [o.target for o in mine.operations()] == [0, 0, second, first]


def test_undoing_more_than_was_done_changes_nothing(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        journal.add("a", embeddings(), source="x")
        with pytest.raises(LearningError, match="expected 2 operations, got 1"):
            journal.undo(2)
        assert [o.kind for o in journal.operations()] == ["learn"]
