"""pace-edge benchmark report: a folder to open, what is to be known on stderr, one clear line for a mistake."""

import re
from importlib import util

from click.testing import CliRunner

from pace_edge.cli import benchmark_report, cli
from pace_edge.errors import PaceEdgeError
from tests.benchmark.some_runs import some_run, written


def report(*words):
    return CliRunner().invoke(cli, ["benchmark", "report", *map(str, words)])


def test_runs_of_several_files_are_one_report_that_says_what_was_not_run(tmp_path):
    ours, theirs = (
        written(tmp_path / "ours", [some_run()]),
        written(tmp_path / "theirs", [some_run("FeCAM"), some_run(last=0.1)]),
    )
    (tmp_path / "why.md").write_text("Because.")
    done = report(ours.parent, theirs, "--to", tmp_path / "to", "--analysis", tmp_path / "why.md")
    assert done.exit_code == 0, done.output
    assert done.stdout == "" and f"wrote {tmp_path}/to/report.md" in done.stderr
    assert "PACE on esc10 with whisper-base:last, order 0, fold 1 is there twice" in done.stderr
    text = (tmp_path / "to/report.md").read_text()
    assert "Because." in text and re.search(r"^Not run: .*; NCM; ", text, re.MULTILINE) and "| FeCAM | 1 |" in text
    assert "| set | whisper-base:last | whisper-tiny.en | whisper-small | eat | sslam |" in text


def test_a_mistake_is_one_line(tmp_path):
    done = report(tmp_path, "--to", tmp_path / "to")
    assert isinstance(done.exception, PaceEdgeError) and "cannot read the runs" in str(done.exception)
    assert report(tmp_path).exit_code == 2  # no --to
    assert report("--to", tmp_path).exit_code == 2  # no runs


def test_what_is_missing_is_told_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(
        benchmark_report, "find_spec", lambda name: None if name == "markdown_it" else util.find_spec(name)
    )
    done = report(tmp_path, "--to", tmp_path / "to")
    assert str(done.exception) == "the report needs markdown_it. Install it with: pip install '.[train]'"
