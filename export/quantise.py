"""Dynamic int8: the matrix products of the backbone, a scale per channel; everything else stays in float.

Weights have 7 bits: on x86 without VNNI the sums of 8-bit
products saturate, and an embedding must not depend on the processor. docs/export.md has what else was measured. A
quantised front end destroys the features.

The scale of the activations is taken from the whole batch, so a window's embedding depends on its neighbours: whoever
fits a classifier for such a file shows it one window at a time, as a listener does.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
from onnx import GraphProto, ModelProto

from export.onnx_file import quietly


def backbone_products(graph: GraphProto) -> list[str]:
    """The names of the MatMul nodes with a fixed weight, without the front end's."""
    weights, front_end = {tensor.name for tensor in graph.initializer}, set(front_end_nodes(graph))
    products = [node for node in graph.node if node.op_type == "MatMul" and node.input[1] in weights]
    return [node.name for node in products if node.name not in front_end]


def front_end_nodes(graph: GraphProto) -> list[str]:
    """The names of the nodes on the way to a logarithm, with it."""
    makers = {name: node for node in graph.node for name in node.output}
    front_end, found = set(), [node for node in graph.node if node.op_type == "Log"]
    while found:
        node = found.pop()
        if node.name not in front_end:
            front_end.add(node.name)
            found += [makers[name] for name in node.input if name in makers]
    return sorted(front_end)


def quantised(embedder: ModelProto) -> ModelProto:
    """The same embedder (PCM to embedding, as `export_embedder` gives it) with its backbone's products in int8."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder, quietly():
        source, target = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        source.write_bytes(embedder.SerializeToString())
        quantize_dynamic(
            source, target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul"], nodes_to_quantize=backbone_products(embedder.graph),
        )  # fmt: skip
        result = onnx.load(target)
    del result.metadata_props[:]
    return result
