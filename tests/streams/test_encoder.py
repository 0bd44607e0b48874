"""The encoder says which provider it really has, and refuses what it cannot run."""

import dataclasses
import hashlib

import numpy as np
import onnx
import pytest

from pace_edge.errors import ModelFileError
from pace_edge.model_file import read_model
from streams.encoder import BATCH, Encoder


def test_many_windows_give_what_each_gives_alone(small_model):
    model = read_model(small_model)
    encoder = Encoder(model)
    windows = np.random.default_rng(0).standard_normal((BATCH + 3, 16000)).astype(np.float32)
    together = encoder(windows)
    assert together.shape == (BATCH + 3, model.embedding_size)
    assert np.abs(together[-1] - encoder(windows[-1:])[0]).max() < 1e-5


def test_no_windows_give_no_embeddings(small_model):
    assert Encoder(read_model(small_model))(np.empty((0, 16000), np.float32)).shape == (0, 40)


def test_the_provider_is_the_one_in_use(small_model):
    assert Encoder(read_model(small_model)).provider in ("CPU", "CUDA")


def test_windows_of_another_length_are_a_programming_error(small_model):
    with pytest.raises(ValueError, match=r"expected \[n, 16000\]"):
        Encoder(read_model(small_model))(np.zeros((1, 100), np.float32))


def test_a_graph_that_the_runtime_refuses_is_said(small_model, tmp_path):
    proto = onnx.load(small_model)
    proto.ir_version = 99
    content = proto.SerializeToString()
    (tmp_path / "m.onnx").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    model = dataclasses.replace(read_model(small_model), path=tmp_path / "m.onnx", sha256=sha256)
    with pytest.raises(ModelFileError, match=r"ONNX Runtime .* cannot run"):
        Encoder(model)
