"""Runs in processes of their own: killed, interrupted or dying, what is finished is kept and nothing goes on alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pace_edge.adapt import backbones
from pace_edge.benchmark.records import RUNS, read_records
from tests.adapt.small import write_clips
from tests.benchmark.small import run_here

ROOT = Path(__file__).parents[2]
METHOD = """
import os, signal, time
from pathlib import Path

from pace_edge.adapt import backbones
from tests.adapt.small import small_encoder
from tests.benchmark.small import Always

backbones.BACKBONES["small"] = lambda *_: small_encoder()  # in every process, which all load this file
HERE = Path(__file__).parent

class Waits(Always):
    def learn(self, session):
        (HERE / f"pid-{os.getpid()}").touch()
        while (HERE / "wait").exists() and len(list(HERE.glob("pid-*"))) > 1:  # the first run goes through
            time.sleep(0.05)
        super().learn(session)

class Dies(Always):
    def learn(self, session):
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "tones").mkdir()
    write_clips(tmp_path / "tones", classes=4, per_class=6)
    (tmp_path / "method.py").write_text(METHOD)
    return tmp_path


@pytest.fixture
def start(place):
    """Starts the command in `place`; what still runs at the end of a test is ended."""
    started = []

    def command(*words, before=(sys.executable, "-m")):
        fixed = ["pace_edge", "benchmark", "run", "--data", ".", "--output", "out", "--set", "tones"]
        fixed += ["--backbone", "small", "--seconds", "0.5", "--epochs", "1", "--M", "64", "--device", "cpu"]
        process = subprocess.Popen(
            [*before, *fixed, "--method", "method.py:Waits", *words], cwd=place, text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in the background
        )  # fmt: skip
        started.append(process)
        return process

    yield command
    for process in started:
        process.kill()
        process.communicate()


def test_under_torchrun_processes_train_pace_together_and_share_the_other_runs(place, start, monkeypatch):
    monkeypatch.setitem(backbones.BACKBONES, "small", None)
    methods = [f"{place / 'method.py'}:Waits", "NCM", "PACE, FSA staged"]
    run_here(place / "tones", place / "alone", methods=methods, orders=(0, 1))
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    process = start("--method", "NCM", "--method", "PACE, FSA staged", "--orders", "2", before=words)
    out, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    assert len(out.splitlines()) == 6
    assert "6 of 6 runs made" in told
    alone, shared = ({r.key: r for r in read_records(place / name)} for name in ("alone", "out"))
    assert alone.keys() == shared.keys()
    for key, record in alone.items():
        assert shared[key].accuracies == record.accuracies
    losses = [[r.details["losses"] for r in runs.values() if r.method.startswith("PACE")] for runs in (alone, shared)]
    for one, other in zip(*losses, strict=True):
        assert one[0] == pytest.approx(other[0], rel=1e-4)


def until(there, process=None, timeout_s=300):
    ends = time.monotonic() + timeout_s
    while not there():
        assert time.monotonic() < ends, "it did not come about"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.05)


def pids(place):
    return [int(path.name.partition("-")[2]) for path in place.glob("pid-*")]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc").exists() else True


def test_killed_and_interrupted_only_what_is_missing_is_run_again(place, start, monkeypatch):
    (place / "wait").touch()
    process = start()
    until(lambda: len(pids(place)) == 2, process)  # the first run is over, the second is on its way
    process.kill()
    process.communicate()
    until(lambda: not any(map(alive, pids(place))))  # the run ended with the one that started it
    (first,) = (place / "out" / RUNS).read_text().splitlines()

    process = start("--jobs", "2")
    until(lambda: len(pids(place)) == 4, process)  # two runs at a time
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=300)
    assert process.returncode == 130, words
    assert "interrupted; what is finished is in out" in words
    assert "Traceback" not in words
    until(lambda: not any(map(alive, pids(place))))

    (place / "wait").unlink()
    monkeypatch.setitem(backbones.BACKBONES, "small", None)  # the method's file puts it there
    outcome = run_here(place / "tones", place / "out", methods=[f"{place / 'method.py'}:Waits"], orders=(0, 1, 2))
    assert (outcome.wanted, outcome.made) == (2, 2)
    assert (place / "out" / RUNS).read_text().splitlines()[0] == first
    assert [record.order for record in read_records(place / "out")] == [0, 1, 2]


def test_a_run_whose_process_dies_is_told_of_and_the_next_is_made(place, monkeypatch):
    monkeypatch.setitem(backbones.BACKBONES, "small", None)
    methods = [f"{place / 'method.py'}:{name}" for name in ("Dies", "Waits")]
    outcome = run_here(place / "tones", place / "out", methods=methods, jobs=1)
    assert outcome.failed[0].startswith(
        "tones, small, Dies, order 0: its process ended by signal 9 (Killed). Memory may"
    )
    (record,) = read_records(place / "out")
    assert record.method == "Waits"
    assert pids(place) != [os.getpid()]  # in a process of its own
