"""Anybody's runs are read back as they were written, or refused with the line and the reason."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.benchmark.report_runs import read_runs
from pace_edge.errors import PaceEdgeError
from tests.benchmark.some_runs import as_json, some_run, written


def test_runs_come_back_as_they_were_written(tmp_path):
    runs = [some_run("PACE", 0), some_run("門のベル | <b>", 1, details={"cka": [0.5], "n": {"a": None}}, T=1)]
    file = written(tmp_path, runs)
    assert read_runs([file]) == (runs, [])
    assert read_runs([tmp_path]).runs == runs


@settings(deadline=None)
@given(st.integers(), st.floats(0, 1), st.integers(1, 6), st.text(min_size=1, max_size=20))
def test_any_run_comes_back(tmp_path_factory, order, last, T, name):
    run = some_run(name.encode("utf-8", "replace").decode(), abs(order) % 2**32, last=last, T=T)
    assert read_runs([written(tmp_path_factory.mktemp("runs"), [run])]).runs == [run]


def test_several_files_are_put_together_and_of_a_run_that_is_there_twice_the_first_counts(tmp_path):
    ours, theirs = [some_run("PACE", o) for o in (0, 1)], [some_run("FeCAM", 0), some_run("PACE", 1, last=0.5)]
    a, b = written(tmp_path / "a", ours), written(tmp_path / "b", theirs, "theirs.jsonl")
    read = read_runs([tmp_path / "a", b])
    assert read.runs == [*ours, theirs[0]]
    (note,) = read.notes
    assert note == (
        "PACE on esc10 with whisper-base:last, order 1, fold 1 is there twice: "
        f"line 2 of {a} counts (accuracy 80.0 %), line 2 of {b} does not (50.0 %)."
    )
    assert read_runs([a, a]) == (ours, [])  # the same again says nothing


def test_other_settings_are_another_run(tmp_path):
    runs = [some_run(), some_run(M=8192), some_run(seconds=4.0), some_run(epochs=1), some_run(fold=2)]
    assert read_runs([written(tmp_path, runs)]).runs == runs


def test_a_run_that_is_being_written_is_left_out_and_told_and_blank_lines_are_nothing(tmp_path):
    file = written(tmp_path, [some_run()])
    file.write_text(f"\ufeff\n{file.read_text()}\n  \n{some_run(order=1).line()[:50]}", encoding="utf-8")
    assert read_runs([file]) == ([some_run()], [f"The last line of {file} is unfinished and was left out."])
    file.write_text(some_run().line())  # whole, though nothing ends it
    assert read_runs([file]) == ([some_run()], [])


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "line 2 of .* is not JSON"),
        ("[1, 2]", r"line 2 of .* is no run: expected an object with \"schema\", got \[1, 2\]\."),
        (as_json(schema=...), "is no run: expected an object with"),
        (as_json(schema=2), "is of another version: expected schema 1, got 2. Use the pace-edge that wrote it"),
        (as_json(set=...), "line 2 of .* is no run: set: Field required"),
        (as_json(order="first"), "is no run: order: Input should be a valid integer: got 'first'"),
        (as_json(order=1.5), "order: Input should be a valid integer: got 1.5"),
        (as_json(accuracies=None), "accuracies: Input should be a valid"),
        (as_json(details=[]), "details: Input should be"),
        (as_json(set=""), "set must have 1 to 100 characters, not 0"),
        (as_json(method="m" * 101), "method must have 1 to 100 characters, not 101"),
        (as_json(backbone=""), "backbone must have"),
        (as_json(device=""), "device must have"),
        (as_json(sessions=[]), "is no run: "),
        (as_json(sessions=[["a"], ["b"], ["c"], ["d"], []]), "each must have classes"),
        (as_json(sessions=[["a"], ["b"], ["c"], ["d"], ["a"]]), "no class may be there twice"),
        (as_json(accuracies=[1.0]), "5 sessions, 1 accuracies"),
        (as_json(accuracies=[1.0, 1.0, 1.0, 1.0, 80.0]), "shares from 0 to 1"),
        (as_json(matrix=[[1.0]]), "5 sessions, 5 accuracies, 1 rows"),
        (as_json(train_seconds=[1.0]), "5 sessions need 5 train_seconds, not 1"),
        (as_json(train_seconds=[1.0] * 4 + [-1.0]), "train_seconds 0 or more"),
        (as_json(seconds=0.0), "seconds must be above 0"),
        (as_json(macro_accuracy=1.5), "macro_accuracy must be from 0 to 1, not 1.5"),
        (as_json(macro_accuracy=float("nan")), "macro_accuracy must be from 0 to 1, not nan"),
        (as_json(clips_test=0), "clips_test must be 1 or more, not 0"),
        *[
            (as_json(**{name: -1}), f"{name} must be 0 or more, not -1")
            for name in ("epochs", "M", "clips_train", "test_seconds", "embed_seconds_per_clip", "embedded_clips_train",
                         "peak_memory_bytes", "trainable_parameters", "stored_bytes", "at_unix_s")
        ],
        (as_json(at_unix_s=float("inf")), "at_unix_s must be 0 or more, not inf"),
        (as_json(details={"cka": 0.9}), "details.cka must be a list of numbers, one a block"),
        (as_json(details={"cka": ["high"]}), "details.cka must be a list of numbers"),
        (as_json(forgetting=0.0), "forgetting must be 0.1250, as the accuracies say, not 0.0"),
        (as_json(backward_transfer=...), "backward_transfer must be -0.1250, as the accuracies say, not None"),
        (as_json(incremental_average="high"), "incremental_average must be 0.9000"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_run_is_told_with_its_place_and_why(tmp_path, line, what):
    file = tmp_path / "runs.jsonl"
    file.write_text(f"{some_run().line()}\n{line}\n")
    with pytest.raises(PaceEdgeError, match=what) as told:
        read_runs([file])
    assert "\n" not in str(told.value) and len(str(told.value)) < 400 and str(told.value).endswith(".")


def test_files_that_hold_no_runs_are_told(tmp_path):
    with pytest.raises(
        PaceEdgeError, match=r"cannot read the runs .*runs.jsonl: No such file.*a folder with a runs.jsonl"
    ):
        read_runs([tmp_path])
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(PaceEdgeError, match=r"there is no run in .*empty: .* Make runs with: pace-edge benchmark run"):
        read_runs([tmp_path / "empty"])
    (tmp_path / "sound.wav").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PaceEdgeError, match=r"sound\.wav is no file of runs"):
        read_runs([tmp_path / "sound.wav"])


def test_keys_that_another_version_added_are_passed_over(tmp_path):
    (tmp_path / "runs.jsonl").write_text(as_json(new_key=[1]))
    assert read_runs([tmp_path]).runs == [some_run()]
    assert "new_key" not in json.loads(read_runs([tmp_path]).runs[0].line())
