"""The encoder says which provider it really has, and refuses what it cannot run."""

import dataclasses
import hashlib

import numpy as np
import onnx
import pytest

from pace_edge.errors import ModelFileError, ProviderError, UsageError
from pace_edge.model_file import read_model
from streams.listening import encoder as encoder_module
from streams.listening.encoder import BATCH, Encoder


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


def test_a_required_gpu_that_is_not_there_is_an_error(small_model):
    model = read_model(small_model)
    asked = Encoder(model, provider="cuda")
    if asked.provider == "CUDA":
        pytest.skip("there is a GPU")
    assert "CPU with 1 thread; CUDA was asked for, but " in asked.in_words()
    with pytest.raises(ProviderError, match=r"does not run on a GPU \(.*\): expected CUDA, got CPU. Install"):
        Encoder(model, require_gpu=True)


def test_the_cpu_can_be_asked_for_and_is_said(small_model):
    encoder = Encoder(read_model(small_model), provider="cpu", threads=2)
    assert encoder.provider == "CPU"
    assert encoder.in_words() == "CPU with 2 threads"
    with pytest.raises(UsageError, match="a GPU is required, and the provider is cpu"):
        Encoder(read_model(small_model), provider="cpu", require_gpu=True)


def test_a_session_that_does_not_get_what_was_asked_for_is_believed_and_not_the_request(small_model, monkeypatch):
    monkeypatch.setattr(encoder_module, "_hindrance", lambda available: "")  # all looks as if CUDA could work
    if Encoder(read_model(small_model)).provider == "CUDA":
        pytest.skip("there is a GPU")
    with pytest.raises(ProviderError, match="its CUDA and cuDNN libraries are absent or of another version"):
        Encoder(read_model(small_model), require_gpu=True)


def test_a_file_that_was_replaced_after_it_was_read_is_refused(small_model, tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(small_model.read_bytes())
    model = read_model(path)
    path.write_bytes(b"another")
    with pytest.raises(ModelFileError, match="was replaced while it was read"):
        Encoder(model)
    path.unlink()
    with pytest.raises(ModelFileError, match="cannot read the model file"):
        Encoder(model)
