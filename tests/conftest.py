"""What many tests share: a small model, a state folder of their own, the starter's location."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.synthetic import write_small_model
from tests.virtual_microphone import virtual_microphone as virtual_microphone

# No test needs a speed: a busy machine may take long over an example, and over making one
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share the work of two processes are called the same in both."""
    if odd := [item.nodeid for item in items if " object at 0x" in item.nodeid]:
        raise pytest.UsageError(f"the name of a test holds an address in memory; give its parameter an id: {odd}")


@pytest.fixture(scope="session")
def small_model(tmp_path_factory) -> Path:
    return write_small_model(tmp_path_factory.mktemp("model") / "small.onnx")


@pytest.fixture(scope="session")
def two_view_model(tmp_path_factory) -> Path:
    return write_small_model(tmp_path_factory.mktemp("model") / "two-views.onnx", "two-views", views=2)


@pytest.fixture(scope="session")
def weighing_model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "weighing.onnx"
    return write_small_model(path, "weighing", views=2, weighing=True)


@pytest.fixture(scope="session")
def weighing_model_of_one_view(tmp_path_factory) -> Path:
    return write_small_model(tmp_path_factory.mktemp("model") / "weighing-one.onnx", "weighing-one", weighing=True)


@pytest.fixture(params=["small_model", "two_view_model", "weighing_model", "weighing_model_of_one_view"])
def any_model(request) -> Path:
    """A model file of one view and one of two, each as older files are and with classes that weigh the views."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def named_model(tmp_path_factory) -> Path:
    """The same with names for what no class is like."""
    return write_small_model(tmp_path_factory.mktemp("model") / "named.onnx", "named", named=True)


@pytest.fixture(autouse=True)
def state_folder(tmp_path, monkeypatch) -> Path:
    """No test ever touches the state of the person who runs it."""
    folder = tmp_path / "pace-edge-home"
    monkeypatch.setenv("PACE_EDGE_HOME", str(folder))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)  # where listeners of other tests would be found
    return folder
