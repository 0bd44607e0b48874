"""A journal that fails does not end listening: it is said once, tried again ever more seldom, and nothing heard in the
last minute is lost."""

import time
from dataclasses import replace

import numpy as np
import pytest

from pace_edge.config import HEARD_KEPT_S
from pace_edge.errors import JournalError
from pace_edge.journal import HeardWindow
from pace_edge.model_file import read_model
from streams.heard import Event, Notice, Window
from streams.listening.counters import Counters
from streams.listening.learner import Learner, open_journal
from streams.listening.listener import Listener
from streams.listening.memory import Memory, Part
from streams.listening.notices import Notices
from tests.streams.arrays import Arrays
from tests.synthetic import hiss, tone


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def journal(small_model):
    with open_journal(read_model(small_model)) as journal:
        yield journal


@pytest.fixture
def memory(small_model, journal, clock):
    return Memory(Learner(read_model(small_model), journal), journal, Notices(clock), Counters(), clock)


def window(end_s):
    return HeardWindow(end_s - 1, end_s, -20.0, np.full(40, end_s, np.float32))


def part(end_s, *events, going=()):
    return Part("s", "attic", True, end_s, [window(end_s)], events, going)


def fill(journal):
    """From here on the disk has no room, for this connection."""
    (pages,) = journal._db.execute("PRAGMA page_count").fetchone()
    journal._db.execute(f"PRAGMA max_page_count={pages}")


def empty(journal):
    journal._db.execute("PRAGMA max_page_count=1000000")


def test_what_is_heard_while_the_disk_is_full_is_written_when_there_is_room(memory, journal, clock):
    memory.hear(part(1))
    fill(journal)
    notices = []
    for i in range(2, 300):
        clock.now = float(i)
        notices += memory.hear(part(i))
    (notice,) = notices
    assert notice.kind == "journal"
    assert "Listening goes on" in notice.words
    assert memory._counters.journal_failures > 1
    empty(journal)
    clock.now += 60
    assert memory.hear(part(300)) == []
    (stream,) = journal.heard()
    kept = [w.end_s for w in stream.windows]  # a window more or less, as the clock goes on
    assert kept == [float(i) for i in range(301 - len(kept), 301)]
    assert 30 < len(kept) <= HEARD_KEPT_S + 1


def test_it_is_tried_again_ever_more_seldom_and_said_again_after_ten_minutes(memory, journal, clock):
    fill(journal)
    for i in range(50):
        memory.hear(part(i))  # until the file's free pages are used up
    said_at, failures = [], []
    for now in range(1, 1500):
        clock.now = float(now)
        before = memory._counters.journal_failures
        said_at += [now for _ in memory.hear(part(50 + now))]
        failures += [now] if memory._counters.journal_failures > before else []
    waits = np.diff(failures)
    assert list(waits) == sorted(waits)
    assert waits[-1] == 60
    assert all(600 <= wait <= 660 for wait in np.diff(said_at))
    assert len(said_at) >= 1


def test_events_wait_with_the_windows_and_can_be_corrected_then(memory, journal, clock):
    fill(journal)
    for i in range(2, 300):
        clock.now = float(i)
        memory.hear(part(i, Event("start", i - 2, i, "dog", 0.9, id=f"s-{i}", source="attic")))
    empty(journal)
    clock.now += 60
    assert memory.hear(part(300)) == []
    remembered = {event.id: event for event in journal.events()}
    assert "s-299" in remembered
    assert (remembered["s-299"].label, remembered["s-299"].source) == ("dog", "attic")
    assert len(remembered["s-299"].embeddings) > 0


def test_of_a_sound_of_an_hour_windows_are_kept_from_its_whole_length(memory, journal):
    going = Event("start", 10.0, 12.0, "vacuum", 0.9, id="s-1", source="attic")
    memory.hear(part(12, going))
    for i in range(13, 3601):
        memory.hear(part(i, going=[replace(going, state="update", end_s=float(i))]))
    memory.hear(part(3601, replace(going, state="end", end_s=3600.0)))
    (event,) = journal.events()
    assert (event.start_s, event.end_s) == (10.0, 3600.0)
    assert len(event.starts) >= 6
    assert max(np.diff([10.0, *event.starts, 3600.0])) < 3600 / 4
    assert [row[0] for row in event.embeddings] == [start + 1 for start in event.starts]


def test_a_window_has_the_time_at_which_it_was_heard_however_late_it_is_written(memory, journal, clock):
    heard_at = time.time() - 30
    fill(journal)
    for i in range(2, 40):
        memory.hear(Part("s", "attic", True, i, [replace(window(i), at_unix_s=heard_at + i / 10)]))
    empty(journal)
    clock.now += 60
    memory.hear(part(40))
    (stream,) = journal.heard()
    assert [round(w.at_unix_s - heard_at, 3) for w in stream.windows[:-1]] == [i / 10 for i in range(2, 40)]


def test_labels_that_cannot_be_read_do_not_end_listening(memory, clock, monkeypatch):
    def broken(after=0):
        raise JournalError("label 3 ('dog') is damaged", do="Restore a copy.")

    monkeypatch.setattr(memory._learner.journal, "operations", broken)
    (notice,) = memory.catch_up()
    assert "label 3 ('dog') is damaged" in notice.words
    assert memory.catch_up() == []
    monkeypatch.undo()
    clock.now += 2
    assert memory.catch_up() == []
    assert memory._counters.journal_failures == 1


def test_a_listener_on_a_full_disk_hears_all_and_says_so(small_model):
    rng = np.random.default_rng(3)
    model = read_model(small_model)
    with open_journal(model) as journal:
        listener = Listener(model, journal)
        fill(journal)
        heard = list(listener.run(Arrays(np.concatenate([hiss(20, rng=rng), tone(300, 20, rng=rng)]))))
    assert len([h for h in heard if isinstance(h, Window)]) == 79
    assert [h.state for h in heard if isinstance(h, Event)] == ["start", "end"]
    assert [h.kind for h in heard if isinstance(h, Notice)] == ["journal"]
