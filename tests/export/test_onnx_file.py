"""The file computes what torch and NumPy compute, and runs where ONNX Runtime runs."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from export.onnx_file import IR_VERSION
from pace_edge.model_file import read_model
from tests.synthetic import RATE_HZ, READ_OUT, WINDOW, MelStatistics, Named, tone


@pytest.fixture(scope="module")
def session(small_model):
    return onnxruntime.InferenceSession(str(small_model), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def pcm():
    rng = np.random.default_rng(3)
    return np.stack([tone(hz, WINDOW / RATE_HZ, rng=rng) for hz in (300, 900, 2500)])


def test_the_front_end_and_backbone_equal_torch(session, pcm):
    with torch.no_grad():
        expected = MelStatistics()(torch.from_numpy(pcm)).numpy()
    assert np.abs(session.run(["embedding"], {"pcm": pcm})[0] - expected).max() < 1e-5


def test_projection_and_classifier_equal_numpy(session, small_model, pcm):
    model = read_model(small_model)
    scores, features, embedding = session.run(["scores", "features", "embedding"], {"pcm": pcm})
    phi = model.projection(embedding)
    assert np.abs(features - phi).max() < 1e-5
    assert np.abs(scores - READ_OUT.scores(model.classifier, phi)).max() < 1e-5
    assert [model.info.labels[i] for i in scores.argmax(1)][::2] == ["low", "high"]


def test_the_names_are_those_of_the_same_pass_and_equal_torch(named_model, pcm):
    with torch.no_grad():
        embedding, names = Named()(torch.from_numpy(pcm))
    runtime = onnxruntime.InferenceSession(str(named_model), providers=["CPUExecutionProvider"])
    got = runtime.run(["embedding", "names"], {"pcm": pcm})
    assert np.abs(got[0] - embedding.numpy()).max() < 1e-5
    assert np.abs(got[1] - names.numpy()).max() < 1e-4


def test_a_model_without_names_has_no_output_for_them(session):
    assert [output.name for output in session.get_outputs()] == ["scores", "features", "embedding"]


def test_a_batch_gives_what_its_windows_give_alone(session, pcm):
    together = session.run(["scores"], {"pcm": pcm})[0]
    alone = np.concatenate([session.run(["scores"], {"pcm": row[None]})[0] for row in pcm])
    assert np.abs(together - alone).max() < 1e-5


def test_the_file_is_a_checked_onnx_model_of_a_version_that_runtimes_accept(small_model):
    model = onnx.load(small_model)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == IR_VERSION
    assert {opset.domain for opset in model.opset_import} == {""}  # no custom operators


def test_no_path_of_the_exporting_machine_is_in_the_file(small_model):
    content = small_model.read_bytes()
    assert b"site-packages" not in content
    assert b"/tests/" not in content
