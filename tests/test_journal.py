"""A label that was acknowledged is there for good, whole, and only for the model it was given to."""

import hashlib
import shutil
import sqlite3

import numpy as np
import pytest

from pace_edge import heard_memory, journal_file
from pace_edge.errors import JournalError, LearningError, UsageError
from pace_edge.journal import Example, HeardWindow, Journal, checked_label
from pace_edge.operations import State, effective

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


SCHEMA_1 = """
CREATE TABLE model (name TEXT NOT NULL, sha256 TEXT NOT NULL, embedding_size INTEGER NOT NULL) STRICT;
CREATE TABLE labels (id INTEGER PRIMARY KEY AUTOINCREMENT, at_unix_s REAL NOT NULL, label TEXT NOT NULL,
  source TEXT NOT NULL, embeddings BLOB NOT NULL, sha256 BLOB NOT NULL) STRICT;
CREATE TRIGGER labels_keep_1 BEFORE UPDATE ON labels BEGIN SELECT RAISE(ABORT, 'labels are append-only'); END;
CREATE TRIGGER labels_keep_2 BEFORE DELETE ON labels BEGIN SELECT RAISE(ABORT, 'labels are append-only'); END;
CREATE TABLE heard (id INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL, at_unix_s REAL NOT NULL,
  start_s REAL NOT NULL, end_s REAL NOT NULL, level_dbfs REAL NOT NULL, embedding BLOB NOT NULL) STRICT;
PRAGMA application_id=0x50414345;
PRAGMA user_version=1;
"""


def journal_of_schema_1(path, labels, damaged=()):
    database = sqlite3.connect(path)
    database.executescript(SCHEMA_1)
    database.execute("INSERT INTO model VALUES ('m', ?, ?)", ("a" * 64, D))
    for i, label in enumerate(labels, 1):
        at, source, blob = 1000.5 + i, f"file {i}", embeddings(3, i).tobytes()
        digest = hashlib.sha256(f"{at!r}\0{label}\0{source}\0".encode() + blob).digest()
        if i in damaged:
            blob = bytes(len(blob))
        database.execute(
            "INSERT INTO labels (at_unix_s, label, source, embeddings, sha256) VALUES (?, ?, ?, ?, ?)",
            (at, label, source, blob, digest),
        )
    database.commit()
    database.close()


def test_a_journal_of_the_first_schema_is_taken_over_whole(tmp_path):
    journal_of_schema_1(tmp_path / "j", ["hund", "犬", "a b"], damaged=[2])
    with open_journal(tmp_path / "j") as journal:
        read = examples(journal)
        assert [(e.id, e.at_unix_s, e.label, e.source) for e in read] == [
            (1, 1001.5, "hund", "file 1"), (3, 1003.5, "a b", "file 3"),
        ]  # fmt: skip
        assert np.array_equal(read[1].embeddings, embeddings(3, 3))
        assert list(journal.damaged) == [2]
        assert journal.add("new", embeddings(), source="x").id == 4
    with open_journal(tmp_path / "j") as journal:
        assert [e.id for e in examples(journal)] == [1, 3, 4]
    assert journal_file.model_of(tmp_path / "j") == ("m", "a" * 64, D)


def test_two_copies_of_a_first_journal_count_its_examples_once(tmp_path):
    journal_of_schema_1(tmp_path / "one", ["a", "b"])
    shutil.copy(tmp_path / "one", tmp_path / "two")
    with open_journal(tmp_path / "one") as journal:
        before = (tmp_path / "two").read_bytes()
        assert journal.merge(tmp_path / "two") == (0, {})
    assert (tmp_path / "two").read_bytes() == before  # only read


def test_a_migration_that_breaks_off_leaves_the_journal_as_it_was(tmp_path, monkeypatch):
    journal_of_schema_1(tmp_path / "j", ["a", "b"])

    def fails(database):
        journal_file._second(database)
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(journal_file, "MIGRATIONS", (journal_file._first, fails))
        with pytest.raises(JournalError, match="disk is full"):
            open_journal(tmp_path / "j")
    with open_journal(tmp_path / "j") as journal:
        assert [e.label for e in examples(journal)] == ["a", "b"]


def test_what_was_merged_is_called_as_there_and_undone_at_once(tmp_path):
    with open_journal(tmp_path / "there") as there:
        first = there.add("a", embeddings(), source="x")
        there.add("b", embeddings(), source="x")
        there.append("forget", "b")
        there.append("correct", "c", target=first.id)
    with open_journal(tmp_path / "here") as journal:
        assert journal.merge(tmp_path / "there") == (1, {})
        assert [e.label for e in examples(journal)] == ["c"]
        journal.undo()
        assert effective(journal.operations(), State()).examples == {}
        assert journal.merge(tmp_path / "there") == (1, {})  # it was undone, not refused
        journal.append("forget", "c")
        assert journal.merge(tmp_path / "there") == (0, {})  # what was forgotten stays forgotten


def test_what_is_damaged_in_another_journal_is_named_and_the_rest_merged(tmp_path):
    with open_journal(tmp_path / "there") as there:
        for label in "ab":
            there.add(label, embeddings(), source="x")
    damage(tmp_path / "there", "UPDATE embeddings SET windows = zeroblob(length(windows)) WHERE operation = 2")
    with open_journal(tmp_path / "here") as journal:
        assert journal.merge(tmp_path / "there") == (1, {2: "learn 'b' from x"})


@pytest.mark.parametrize("what", ["another model", "no journal", "nothing"])
def test_what_is_no_journal_of_this_model_is_not_merged(tmp_path, what):
    if what == "another model":
        open_journal(tmp_path / "there", sha256="b" * 64).close()
    elif what == "no journal":
        (tmp_path / "there").write_text("no journal")
    with open_journal(tmp_path / "here") as journal:
        with pytest.raises(JournalError, match=r"belongs to another model|is no journal"):
            journal.merge(tmp_path / "there")
        assert journal.operations() == []
    assert (what == "nothing") is not (tmp_path / "there").exists()


def everything_on_disk(folder):
    return b"".join(path.read_bytes() for path in folder.iterdir())


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


def test_what_was_purged_does_not_come_back_by_a_merge(tmp_path):
    with open_journal(tmp_path / "here") as journal:
        journal.add("a", embeddings(), source="x")
        with open_journal(tmp_path / "there") as other:
            assert other.merge(tmp_path / "here") == (1, {})
        journal.purge("a")
        assert journal.merge(tmp_path / "there") == (0, {})


def test_a_reset_leaves_a_copy_that_brings_everything_back(tmp_path):
    with open_journal(tmp_path / "j.sqlite") as journal:
        for label in "ab":
            journal.add(label, embeddings(), source="x")
        copy = journal.reset()
        assert effective(journal.operations(), State()).examples == {}
        assert [o.kind for o in journal.operations()] == ["reset"]
        with pytest.raises(LearningError, match="not so much to undo"):
            journal.undo()
        assert journal.merge(copy) == (2, {})
        assert sorted(effective(journal.operations(), State()).examples.values()) == ["a", "b"]


def test_undoing_more_than_was_done_changes_nothing(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        journal.add("a", embeddings(), source="x")
        with pytest.raises(LearningError, match="expected 2 operations, got 1"):
            journal.undo(2)
        assert [o.kind for o in journal.operations()] == ["learn"]


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
