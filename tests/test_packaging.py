"""What pip installs: one ONNX Runtime on every machine, and no torch without [train]."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
ALL = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = ALL["project"]


@pytest.mark.parametrize(
    ("system", "machine", "runtime"),
    [
        ("linux", "x86_64", "onnxruntime-gpu"),
        ("win32", "AMD64", "onnxruntime-gpu"),
        ("linux", "aarch64", "onnxruntime"),
        ("linux", "armv7l", "onnxruntime"),
        ("darwin", "arm64", "onnxruntime"),
        ("darwin", "x86_64", "onnxruntime"),
        ("win32", "ARM64", "onnxruntime"),
    ],
)
def test_every_machine_gets_exactly_one_onnx_runtime(system, machine, runtime):
    environment = {"sys_platform": system, "platform_machine": machine}
    wanted = [r for r in map(Requirement, PROJECT["dependencies"]) if not r.marker or r.marker.evaluate(environment)]
    assert [r.name for r in wanted if r.name.startswith("onnxruntime")] == [runtime]


def test_listening_installs_no_torch():
    names = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert not names & {"torch", "torchaudio", "onnxscript"}
    train = {r.name: r for r in map(Requirement, PROJECT["optional-dependencies"]["train"])}
    assert "2.13.0" in train["torch"].specifier
    assert "2.14.0" not in train["torch"].specifier


def test_every_file_that_is_no_code_is_named_or_it_would_not_be_installed():
    named = {path for glob in ALL["tool"]["setuptools"]["package-data"]["pace_edge"] for path in
             (ROOT / "pace_edge").glob(glob)}  # fmt: skip
    data = {path for ending in ("onnx", "json", "flac", "csv.gz") for path in (ROOT / "pace_edge").rglob(f"*.{ending}")}
    assert data
    assert data <= named
