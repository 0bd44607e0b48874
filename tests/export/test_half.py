"""Half precision touches the backbone behind the log-mel and nothing else."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from export.half import in_half
from export.parity import session
from export.quantise import front_end_nodes
from pace_edge.adapt.lora import merge
from tests.adapt.small import load_pcm
from tests.checkpoints import cached_embedder, finished


@pytest.fixture(scope="module")
def both():
    embedder = cached_embedder(merge(finished().checkpoint.backbone), 8000)
    return embedder, in_half(embedder)


def test_embeddings_are_those_of_float32_up_to_the_rounding_of_halves_alone_or_in_a_batch(both):
    pcm = load_pcm(finished().clips).numpy()
    single, half = (session(model).run(None, {"pcm": pcm})[0] for model in both)
    assert half.dtype == np.float32
    assert 0 < np.abs(half - single).max() < 2e-3 * np.abs(single).max()
    alone = np.concatenate([session(both[1]).run(None, {"pcm": row[None]})[0] for row in pcm[:3]])
    assert np.abs(alone - half[:3]).max() < 2e-3


def test_the_front_end_stays_in_float32_and_the_sound_too(both):
    embedder, half = both
    onnx.checker.check_model(half, full_check=True)
    front_end = set(front_end_nodes(embedder.graph))
    before = {node.name: node for node in embedder.graph.node}
    assert front_end
    for node in half.graph.node:
        if node.name in front_end:
            assert node == before[node.name]
    halves = {tensor.name for tensor in half.graph.initializer if tensor.data_type == TensorProto.FLOAT16}
    assert not halves & {name for node in half.graph.node if node.name in front_end for name in node.input}


def test_every_weight_of_the_backbone_is_a_half_and_stored_once(both):
    embedder, half = both
    front_end = set(front_end_nodes(embedder.graph))
    names = {name for node in half.graph.node if node.name not in front_end for name in node.input}
    assert not {tensor.name for tensor in embedder.graph.initializer if tensor.data_type == TensorProto.FLOAT} & names
    kinds = {tensor.data_type for tensor in half.graph.initializer if tensor.name in names}
    assert TensorProto.FLOAT not in kinds
    assert all(tensor.name in names for tensor in half.graph.initializer if tensor.data_type == TensorProto.FLOAT16)


def test_a_weight_that_no_half_can_hold_becomes_the_largest_one_not_infinite(both):
    embedder = onnx.ModelProto()
    embedder.CopyFrom(both[0])
    banned = {
        name for node in embedder.graph.node if node.name in set(front_end_nodes(embedder.graph)) for name in node.input
    }
    tensor = next(t for t in embedder.graph.initializer if t.data_type == TensorProto.FLOAT and t.name not in banned)
    values = onnx.numpy_helper.to_array(tensor).copy()
    values.flat[0] = 1e6
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in in_half(embedder).graph.initializer}
    assert stored[tensor.name + ".as_half"].flat[0] == np.finfo(np.float16).max
