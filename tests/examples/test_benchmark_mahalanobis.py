"""The example of a method from outside: small, right by its papers, and in a report through the contract alone."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf

from pace_edge.adapt import backbones
from pace_edge.adapt.data import Clip
from pace_edge.adapt.sessions import Session
from pace_edge.benchmark.programme import Place, Programme, run_benchmark
from pace_edge.benchmark.records import read_records
from pace_edge.benchmark.report import write_benchmark_report
from pace_edge.benchmark.sets import find_set
from tests.adapt.small import small_encoder, write_clips

EXAMPLE = Path(__file__).parents[2] / "examples" / "benchmark_mahalanobis.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("benchmark_mahalanobis", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def learned(example, z, labels, per_session):
    """The method after sessions of `per_session` classes each; the clips' paths are rows of z."""
    method = example.Mahalanobis(SimpleNamespace(embed=lambda clips: z[[int(clip.path.name) for clip in clips]]))
    classes = sorted(set(labels))
    for i in range(0, len(classes), per_session):
        now = classes[i : i + per_session]
        train = tuple(Clip(Path(str(n)), label, 1, "") for n, label in enumerate(labels) if label in now)
        method.learn(Session(i + 1, tuple(now), train, ()))
    return method


def test_a_class_is_called_along_the_direction_in_which_all_spread(example):
    """The nearest mean calls this clip the other class; the distance that knows the spread does not."""
    rng = np.random.default_rng(0)
    spread = rng.normal(size=(200, 3)) * (0.1, 2.0, 0.1)
    spread[100:] += (1.0, 3.0, 0.0)
    z = np.concatenate([spread, [[0.0, 3.0, 0.0]]]).astype(np.float32)
    method = learned(example, z, ["here"] * 100 + ["there"] * 100, 1)
    assert method.call([Clip(Path("200"), "", 0, "")]) == ["here"]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_how_classes_are_spread_over_sessions_does_not_matter_and_one_clip_is_enough(example, seed, per_session):
    rng = np.random.default_rng(seed)
    z, labels = rng.normal(size=(33, 6)).astype(np.float32), [f"class {i % 4}" for i in range(32)] + ["lonely"]
    some, whole = (learned(example, z, labels, n) for n in (per_session, 5))
    np.testing.assert_allclose(some.covariance(), whole.covariance(), rtol=1e-9, atol=1e-12)
    clips = [Clip(Path(str(n)), "", 0, "") for n in range(33)]
    assert some.call(clips) == whole.call(clips)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 40))
def test_the_covariance_is_ledoit_and_wolfs(example, seed, n):
    """Of scikit-learn, on all clips at once, each less its class's mean."""
    rng = np.random.default_rng(seed)
    z, labels = rng.normal(size=(2 * n, 5)).astype(np.float32), ["a"] * n + ["b"] * n
    away = np.concatenate([part - part.mean(0) for part in np.split(z.astype(np.float64), 2)])
    expected = ledoit_wolf(away, assume_centered=True)[0]
    np.testing.assert_allclose(learned(example, z, labels, 1).covariance(), expected, rtol=1e-6, atol=1e-9)


def test_it_is_run_by_its_files_name_and_stands_in_the_report(tmp_path, monkeypatch):
    assert len(EXAMPLE.read_text().splitlines()) < 80
    (tmp_path / "tones").mkdir()
    write_clips(tmp_path / "tones", classes=4)
    monkeypatch.setitem(backbones.BACKBONES, "small", lambda *_: small_encoder())  # no network in a test
    programme = Programme(
        sets=[replace(find_set(str(tmp_path / "tones")), seconds=0.5)], methods=["NCM", f"{EXAMPLE}:Mahalanobis"],
        backbones=["small"], orders=[0, 1], M=64,
    )  # fmt: skip
    outcome = run_benchmark(programme, Place(data=tmp_path, output=tmp_path / "runs", jobs=0), command="the test's")
    assert (outcome.made, outcome.failed) == (4, [])
    mine = [record for record in read_records(tmp_path / "runs") if record.method == "Mahalanobis"]
    assert [record.order for record in mine] == [0, 1] and all(record.accuracy > 0.5 for record in mine)
    assert mine[0].source.startswith("benchmark_mahalanobis.py sha256:") and mine[0].trainable_parameters == 0
    assert mine[0].stored_bytes == 8 * (4 * 24 + 24**2 + 2)  # four means, a covariance and two numbers
    write_benchmark_report([tmp_path / "runs"], tmp_path / "report", methods=["NCM"])
    text = (tmp_path / "report/report.md").read_text()
    assert f"| Mahalanobis | 2 | {100 * np.mean([r.accuracy for r in mine]):.1f} ±" in text.replace("**", "")
    assert "Mahalanobis is not of this package: benchmark\\_mahalanobis.py sha256:" in text
