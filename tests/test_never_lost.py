"""A label that was acknowledged is there for good: after kill -9 at any instant, a power cut, a full disk, a read-only
disk, with many who teach at once, when the clock goes back, and in a copy on another machine.
"""

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from pace_edge import journal as journal_module
from pace_edge.errors import JournalError
from pace_edge.journal import Journal
from pace_edge.operations import State, effective
from tests.power_cut import Disk, has_strace, record
from tests.waiting import PATIENCE_S

D = 6
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")


def open_journal(path):
    return Journal(path, model_name="m", model_sha256="a" * 64, embedding_size=D)


def add(journal, label="x", windows=4):
    return journal.add(label, np.ones((windows, D), np.float32), source="s").id


def readable(path):
    with open_journal(path) as journal:
        found = {id for id, _ in journal.embeddings(effective(journal.operations(), State()).examples)}
        assert not journal.damaged
    return found


TEACH = """
import sys, numpy as np
from pathlib import Path
from pace_edge.journal import Journal
path, times, windows = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
with Journal(path, model_name="m", model_sha256="a" * 64, embedding_size=6) as journal:
    for _ in range(times):
        print(journal.add("x", np.ones((windows, 6), np.float32), source="s").id, flush=True)
"""


def teacher(path, times=10**9, windows=4, **options):
    return subprocess.Popen(
        [sys.executable, "-c", TEACH, str(path), str(times), str(windows)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


@pytest.mark.parametrize("kills", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_no_acknowledged_label_is_lost_by_kill_9(tmp_path, kills):
    """Forked, since starting Python takes longer than teaching: a child that has the journal's module already. Most are
    killed after a first label, however long that takes; the others at any instant, also while they open the journal."""
    rng, acknowledged, taught = random.Random(kills), set(), 0
    for _ in range(kills):
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            try:
                with open_journal(tmp_path / "j") as journal:
                    while True:
                        os.write(writer, b"%d\n" % add(journal))
            finally:
                os._exit(1)
        os.close(writer)
        with os.fdopen(reader) as lines:
            first = [lines.readline()] if rng.random() < 0.7 else []
            time.sleep(rng.uniform(0, 0.05))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            new = {int(line) for line in (*first, *lines) if line.endswith("\n")}
        taught += len(first)
        there = readable(tmp_path / "j")
        assert acknowledged | new <= there
        assert len(there - acknowledged - new) <= 1  # the one in flight, which may have been written
        acknowledged = there
    assert len(acknowledged) >= taught > kills / 2


def test_what_was_being_purged_or_reset_when_it_was_killed_is_whole(tmp_path):
    rng = random.Random(1)
    for round_number in range(20):
        path = tmp_path / f"j{round_number}"
        with open_journal(path) as journal:
            for label in "xyxy" * 5:
                add(journal, label, 500)
        child = os.fork()
        if not child:
            try:
                with open_journal(path) as journal:
                    journal.purge("x")
                    journal.shrink()
                    journal.reset()
                    journal.shrink()
            finally:
                os._exit(1)
        time.sleep(rng.uniform(0, 0.1))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert len(readable(path)) in (20, 10, 0)  # before, purged, reset
        with open_journal(path) as journal, pytest.raises(sqlite3.IntegrityError, match="append-only"):
            add(journal)
            journal._db.execute("DELETE FROM operations")


MUCH = """
import sys
sys.argv = ["", sys.argv[1], "22", "8000"]
exec(TEACH)
with Journal(path, model_name="m", model_sha256="a" * 64, embedding_size=6) as journal:
    journal.purge("y")
    journal.shrink()
    print(journal.add("x", np.ones((windows, 6), np.float32), source="s").id, flush=True)
"""


@pytest.mark.skipif(not has_strace(), reason="needs strace, and to be allowed to trace")
@pytest.mark.parametrize("cuts", [40, pytest.param(2000, marks=pytest.mark.slow)])
def test_no_acknowledged_label_is_lost_by_a_power_cut(tmp_path, cuts):
    folder = tmp_path / "disk"
    folder.mkdir()
    script = MUCH.replace("exec(TEACH)", TEACH)
    calls = record([sys.executable, "-c", script, str(folder / "j")], folder, tmp_path / "log")
    names = {call.name for call in calls}
    assert {"create", "pwrite64", "fdatasync", "say"} <= names
    assert any(call.path.endswith("/j") and call.offset > 4096 for call in calls)  # the log was moved into the file
    rng = random.Random(cuts)
    disk, acknowledged, done = Disk(str(folder)), set(), 0
    for at in sorted(rng.choices(range(len(calls) + 1), k=cuts)):
        for call in calls[done:at]:
            disk.do(call)
            if call.name == "say":
                acknowledged |= {int(word) for word in call.data.split()}
        done, after = at, tmp_path / "after"
        after.mkdir()
        disk.after_a_cut(after, rng)
        assert acknowledged <= readable(after / "j"), f"cut after call {at} of {len(calls)}"
        shutil.rmtree(after)


def test_a_full_disk_is_said_and_loses_nothing(tmp_path):
    """The file may not grow any more: what a write to a full disk comes to, for a real process."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))  # noqa: E731
    child = teacher(tmp_path / "j", windows=3000, preexec_fn=limit)
    out, words = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 1
    assert "JournalError" in words
    assert "labels already in the file are kept" in words
    acknowledged = {int(line) for line in out.split()}
    assert acknowledged
    assert acknowledged <= readable(tmp_path / "j")
    with open_journal(tmp_path / "j") as journal:
        assert add(journal) > max(acknowledged)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root, to be somebody else")
def test_a_disk_that_is_read_only_is_said_and_nothing_is_changed(tmp_path):
    path = tmp_path / "folder" / "j"
    with open_journal(path) as journal:
        add(journal)
    before = path.read_bytes()
    for one in (path.parent, path):
        one.chmod(0o555 if one.is_dir() else 0o444)
    readers = [*tmp_path.parents[:3], tmp_path]
    modes = [one.stat().st_mode for one in readers]
    for one in readers:
        one.chmod(0o755)
    child = os.fork()
    if not child:
        try:
            os.setuid(65534)
            with open_journal(path) as journal:
                add(journal)
        except JournalError as error:
            os._exit(0 if "cannot be used" in str(error) and "is writable" in str(error) else 2)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    for one, mode in zip(readers, modes, strict=True):
        one.chmod(mode)
    assert os.waitstatus_to_exitcode(status) == 0
    assert path.read_bytes() == before


def test_many_who_teach_at_once_lose_nothing(tmp_path):
    children = [teacher(tmp_path / "j", times=25) for _ in range(3)]
    ids = [int(line) for child in children for line in child.communicate(timeout=PATIENCE_S)[0].split()]
    assert len(ids) == 75
    assert set(ids) == readable(tmp_path / "j") == set(range(1, 76))


def test_the_order_is_that_of_writing_whatever_the_clock_says(tmp_path, monkeypatch):
    with open_journal(tmp_path / "j") as journal:
        first = add(journal, "a")
        monkeypatch.setattr(journal_module.time, "time", lambda: 1.0)  # 1970
        journal.append("rename", "a", new_label="b")
        add(journal, "a")
        assert [o.kind for o in journal.operations()] == ["learn", "rename", "learn"]
        assert effective(journal.operations(), State()).examples == {first: "b", 3: "a"}
        assert [o.id for o in journal.undo(1)] == [3]


def test_two_copies_of_a_journal_go_their_ways_and_come_together_again(tmp_path):
    with open_journal(tmp_path / "here") as journal:
        add(journal, "both")
    shutil.copy(tmp_path / "here", tmp_path / "there")
    for name in ("here", "there"):
        with open_journal(tmp_path / name) as journal:
            add(journal, name)  # with the same id in each
    with open_journal(tmp_path / "here") as journal:
        assert journal.merge(tmp_path / "there")[:2] == (1, {})
        assert journal.merge(tmp_path / "there")[:2] == (0, {})
        assert list(effective(journal.operations(), State()).examples.values()) == ["both", "here", "there"]
