"""pace-edge adapt: a checkpoint, a JSON line for each session, and one clear line for a mistake."""

import json

import pytest
from click.testing import CliRunner

from pace_edge.adapt import backbones
from pace_edge.adapt.checkpoint import load_checkpoint
from pace_edge.cli import cli
from tests.adapt.small import QUICK, small_encoder, write_clips
from tests.cli.test_cli import pace_edge


def test_adapting_writes_a_checkpoint_and_a_line_for_each_session(tmp_path, monkeypatch):
    write_clips(tmp_path, classes=4)
    monkeypatch.setitem(backbones.BACKBONES, "small", lambda folder: small_encoder())  # no network in a test
    changes = [word for name, value in QUICK.items() for word in ("--set", f"{name}={value}")]
    words = ["adapt", "--data", tmp_path, "--output", tmp_path / "out", "--backbone", "small", "--seconds", "0.5"]
    done = CliRunner().invoke(cli, [*map(str, words), *changes, "--set", "frozen_blocks=1"], catch_exceptions=False)
    assert done.exit_code == 0
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["session"] for line in lines] == [1, 2]
    assert all(0 <= line["accuracy"] <= 1 for line in lines)
    assert "session 1: epoch 2/2" in done.stderr
    assert load_checkpoint(tmp_path / "out", backbones.open_backbone).accuracies[-1] == lines[-1]["accuracy"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--data", "absent"], 1, "cannot read the manifest"),
        (["--data", ".", "--backbone", "ears"], 2, "there is no backbone 'ears'"),
        (["--data", ".", "--set", "speed=3"], 2, "there is no setting 'speed'"),
        (["--data", ".", "--classes-per-session", "9"], 1, "classes a session"),
        (["--data", ".", "--set", "epochs=2.5"], 2, "a whole number from 1"),
    ],
)
def test_a_mistake_in_adapting_is_one_clear_line(tmp_path, words, code, message):
    write_clips(tmp_path, classes=4)
    done = pace_edge("adapt", "--output", "out", *words, cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
    assert message in done.stderr
    assert not (tmp_path / "out").exists()
