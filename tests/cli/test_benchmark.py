"""pace-edge benchmark: a JSON line for each run on stdout, words on stderr, one clear line for a mistake."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from pace_edge.adapt import backbones
from pace_edge.adapt.data import read_clips
from pace_edge.benchmark.methods import METHODS
from pace_edge.benchmark.records import read_records
from pace_edge.benchmark.sets import SETS
from pace_edge.cli import cli
from tests.adapt.small import write_clips
from tests.cli.test_cli import pace_edge

METHOD = """
from pace_edge.adapt import backbones
from tests.adapt.small import small_encoder
from pace_edge.benchmark.methods.ncm import NearestClassMean
from tests.benchmark.small import Always

backbones.BACKBONES["small"] = lambda *_: small_encoder()

class Mine(Always):
    pass

class Means(NearestClassMean):
    pass

class Fails(Always):
    def learn(self, session):
        raise ValueError("no luck")
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setitem(backbones.BACKBONES, "small", None)  # the method's file puts it there
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tones").mkdir()
    write_clips(tmp_path / "tones", classes=4, per_class=6)
    (tmp_path / "method.py").write_text(METHOD)
    return tmp_path


def run(*words, sets=("tones",)):
    chosen = [word for name in sets for word in ("--set", name)]
    fixed = ["benchmark", "run", "--data", ".", "--output", "out", "--backbone", "small", "--orders", "1", "--M", "64"]
    return CliRunner().invoke(cli, [*fixed, *chosen, "--seconds", "0.5", "--epochs", "1", "--device", "cpu", *words])


def test_each_run_is_a_line_of_json_and_how_far_it_is_a_line_of_words(place):
    done = run("--method", "method.py:Mine", "--method", "method.py:Means", "--classes-per-session", "4")
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["set"], line["method"], line["order"]) for line in lines] == [
        ("tones", "Mine", 0),
        ("tones", "Means", 0),
    ]
    assert lines[0]["accuracy"] == 0.25
    assert "tones, small, Mine, order 0: 25.0 % after the last session, 0 s; 1 run left, about 0 min" in done.stderr
    assert "2 of 2 runs made; all of them are in out" in done.stderr
    (mine, means) = read_records(place / "out")
    assert [len(session) for session in means.sessions] == [4]
    assert (mine.seconds, mine.epochs, mine.M) == (0.5, 1, 64)


def test_what_was_asked_for_and_could_not_be_run_is_a_failure_and_the_rest_is_run(place):
    done = run("--method", "method.py:Fails", "--method", "method.py:Mine", sets=("esc50", "tones"))
    assert done.exit_code == 1
    assert "not run: the set esc50 is not there" in done.stderr
    assert "ValueError: no luck" in done.stderr
    assert 'raise ValueError("no luck")' in done.stderr  # where it was, for whoever wrote it
    assert "2 of what was asked for could not be run. See above for why" in str(done.exception)
    assert [record.method for record in read_records(place / "out")] == ["Mine"]


def test_without_a_set_those_that_are_here_are_run_and_none_is_a_failure(place):
    done = run("--method", "method.py:Mine", sets=())
    assert done.exit_code == 1
    assert f"{len(SETS)} of what was asked for could not be run" in str(done.exception)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--method", "Nothing"), "there is no method 'Nothing'"),
        (("--method", "NCM", "--weights", "small"), "expected BACKBONE=FILE, got small"),
        (("--method", "NCM", "--set", "esc51"), "there is no data set 'esc51'"),
    ],
)
def test_a_name_that_is_not_there_is_a_usage_error(place, words, reason):
    done = run(*words)
    assert done.exception.exit_code == 2
    assert reason in str(done.exception)
    assert not list(place.glob("out/*.jsonl"))


def test_sets_says_what_is_here_and_why_the_rest_is_not(tmp_path, state_folder):
    done = CliRunner().invoke(cli, ["benchmark", "sets", "--data", str(tmp_path)])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["set"] for line in lines if "set" in line] == list(SETS)
    assert not any(line["here"] for line in lines)
    assert all(line["reason"] for line in lines)
    (starter,) = [line for line in lines if line.get("backbone") == "starter"]
    assert starter["reason"] == (
        f"to be downloaded first, or put at {state_folder}/weights/tiny.en.pt and {state_folder}/weights/yamnet.tflite"
    )
    (state_folder / "weights").mkdir(parents=True)
    (state_folder / "weights/base.pt").touch()
    done = CliRunner().invoke(cli, ["benchmark", "sets", "--data", str(tmp_path)])
    here = [json.loads(line) for line in done.stdout.splitlines() if '"here": true' in line]
    assert here == [{"backbone": "whisper-base", "here": True}]


def test_sets_says_how_one_that_is_here_is_run(tmp_path, monkeypatch):
    (tmp_path / "esc10").mkdir()
    write_clips(tmp_path / "esc10", classes=4, per_class=6)
    monkeypatch.setitem(SETS, "esc10", replace(SETS["esc10"], read=read_clips, classes=4))
    done = CliRunner().invoke(cli, ["benchmark", "sets", "--data", str(tmp_path)])
    (here,) = [json.loads(line) for line in done.stdout.splitlines() if '"here": true' in line]
    assert (here["set"], here["clips"], here["classes"], here["classes_per_session"]) == ("esc10", 24, 4, 2)
    assert here["split"] == SETS["esc10"].split


def test_methods_are_listed_with_whose_they_are():
    done = CliRunner().invoke(cli, ["benchmark", "methods"])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["method"] for line in lines] == list(METHODS)
    assert all(line["paper"] for line in lines)


def test_a_set_that_may_not_be_downloaded_is_one_clear_line(tmp_path):
    done = pace_edge("benchmark", "download", "timit-2", "--data", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("pace-edge: the set timit-2 cannot be downloaded from here. From the Linguistic Data")
    assert len(done.stderr.splitlines()) == 1
