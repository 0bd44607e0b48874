"""A run leaves a checkpoint and a report; interrupted anywhere, alone or in two processes, its result is the same."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pace_edge.adapt.checkpoint import load_checkpoint
from pace_edge.adapt.machine import Machine
from pace_edge.adapt.pace import Pace
from pace_edge.adapt.processes import Processes
from pace_edge.adapt.run import adapt
from pace_edge.adapt.sessions import plan_sessions
from pace_edge.adapt.watch import Watch
from pace_edge.errors import PaceEdgeError
from tests.adapt.small import settings, small_encoder, write_clips

ROOT = Path(__file__).parents[2]
SETTINGS = {"epochs": 2, "rho_layer": 0.9999, "rho_p": 0.01, "n_stop": 8, "rate": 0.05, "clip_norm": None}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips"), classes=6, per_class=6)


def run(clips, output, *, watch=None, **options):
    return adapt(
        plan_sessions(clips, classes_per_session=2, test_fold=1), small_encoder(), "small", output,
        settings=settings(**SETTINGS), seconds=0.5, machine=Machine(watch=watch or Watch()), **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(clips, tmp_path_factory):
    output = tmp_path_factory.mktemp("whole") / "out"
    return run(clips, output), output


def test_a_run_leaves_a_checkpoint_and_a_report(whole):
    pace, output = whole
    assert [report.adapted for report in pace.reports] == [True, True, False]
    assert pace.similarities
    loaded = load_checkpoint(output, lambda name: small_encoder())
    assert np.abs(loaded.classifier.W - pace.classifier.W).max() < 1e-8
    assert loaded.accuracies == tuple(report.accuracy for report in pace.reports)
    content = json.loads((output / "report" / "report.json").read_text())
    assert content["accuracies"] == [report.accuracy for report in pace.reports]
    assert {path.name for path in output.iterdir()} == {"pace.json", "adapters", "classifier-03.npz", "report"}


class Interrupt(Watch):
    def __init__(self, after):
        self.left = after

    def epoch(self, *_):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", range(1, 7))  # in the probe, in session 1, in session 2
def test_interrupted_after_any_epoch_it_goes_on_to_the_same_result(clips, whole, tmp_path, after):
    pace, _ = whole
    with pytest.raises(KeyboardInterrupt):
        run(clips, tmp_path / "out", watch=Interrupt(after))
    told, left = [], Interrupt(100)
    again = run(clips, tmp_path / "out", resume=True, done=told.append, watch=left)
    assert 100 - left.left == 6 - after  # no epoch is trained twice
    assert [report.losses for report in told] == [report.losses for report in pace.reports]
    assert again.similarities == pace.similarities
    assert [report.per_session for report in told] == [report.per_session for report in pace.reports]
    assert np.abs(again.classifier.W - pace.classifier.W).max() < 1e-8


def test_a_folder_with_a_run_is_not_written_over(clips, whole):
    with pytest.raises(PaceEdgeError, match=r"holds a run already.*--resume"):
        run(clips, whole[1])


def test_another_run_cannot_be_gone_on_with(clips, whole):
    with pytest.raises(PaceEdgeError, match="is of another run"):
        run(clips[:-6], whole[1], resume=True)


def test_an_output_that_cannot_be_made_is_told_before_training(clips, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PaceEdgeError, match="cannot write to"):
        run(clips, tmp_path / "file" / "out", watch=Interrupt(1))


def test_two_processes_get_the_answer_of_one(clips, whole, tmp_path):
    pace, _ = whole
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*words, "-m", "tests.adapt.one_of_two", str(clips[0].path.parent), str(tmp_path / "out")],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loaded = load_checkpoint(tmp_path / "out", lambda name: small_encoder())
    content = json.loads((tmp_path / "out" / "pace.json").read_text())
    assert content["cka"] == pytest.approx(pace.similarities, abs=1e-5)
    for session, report in zip(content["sessions"], pace.reports, strict=True):
        assert session["losses"] == pytest.approx(report.losses, rel=1e-4)
        assert session["held_out"] == report.held_out
        assert session["energy"] == pytest.approx(report.energy, abs=1e-5)
        assert session["per_session"] == report.per_session
    assert np.abs(loaded.classifier.W - pace.classifier.W).max() < 1e-3 * np.abs(pace.classifier.W).max()


def test_more_processes_than_clips_are_refused(clips):
    sessions = plan_sessions(clips, classes_per_session=2, test_fold=1)
    run = Pace(small_encoder(), settings(**SETTINGS), 0.5, Machine(processes=Processes(rank=0, world=9)))
    with pytest.raises(PaceEdgeError, match=r"too few clips for so many processes.*expected 9 or more, got 8"):
        run.learn_session(sessions[0])
