"""The history keeps each event once, may be read while it is written, and forgets what is too old or too much."""

import sqlite3
import time

import pytest

from pace_edge.errors import SinkError
from streams.heard import Gap
from streams.sinks.history import History, history, history_page
from streams.sinks.outbox import Outbox
from tests.streams.sinks.given import AT, Said, event


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "history.sqlite"


def write(path, *events, **options):
    sink = History(path, Said().reports, **{"keep_days": 1e4, **options})
    for one in events:
        sink.write(one)
    sink.close()
    return sink.counts()


def test_events_are_read_back_as_they_were_heard_oldest_first(path):
    write(path, event(2, label="cat"), event(1), Gap(0, 1))
    assert list(history(path)) == [event(1), event(2, label="cat")]
    assert list(history(path, label="cat")) == [event(2, label="cat")]
    assert list(history(path, since_unix_s=AT + 1.5)) == [event(2, label="cat")]


def test_a_recording_has_its_own_time_or_none_and_is_listed_in_the_order_of_both(path):
    old = event(1, at_unix_s=AT - 9e6, heard_unix_s=AT + 7, file="/a.wav")
    none, new = event(2, at_unix_s=None), event(3)
    write(path, new, none, old)
    assert list(history(path)) == [old, none, new]
    assert [one.id for one in history(path, since_unix_s=AT)] == ["id-2", "id-3"]
    assert history_page(path, limit=1) == [new]
    assert history_page(path, before=(new.sorted_unix_s, new.id)) == [none, old]


def test_age_is_that_of_hearing_so_an_old_recording_is_kept(path):
    now = time.time()
    write(path, event(1, at_unix_s=now - 900 * 86400, heard_unix_s=now), event(2, heard_unix_s=now - 11 * 86400))
    write(path, event(3, at_unix_s=now), keep_days=10)
    assert [one.id for one in history(path)] == ["id-1", "id-3"]


SCHEMA_1 = """
CREATE TABLE events (id TEXT PRIMARY KEY, state TEXT NOT NULL, source TEXT NOT NULL, label TEXT NOT NULL,
  start_s REAL NOT NULL, end_s REAL NOT NULL, score REAL NOT NULL, level_dbfs REAL NOT NULL, at_unix_s REAL NOT NULL)
  STRICT;
CREATE INDEX events_by_time ON events (at_unix_s);
PRAGMA application_id=1346454344;
PRAGMA user_version=1;
"""


def test_a_file_of_the_first_version_is_read_as_it_is_and_brought_up_to_date_by_a_listener(path):
    path.parent.mkdir()
    db = sqlite3.connect(path)
    db.executescript(SCHEMA_1)
    for one in (event(1), event(2)):
        db.execute("INSERT INTO events VALUES (?, 'end', 'attic', 'dog', ?, ?, 0.9, -12.0, ?)",
                   (one.id, one.start_s, one.end_s, one.at_unix_s))  # fmt: skip
    db.commit()
    db.close()
    assert list(history(path)) == [event(1), event(2)]
    assert history_page(path, limit=1) == [event(2)]
    write(path, event(3, at_unix_s=None))
    assert list(history(path)) == [event(1), event(2), event(3, at_unix_s=None)]
    write(path, event(4))  # once is enough
    assert len(list(history(path))) == 4


def test_the_same_report_twice_or_late_changes_nothing(path):
    write(path, event(state="start", end_s=1.5), event(state="update"), event(score=0.95), event(score=0.95))
    write(path, event(state="start", end_s=1.5, score=0.1))
    assert list(history(path)) == [event(score=0.95)]


def test_an_event_without_an_id_is_not_taken_for_another(path):
    write(path, event(1, id=""), event(2, id=""), event(2, id=""))
    assert [one.start_s for one in history(path)] == [1, 2]


def test_it_can_be_read_while_a_listener_writes(path):
    sink = History(path, Said().reports, keep_days=1e4)
    for number in range(3):
        sink.write(event(number, state="start"))
        assert [one.state for one in history(path)] == ["start"] * (number + 1)
    sink.close()


def test_what_is_too_old_is_forgotten(path):
    now = time.time()
    write(path, event(1, at_unix_s=now - 11 * 86400), event(2, at_unix_s=now - 9 * 86400))
    write(path, event(3, at_unix_s=now), keep_days=10)
    assert [one.id for one in history(path)] == ["id-2", "id-3"]


def test_the_oldest_go_where_the_file_would_grow_too_large(path):
    write(path, *(event(number, label="x" * 90, source="y" * 500) for number in range(600)))
    large = path.stat().st_size
    write(path, event(600), keep_mb=0.2)
    kept = [one.start_s for one in history(path)]
    assert kept == list(range(601 - len(kept), 601))
    assert 50 < len(kept) < 400
    assert path.stat().st_size <= 0.25e6 < large


def test_a_full_disk_keeps_events_in_memory_until_there_is_room(path):
    said = Said()
    sink = History(path, said.reports, keep_days=1e4)
    sink._backlog._retry_s = 0.0
    (pages,) = sink._db.execute("PRAGMA page_count").fetchone()
    sink._db.execute(f"PRAGMA max_page_count={pages}")  # SQLite's own full disk
    sink.write(event(1, source="z" * 5000))
    sink.write(event(2))
    assert said.has("database or disk is full")
    assert sink.counts().waiting == 2
    sink._db.execute("PRAGMA max_page_count=100000")
    sink.write(event(3))
    sink.close()
    assert [one.id for one in history(path)] == ["id-1", "id-2", "id-3"]


def test_files_of_others_are_refused_and_stay_as_they_are(path, tmp_path):
    text = tmp_path / "text"
    text.write_text("no database " * 100)
    with pytest.raises(SinkError, match=r"the history .*text cannot be used: file is not a database"):
        History(text, Said().reports)
    assert text.read_text() == "no database " * 100
    outbox = tmp_path / "outbox.sqlite"
    Outbox(outbox).close()
    for use in (lambda: History(outbox, Said().reports), lambda: list(history(outbox))):
        with pytest.raises(SinkError, match="no history"):
            use()
    with pytest.raises(SinkError, match=r"there is no history .*absent. Set outputs.history.keep = true and listen"):
        list(history(tmp_path / "absent"))
    with pytest.raises(SinkError, match=r"the history .*text cannot be read: file is not a database"):
        list(history(text))


def test_a_file_of_another_version_is_refused_by_its_schema_number(path):
    write(path, event())
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(SinkError, match=r"expected schema 2, got schema 99. Upgrade pace-edge; nothing was changed"):
        History(path, Said().reports)
    with pytest.raises(SinkError, match=r"written by a newer pace-edge. Upgrade pace-edge"):
        list(history(path))
