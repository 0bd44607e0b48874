"""The example of a method from outside: small, right by its paper, and in a report through the contract alone."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pace_edge.adapt import backbones
from pace_edge.adapt.data import Clip
from pace_edge.adapt.sessions import Session
from pace_edge.benchmark.programme import Place, Programme, run_benchmark
from pace_edge.benchmark.records import read_records
from pace_edge.benchmark.report import write_benchmark_report
from pace_edge.benchmark.sets import find_set
from tests.adapt.small import small_encoder, write_clips

EXAMPLE = Path(__file__).parents[2] / "examples" / "benchmark_fecam.py"


@pytest.fixture(scope="module")
def fecam():
    spec = importlib.util.spec_from_file_location("benchmark_fecam", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def learned(fecam, z, labels, per_session):
    """The method after sessions of `per_session` classes each; the clips' paths are rows of z."""
    method = fecam.FeCAM(SimpleNamespace(embed=lambda clips: z[[int(clip.path.name) for clip in clips]]))
    classes = sorted(set(labels))
    for i in range(0, len(classes), per_session):
        now = classes[i : i + per_session]
        train = tuple(Clip(Path(str(n)), label, 1, "") for n, label in enumerate(labels) if label in now)
        method.learn(Session(i + 1, tuple(now), train, ()))
    return method


@given(st.integers(0, 2**32 - 1))
def test_a_class_that_spreads_along_one_direction_is_called_by_its_own_distance(fecam, seed):
    """What the paper is about: the nearest centre calls a far clip of a wide class wrong, its own distance does not."""
    rng = np.random.default_rng(seed)
    wide = np.array([3.0, 0, 0]) + rng.normal(size=(60, 3)) * (0.1, 1.0, 0.1)
    tight = np.array([3.0, 1.5, 0]) + rng.normal(size=(60, 3)) * 0.05
    z = np.concatenate([wide, tight, [[3.0, -1.4, 0]]]).astype(np.float32)
    method = learned(fecam, z, ["wide"] * 60 + ["tight"] * 60, 1)
    assert method.call([Clip(Path("120"), "", 0, "")]) == ["wide"]
    assert method.distances(fecam.unit(z[-1:].astype(float)), "wide").shape == (1,)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_neither_order_nor_split_of_sessions_matters_and_one_clip_is_enough(fecam, seed, per_session):
    rng = np.random.default_rng(seed)
    z, labels = rng.normal(size=(33, 6)).astype(np.float32), [f"class {i % 4}" for i in range(32)] + ["lonely"]
    clips = [Clip(Path(str(n)), "", 0, "") for n in range(33)]
    assert learned(fecam, z, labels, per_session).call(clips) == learned(fecam, z, labels, 5).call(clips)


def test_shrinking_is_the_papers(fecam):
    covariance = np.array([[2.0, 0.5, 0.1], [0.5, 4.0, 0.3], [0.1, 0.3, 3.0]])
    expected = covariance + 3.0 * np.eye(3) + 0.3 * (1 - np.eye(3))  # their means on and beside the diagonal
    np.testing.assert_allclose(fecam.shrunk(covariance), expected, rtol=1e-8)


def test_it_is_run_by_its_files_name_and_stands_in_the_report(tmp_path, monkeypatch):
    assert len(EXAMPLE.read_text().splitlines()) < 80
    (tmp_path / "tones").mkdir()
    write_clips(tmp_path / "tones", classes=4)
    monkeypatch.setitem(backbones.BACKBONES, "small", lambda *_: small_encoder())  # no network in a test
    programme = Programme(
        sets=[replace(find_set(str(tmp_path / "tones")), seconds=0.5)], methods=["NCM", f"{EXAMPLE}:FeCAM"],
        backbones=["small"], orders=[0, 1], M=64,
    )  # fmt: skip
    outcome = run_benchmark(programme, Place(data=tmp_path, output=tmp_path / "runs", jobs=0), command="the test's")
    assert (outcome.made, outcome.failed) == (4, [])
    mine = [record for record in read_records(tmp_path / "runs") if record.method == "FeCAM"]
    assert [record.order for record in mine] == [0, 1] and all(record.accuracy > 0.5 for record in mine)
    assert mine[0].source.startswith("benchmark_fecam.py sha256:") and mine[0].trainable_parameters == 0
    assert mine[0].stored_bytes == 4 * 8 * (24 + 24**2)  # a centre and a matrix each
    write_benchmark_report([tmp_path / "runs"], tmp_path / "report", methods=["NCM"])
    text = (tmp_path / "report/report.md").read_text()
    assert f"| FeCAM | 2 | {100 * np.mean([r.accuracy for r in mine]):.1f} ±" in text.replace("**", "")
    assert "FeCAM is not of this package: benchmark\\_fecam.py sha256:" in text
