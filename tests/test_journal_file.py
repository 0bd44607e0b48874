"""A journal is only for the model it was given to; older ones are taken over, other files are left alone."""

import hashlib
import json
import shutil
import sqlite3

import numpy as np
import pytest

from pace_edge import journal_file
from pace_edge.errors import JournalError
from pace_edge.salvage import repair
from tests.journals import D, damage, embeddings, examples, open_journal


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
        assert journal.merge(tmp_path / "two")[:2] == (0, {})
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


SCHEMA_2 = f"{journal_file._SECOND}PRAGMA application_id=0x50414345; PRAGMA user_version=2;"
EVENT = "0123456789ab-3"


def journal_of_schema_2(path, sources):
    """As the version before wrote it: which event an example corrects stands in its `source` alone."""
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(SCHEMA_1.replace("PRAGMA user_version=1;", ""))
    database.execute("DROP TABLE labels")
    database.executescript(SCHEMA_2)
    for keeper in journal_file.KEEPERS.values():
        database.execute(keeper)
    database.execute("INSERT INTO model VALUES ('m', ?, ?)", ("a" * 64, D))
    for i, source in enumerate(sources, 1):
        blob = embeddings(2, i).tobytes()
        row = (i, 7.5, "learn", f"l{i}", "", 0, source, f"o{i}", 2, "", "", hashlib.sha256(blob).hexdigest())
        fits = hashlib.sha256(json.dumps(row, ensure_ascii=False).encode()).hexdigest()
        database.execute(
            "INSERT INTO operations (id, at_unix_s, kind, label, new_label, target, source, origin, windows, audio,"
            f" audio_sha256, embeddings_sha256, sha256) VALUES ({', '.join('?' * 13)})", (*row, fits),
        )  # fmt: skip
        database.execute("INSERT INTO embeddings VALUES (?, ?)", (i, blob))
    database.close()


@pytest.mark.parametrize("road", ["opened", "repaired"])
def test_what_an_older_journal_says_of_events_in_words_becomes_a_column(tmp_path, road):
    prose = ["file event 1.wav", f"event {EVENT} called 'dog'", "event of the year called 'x'"]
    journal_of_schema_2(tmp_path / "j", prose)
    path = tmp_path / "j"
    if road == "repaired":
        path = tmp_path / "new"
        assert repair(tmp_path / "j", path).damaged == ()
    with open_journal(path) as journal:
        operations = journal.operations()
        assert [o.event for o in operations] == ["", EVENT, ""]
        assert [o.source for o in operations] == prose
        assert len(examples(journal)) == 3
        assert journal.damaged == {}
        with pytest.raises(JournalError, match="append-only"), journal._said_plainly():
            journal._db.execute("UPDATE operations SET label = 'x'")


def test_what_an_example_was_taken_from_is_under_its_row_s_checksum(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        journal.add("dog", embeddings(), source="x", event=EVENT, session="s", start_s=1.5, end_s=2.5)
        (operation,) = journal.operations()
        assert (operation.event, operation.session, operation.start_s, operation.end_s) == (EVENT, "s", 1.5, 2.5)
    damage(tmp_path / "j", f"UPDATE operations SET event = '{EVENT[:-1]}4'")
    with open_journal(tmp_path / "j") as journal:
        assert journal.operations() == []
        assert list(journal.damaged) == [1]


def test_what_is_decided_and_written_in_one_is_written_whole_or_not_at_all(tmp_path):
    with open_journal(tmp_path / "j") as journal, open_journal(tmp_path / "j") as other:
        with pytest.raises(RuntimeError), journal.deciding():
            journal.add("a", embeddings(), source="x")
            raise RuntimeError
        with journal.deciding():
            journal.add("b", embeddings(), source="x")
            journal.append("hide", "b")
            assert other.operations() == []
        assert [o.kind for o in other.operations()] == ["learn", "hide"]
