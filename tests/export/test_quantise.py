"""int8 touches the backbone's matrix products and nothing else."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export.parity import session
from export.quantise import backbone_products, quantised
from pace_edge.adapt.lora import merge
from tests.adapt.small import load_pcm
from tests.checkpoints import cached_embedder, finished


@pytest.fixture(scope="module")
def embedder():
    return cached_embedder(merge(finished().checkpoint.backbone), 8000)


def test_every_product_with_a_weight_is_the_backbones_but_the_mel_filters(embedder):
    weights = {tensor.name for tensor in embedder.graph.initializer}
    found = {node.name: node for node in embedder.graph.node if node.op_type == "MatMul" and node.input[1] in weights}
    chosen = backbone_products(embedder.graph)
    assert len(chosen) == 3 * 6  # q, k, v, out, fc1 and fc2 of three blocks
    assert {found[name].input[1] for name in set(found) - set(chosen)} == {"log_mel.banks"}


def test_what_is_not_a_backbone_product_keeps_its_values(embedder):
    after = {tensor.name: tensor for tensor in quantised(embedder).graph.initializer}
    products = set(backbone_products(embedder.graph))
    in_int8 = {node.input[1] for node in embedder.graph.node if node.name in products}
    for tensor in embedder.graph.initializer:
        if tensor.name not in in_int8:
            assert numpy_helper.to_array(tensor).tobytes() == numpy_helper.to_array(after[tensor.name]).tobytes()
    int8 = [tensor for tensor in after.values() if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 2]
    assert len(int8) == len(products)
    scales = [tensor for name, tensor in after.items() if name.endswith("_scale") and tensor.dims]
    assert len(scales) == len(products)  # one number for each channel, not one for all


def test_embeddings_stay_close_beside_what_tells_clips_apart(embedder):
    pcm = load_pcm(finished().clips).numpy()
    before, after = (
        np.concatenate([runtime.run(None, {"pcm": row[None]})[0] for row in pcm])
        for runtime in (session(embedder), session(quantised(embedder)))
    )
    a, b = before - before.mean(0), after - before.mean(0)
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosine.min() > 0.95


def test_a_backbone_without_products_has_nothing_to_quantise():
    banks = numpy_helper.from_array(np.ones((4, 2), np.float32), "banks")
    nodes = [
        onnx.helper.make_node("MatMul", ["pcm", "banks"], ["mel"], name="mel"),
        onnx.helper.make_node("Log", ["mel"], ["log_mel"], name="log"),
        onnx.helper.make_node("MatMul", ["log_mel", "log_mel"], ["embedding"], name="attention"),
    ]
    assert backbone_products(onnx.helper.make_graph(nodes, "g", [], [], [banks])) == []
