"""pace-edge adapt: a checkpoint, a report, a JSON line for each session, and one clear line for a mistake."""

import json

import pytest
from click.testing import CliRunner

from pace_edge.adapt import backbones
from pace_edge.adapt.checkpoint import load_checkpoint
from pace_edge.cli import cli
from tests.adapt.small import QUICK, small_encoder, write_clips
from tests.cli.test_cli import pace_edge


@pytest.fixture
def adapt(tmp_path, monkeypatch):
    """Runs the command on four classes in tmp_path with a small backbone."""
    write_clips(tmp_path, classes=4)
    monkeypatch.setitem(backbones.BACKBONES, "small", lambda *_: small_encoder())  # no network in a test
    monkeypatch.chdir(tmp_path)

    def run(*words):
        changes = [word for name, value in QUICK.items() for word in ("--set", f"{name}={json.dumps(value)}")]
        fixed = ["adapt", "--data", ".", "--backbone", "small", "--seconds", "0.5", *changes]
        return CliRunner().invoke(cli, [*fixed, "--set", "frozen_blocks=1", "--output", "out", *map(str, words)])

    return run


def sessions(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_adapting_writes_a_checkpoint_a_report_and_a_line_for_each_session(tmp_path, adapt):
    done = adapt()
    assert done.exit_code == 0, done.output
    assert [line["session"] for line in sessions(done)] == [1, 2]
    assert "session 1: epoch 2/2, loss" in done.stderr
    assert "of the test clips right" in done.stderr
    assert load_checkpoint(tmp_path / "out", backbones.open_backbone).accuracies[-1] == sessions(done)[-1]["accuracy"]
    assert "accuracy.png" in (tmp_path / "out" / "report" / "report.md").read_text()
    described = json.loads((tmp_path / "out" / "report" / "settings.json").read_text())
    assert described["epochs"] == QUICK["epochs"]
    assert described["origin"]["data"] == str(tmp_path)


def test_a_plan_says_which_classes_come_when(tmp_path, adapt):
    (tmp_path / "plan.txt").write_text("tone3, tone0\n# a pause\ntone1, tone2\n")
    assert [line["labels"] for line in sessions(adapt("--plan", "plan.txt"))] == [
        ["tone3", "tone0"],
        ["tone1", "tone2"],
    ]


def test_a_finished_run_is_neither_done_again_nor_written_over(adapt):
    first = adapt()
    assert "holds a run already" in str(adapt().exception)
    again = adapt("--resume")
    assert again.stdout == first.stdout
    assert "epoch" not in again.stderr


def test_unreadable_clips_end_it_or_are_left_out_by_request(tmp_path, adapt):
    (tmp_path / "2-0.wav").write_bytes(b"no sound")
    refused = adapt()
    assert refused.exit_code == 1
    assert "2-0.wav" in str(refused.exception)
    assert "--skip-unreadable" in str(refused.exception)
    assert not (tmp_path / "out").exists()
    done = adapt("--skip-unreadable")
    assert done.exit_code == 0
    assert "left out" in done.stderr
    assert "2-0.wav" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--data", "absent"], 1, "absent"),
        (["--data", ".", "--backbone", "ears"], 2, "there is no backbone 'ears'"),
        (["--data", ".", "--set", "speed=3"], 2, "there is no setting 'speed'"),
        (["--data", ".", "--classes-per-session", "9"], 1, "classes a session"),
        (["--data", ".", "--set", "epochs=2.5"], 2, "a whole number from 1"),
        (["--data", ".", "--plan", "absent"], 1, "absent"),
        (["--data", ".", "--device", "tpu"], 2, "there is no device 'tpu'"),
    ],
)
def test_a_mistake_in_adapting_is_one_clear_line(tmp_path, words, code, message):
    write_clips(tmp_path, classes=4)
    done = pace_edge("adapt", "--output", "out", *words, cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
    assert message in done.stderr
    assert not (tmp_path / "out").exists()
