"""Nothing half-written is ever left under a model's name."""

import errno
import os

import onnx
import pytest

from export.write import LARGEST, check_size, check_target, write_model
from pace_edge.errors import PaceEdgeError
from pace_edge.model_file import read_model


def test_a_full_disk_leaves_the_old_file_and_nothing_else(small_model, tmp_path, monkeypatch):
    model, info, target = onnx.load(small_model), read_model(small_model).info, tmp_path / "m.onnx"
    target.write_bytes(b"the old one")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PaceEdgeError, match=r"cannot write .*m.onnx: No space left on device"):
        write_model(target, model, info, {})
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"the old one"]


def test_a_target_that_cannot_be_written_is_said_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PaceEdgeError, match=r"cannot write .*: it is a folder"):
        check_target(tmp_path)
    with pytest.raises(PaceEdgeError, match=r"cannot write .*m.onnx: (Not a directory|File exists)"):
        check_target(tmp_path / "file" / "m.onnx")


def test_a_read_only_folder_is_said_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # a test may run as root, who may write anywhere
    with pytest.raises(PaceEdgeError, match="its folder is read-only"):
        check_target(tmp_path / "m.onnx")


def test_a_model_beyond_protobufs_limit_is_refused_before_the_work():
    check_size(300_000_000, 8192)
    with pytest.raises(PaceEdgeError, match=r"too large.*up to 2.1 GB, got 2.2 GB, of which 2.1 are.*--set M="):
        check_size(33_000_000, 16384)
    check_size(LARGEST, 0)
    with pytest.raises(PaceEdgeError):
        check_size(LARGEST + 1, 0)
