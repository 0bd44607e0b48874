"""Half precision, for a GPU: the backbone behind the log-mel; the front end stays in float32, or PCM loses its floor.

ONNX Runtime's own converter (1.31) writes graphs that its checker refuses when nodes are held back.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from export.quantise import front_end_nodes

LARGEST = float(np.finfo(np.float16).max)


def in_half(embedder: ModelProto) -> ModelProto:
    """The same embedder (PCM to embedding, as `export_embedder` gives it); it still takes and gives float32."""
    model = ModelProto()
    model.CopyFrom(embedder)
    graph = model.graph
    inferred = onnx.shape_inference.infer_shapes(embedder).graph
    floats = {v.name for v in (*inferred.value_info, *inferred.input) if v.type.tensor_type.elem_type == 1}
    weights = {t.name: t for t in graph.initializer if t.data_type == TensorProto.FLOAT}
    front_end = set(front_end_nodes(graph))
    outside = {"pcm"} | {name for node in graph.node if node.name in front_end for name in node.output}
    nodes: list[NodeProto] = []
    made: set[str] = set()
    for node in graph.node:
        if node.name not in front_end:
            for i, name in enumerate(node.input):
                half = name + ".as_half"
                if name in weights:
                    if half not in made:
                        graph.initializer.append(_rounded(weights[name], half))
                elif name in outside and name in floats:
                    if half not in made:
                        nodes.append(helper.make_node("Cast", [name], [half], to=TensorProto.FLOAT16))
                else:
                    continue
                made.add(half)
                node.input[i] = half
            _constants_in_half(node)
            for i, name in enumerate(node.output):
                if name == "embedding":
                    node.output[i] = "embedding.as_half"
        nodes.append(node)
    nodes.append(helper.make_node("Cast", ["embedding.as_half"], ["embedding"], to=TensorProto.FLOAT))
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    return model


def _rounded(tensor: TensorProto, name: str) -> TensorProto:
    values = np.clip(numpy_helper.to_array(tensor), -LARGEST, LARGEST)
    return numpy_helper.from_array(values.astype(np.float16), name)


def _constants_in_half(node: NodeProto) -> None:
    """A float32 that a node makes itself, or casts to, is a half too."""
    for attribute in node.attribute:
        if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.FLOAT16
        elif attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type == TensorProto.FLOAT:
            attribute.t.CopyFrom(_rounded(attribute.t, attribute.t.name))
