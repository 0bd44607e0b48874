"""What many tests share: a small model, a state folder of their own, the starter's location."""

from pathlib import Path

import pytest

from tests.synthetic import write_small_model
from tests.virtual_microphone import virtual_microphone as virtual_microphone


@pytest.fixture(scope="session")
def small_model(tmp_path_factory) -> Path:
    return write_small_model(tmp_path_factory.mktemp("model") / "small.onnx")


@pytest.fixture(autouse=True)
def state_folder(tmp_path, monkeypatch) -> Path:
    """No test ever touches the state of the person who runs it."""
    folder = tmp_path / "pace-edge-home"
    monkeypatch.setenv("PACE_EDGE_HOME", str(folder))
    return folder
