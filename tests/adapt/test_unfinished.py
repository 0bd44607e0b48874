"""What an interrupted session kept is found by the same run and session and by no other; damage is told."""

import pytest
import torch

from pace_edge.adapt.unfinished import NAME, Unfinished
from pace_edge.errors import PaceEdgeError


def kept(folder, run="a", session=2):
    unfinished = Unfinished(folder, run=run)
    unfinished.begin(session)
    unfinished.keep("probe", {"learned": [torch.ones(2)], "wrong": None})
    return unfinished


def found(folder, run="a", session=2):
    unfinished = Unfinished(folder, run=run)
    unfinished.begin(session)
    return unfinished.stage("probe")


def test_a_state_comes_back_to_the_same_session_of_the_same_run(tmp_path):
    kept(tmp_path)
    assert torch.equal(found(tmp_path)["learned"][0], torch.ones(2))
    assert found(tmp_path, session=3) is None
    assert found(tmp_path, run="b") is None


def test_the_end_of_a_session_leaves_nothing(tmp_path):
    kept(tmp_path).end()
    assert found(tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_only_the_process_that_writes_writes(tmp_path):
    reader = Unfinished(tmp_path, run="a", writes=False)
    reader.begin(2)
    reader.keep("probe", {})
    reader.end()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"no torch file", b"PK\x03\x04 half"])
def test_a_damaged_file_is_told(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(PaceEdgeError, match=r"is damaged.*Delete it"):
        found(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    unfinished = Unfinished(tmp_path / "file", run="a")
    unfinished.begin(1)
    with pytest.raises(PaceEdgeError, match=r"cannot write.*--resume"):
        unfinished.keep("probe", {})
