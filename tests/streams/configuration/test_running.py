"""Which listeners run here: found while they live, not after it, by their owner alone; and nothing fails of it."""

import os
import signal
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import pace_edge
from pace_edge.model_file import read_model
from streams.configuration import running as module
from streams.configuration.running import Registration, elsewhere, running, unmet
from tests.synthetic import RATE_HZ, with_info

CHILD = """
import sys
from pathlib import Path
from pace_edge.model_file import read_model
from streams.configuration.running import Registration
with Registration(read_model(sys.argv[1]), Path(sys.argv[2]), ["attic"]):
    print("here", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "j.sqlite"
    path.touch()
    return path


@pytest.fixture
def child(small_model, journal):
    """A listener in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(small_model), str(journal)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()
    with suppress(BrokenPipeError):
        process.stdin.close()


def age(folder: Path) -> None:
    for file in folder.iterdir():
        os.utime(file, (1, 1))


def test_a_listener_is_found_while_it_lives(small_model, journal, state_folder):
    model = read_model(small_model)
    assert running() == []
    with Registration(model, journal, ["attic"]) as registration:
        (found,) = running()
        assert (found.pid, found.model, found.journal) == (os.getpid(), str(small_model), str(journal))
        assert (found.model_sha256, found.home, found.sources) == (model.sha256, str(state_folder), ("attic",))
        registration.update(model, journal.with_name("a longer name"), ["attic", "cellar"])
        (found,) = running()
        assert (Path(found.journal).name, found.sources) == ("a longer name", ("attic", "cellar"))
        registration.update(model, journal, [])
        assert running()[0].sources == ()
    assert running() == []
    assert list((state_folder / "running").iterdir()) == []


def test_one_in_another_process_is_found_until_it_is_killed_and_what_it_left_is_removed(child, state_folder):
    assert [one.pid for one in running()] == [child.pid]
    age(state_folder / "running")
    assert [one.pid for one in running()] == [child.pid]  # however long it has been running
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert running() == []
    assert list((state_folder / "running").iterdir()) == []


def test_one_that_is_just_starting_is_not_removed(child, state_folder):
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert running() == []
    assert len(list((state_folder / "running").iterdir())) == 1  # no lock yet, for all that can be told


def test_only_its_owner_can_read_it(small_model, journal, state_folder):
    with Registration(read_model(small_model), journal, []):
        folder = state_folder / "running"
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())]
    assert modes == [0o700, 0o600]


def test_one_with_another_state_folder_is_found_by_the_same_person(small_model, journal, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    with Registration(read_model(small_model), journal, []):
        assert len(running()) == 1
        monkeypatch.setenv("PACE_EDGE_HOME", str(tmp_path / "another"))
        assert len(running()) == 1


def test_a_folder_that_cannot_be_written_stops_no_listening(small_model, journal, state_folder):
    state_folder.mkdir()
    (state_folder / "running").write_text("a file, where the folder should be")
    with Registration(read_model(small_model), journal, []) as registration:
        registration.update(read_model(small_model), journal, ["attic"])
        assert running() == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 2}', '{"schema": 1, "pid": "x"}'])
def test_what_cannot_be_understood_is_nobody(small_model, journal, state_folder, text):
    with Registration(read_model(small_model), journal, []):
        (file,) = (state_folder / "running").iterdir()
        file.write_text(text)
        assert running() == []
        (state_folder / "running" / "folder.json").mkdir()
        assert running() == []


def test_a_system_without_file_locks_finds_what_is_there(small_model, journal, state_folder, monkeypatch):
    monkeypatch.setattr(module, "fcntl", None)
    with Registration(read_model(small_model), journal, []):
        assert [one.pid for one in running()] == [os.getpid()]
        age(state_folder / "running")
        running()  # where open files can be removed it is taken for one that was left; nothing fails
    assert running() == []


def test_a_journal_is_the_same_by_whatever_path(small_model, journal, tmp_path, monkeypatch):
    (tmp_path / "linked").symlink_to(journal)
    monkeypatch.chdir(tmp_path)
    with Registration(read_model(small_model), Path("j.sqlite"), []):
        for path in (journal, tmp_path / "linked", tmp_path / "x" / ".." / "j.sqlite"):
            assert elsewhere(path) == []
        (said,) = unmet(tmp_path / "another")
    assert said == (
        f"the listener that runs here (pid {os.getpid()}) uses the journal {journal} with the model {small_model}: "
        f"it will not know this; name that with --journal {journal} --model {small_model}"
    )


def test_one_listener_that_uses_the_journal_is_enough(small_model, journal, tmp_path):
    model = read_model(small_model)
    with Registration(model, tmp_path / "another", []), Registration(model, journal, []):
        assert unmet(journal) == []
        assert len(unmet(tmp_path / "a third")) == 2
    assert unmet(journal) == []


def test_listening_in_python_is_found_too(small_model, tmp_path):
    sound = "pace_edge/recordings/demo.flac"
    heard = pace_edge.listen(small_model, sound, realtime=False, journal=tmp_path / "mine")
    next(heard)
    assert [(Path(one.journal).name, one.sources) for one in running()] == [("mine", ("file demo.flac",))]
    with pace_edge.Teacher(small_model) as teacher:
        assert "it will not know this" in teacher.unmet()[0]
    with pace_edge.Teacher(small_model, journal=tmp_path / "mine") as teacher:
        assert teacher.unmet() == []
    heard.close()
    assert running() == []


def test_what_a_listener_says_of_itself_follows_its_model_and_its_sources(small_model, tmp_path):
    other = with_info(small_model, tmp_path / "other.onnx", name="other")
    quiet = np.zeros(RATE_HZ, np.float32)
    with pace_edge.Listener(small_model) as listener:
        assert running()[0].sources == ()
        list(listener.feed(quiet, source="attic"))
        assert running()[0].sources == ("attic",)
        listener.swap(other)
        list(listener.feed(quiet, source="cellar"))
        (found,) = running()
        assert (found.model, found.model_name, found.sources) == (str(other), "other", ("attic", "cellar"))
        assert Path(found.journal).name == "other.sqlite"
        listener.finish("attic")
        assert running()[0].sources == ("cellar",)
    assert running() == []


def test_a_listener_that_others_look_at_while_it_begins_is_found_all_the_same(small_model, journal, state_folder):
    """Whoever looks whether a file is left holds a lock on it for a moment."""
    stop = threading.Event()

    def look():
        while not stop.is_set():
            running()

    lookers = [threading.Thread(target=look) for _ in range(4)]
    for one in lookers:
        one.start()
    try:
        for _ in range(50):
            with Registration(read_model(small_model), journal):
                assert running()
    finally:
        stop.set()
        for one in lookers:
            one.join()
