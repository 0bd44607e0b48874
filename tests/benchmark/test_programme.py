"""Every run is made once, its record kept at once; what cannot be run stops nothing else."""

import json
from dataclasses import replace

import pytest

from pace_edge.adapt import backbones
from pace_edge.adapt.sessions import read_plan
from pace_edge.benchmark.methods import METHODS
from pace_edge.benchmark.programme import Place, run_benchmark
from pace_edge.benchmark.records import RUNS, read_records
from pace_edge.benchmark.sets import SETS
from pace_edge.errors import PaceEdgeError
from tests.adapt.small import small_encoder, write_clips
from tests.benchmark.small import programme_of, run_here

METHOD = """
from tests.benchmark.small import Always
from pace_edge.benchmark.method import Entry
from pace_edge.errors import PaceEdgeError

class Breaks(Always):
    def learn(self, session):
        if session.number == 2:
            raise KeyError("a fault in the method")
        super().learn(session)

class Refuses(Always):
    def __init__(self, task):
        raise PaceEdgeError("this method needs six classes", got=str(task.classes))

Joint = Entry(Always, "", joint=True)
"""


@pytest.fixture
def tones(tmp_path, monkeypatch):
    monkeypatch.setitem(backbones.BACKBONES, "small", lambda *_: small_encoder())
    folder = tmp_path / "tones"
    folder.mkdir()
    write_clips(folder, classes=4, per_class=6)
    (tmp_path / "method.py").write_text(METHOD)
    return folder


def test_each_run_has_a_record_that_says_what_it_was(tones, tmp_path):
    outcome = run_here(tones, tmp_path / "out", methods=["NCM", "frozen + analytic"], orders=(0, 1))
    assert (outcome.wanted, outcome.made, outcome.failed, outcome.absent) == (4, 4, [], {})
    records = read_records(tmp_path / "out")
    assert [(r.method, r.order) for r in records] == [
        ("NCM", 0), ("frozen + analytic", 0), ("NCM", 1), ("frozen + analytic", 1),
    ]  # fmt: skip
    one = records[0]
    assert (one.set, one.backbone, one.fold, one.seconds, one.epochs, one.M) == ("tones", "small", 1, 0.5, 1, 64)
    assert (one.clips_train, one.clips_test, one.embedded_clips_train) == (16, 8, 16)
    assert one.accuracy > 0.5  # tones are easy
    assert one.source == "pace-edge"
    assert one.command == "pace-edge benchmark run ..."
    assert one.peak_memory_bytes > 10**7
    assert one.device.startswith("cpu: ")
    assert set(one.versions) == {"pace-edge", "python", "torch", "numpy"}
    assert len(one.backbone_sha256) == len(one.set_sha256) == 64


def test_what_is_there_is_not_run_again_and_what_is_missing_is(tones, tmp_path):
    run_here(tones, tmp_path / "out", orders=(0, 1))
    lines = (tmp_path / "out" / RUNS).read_text().splitlines(keepends=True)
    (tmp_path / "out" / RUNS).write_text(lines[0] + lines[1][:50])  # as if it had been interrupted there
    outcome = run_here(tones, tmp_path / "out", orders=(0, 1, 2))
    assert (outcome.wanted, outcome.made) == (2, 2)
    after = (tmp_path / "out" / RUNS).read_text().splitlines(keepends=True)
    assert after[0] == lines[0]
    assert [json.loads(line)["order"] for line in after] == [0, 1, 2]
    assert run_here(tones, tmp_path / "out", orders=(0, 1, 2)).wanted == 0


def test_the_plan_is_written_down_and_kept_to(tones, tmp_path):
    run_here(tones, tmp_path / "out")
    path = tmp_path / "out/plans/tones-order0.txt"
    assert [list(group) for group in read_plan(path)] == read_records(tmp_path / "out")[0].sessions
    path.write_text("tone3, tone0\ntone2, tone1\n")
    (tmp_path / "out" / RUNS).unlink()
    run_here(tones, tmp_path / "out")
    assert read_records(tmp_path / "out")[0].sessions == [["tone3", "tone0"], ["tone2", "tone1"]]


def test_the_same_order_gives_the_same_run_and_another_order_another(tones, tmp_path):
    for out in ("a", "b"):
        run_here(tones, tmp_path / out, methods=["PACE, FSA staged"], orders=(0, 1))
    a, b = (read_records(tmp_path / out) for out in ("a", "b"))
    assert [(r.accuracies, r.details, r.sessions) for r in a] == [(r.accuracies, r.details, r.sessions) for r in b]
    assert a[0].sessions != a[1].sessions


def test_a_set_or_backbone_that_is_not_here_is_told_of_and_the_rest_is_run(tones, tmp_path, monkeypatch):
    def absent(*_):
        raise PaceEdgeError("weights could not be downloaded")

    monkeypatch.setitem(backbones.BACKBONES, "absent", absent)
    own = programme_of(tones)
    programme = replace(own, sets=[SETS["esc50"], *own.sets], backbones=["absent", "small"])
    outcome = run_benchmark(programme, Place(data=tmp_path, output=tmp_path / "out", device="cpu", jobs=0))
    assert outcome.made == 1
    assert outcome.absent["esc50"].startswith("the set esc50 is not there")
    assert outcome.failed == ["tones, absent: weights could not be downloaded."]


def test_a_set_that_cannot_be_planned_stops_nothing_else(tones, tmp_path):
    place = Place(data=tmp_path, output=tmp_path / "out", device="cpu", jobs=0)
    programme = programme_of(tones)
    sets = [replace(programme.sets[0], name="planless", per_session=9), *programme.sets]
    outcome = run_benchmark(replace(programme, sets=sets), place)
    assert outcome.made == 1
    assert outcome.failed[0].startswith("planless: these sessions cannot be planned: expected 2 to 4 classes")


def test_a_clip_that_cannot_be_read_stops_its_set_alone(tones, tmp_path):
    (tones / "0-0.wav").write_bytes(b"no sound")
    outcome = run_here(tones, tmp_path / "out")
    assert (outcome.wanted, outcome.made) == (1, 0)
    assert "0-0.wav" in outcome.failed[0]


def test_a_method_that_fails_leaves_no_record_and_the_others_theirs(tones, tmp_path):
    methods = [f"{tmp_path / 'method.py'}:{name}" for name in ("Breaks", "Refuses", "Always")]
    outcome = run_here(tones, tmp_path / "out", methods=methods)
    assert outcome.made == 1
    assert outcome.failed == [
        "tones, small, Breaks, order 0: KeyError: 'a fault in the method'",
        "tones, small, Refuses, order 0: this method needs six classes: got 4.",
    ]
    (record,) = read_records(tmp_path / "out")
    assert (record.method, record.trainable_parameters, record.stored_bytes) == ("Always", 3, 5)
    assert record.source.startswith("method.py sha256:")


def test_a_joint_method_has_all_classes_at_once(tones, tmp_path):
    run_here(tones, tmp_path / "out", methods=[f"{tmp_path / 'method.py'}:Joint"])
    (record,) = read_records(tmp_path / "out")
    assert [len(session) for session in record.sessions] == [4]
    assert record.details == {"sessions": 1}


def test_runs_made_otherwise_never_stand_in_one_file(tones, tmp_path):
    run_here(tones, tmp_path / "out", methods=["NCM", f"{tmp_path / 'method.py'}:Always"])
    (tmp_path / "method.py").write_text(METHOD + "\n")
    with pytest.raises(
        PaceEdgeError, match=r"run of tones, small, Always, order 0, with another source: .*another --out"
    ):
        run_here(tones, tmp_path / "out", methods=[f"{tmp_path / 'method.py'}:Always"])
    (tones / "0-0.wav").write_bytes((tones / "0-1.wav").read_bytes())
    with pytest.raises(PaceEdgeError, match="with another set_sha256"):
        run_here(tones, tmp_path / "out")


def test_an_output_that_cannot_be_written_says_so(tones, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(PaceEdgeError, match=r"cannot write to .*out: .*Choose another --output"):
        run_here(tones, tmp_path / "out")


def test_all_methods_of_ours_run(tones, tmp_path):
    """On clips by formula: each learns, calls every clip by a class it knows, and says what it cost."""
    outcome = run_here(tones, tmp_path / "out", methods=list(METHODS))
    assert outcome.failed == []
    for record in read_records(tmp_path / "out"):
        assert record.stored_bytes > 0 or METHODS[record.method].trains
        assert (record.trainable_parameters > 0) <= METHODS[record.method].trains
