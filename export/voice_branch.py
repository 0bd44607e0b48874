"""The starter's embedder as a graph in which the voice encoder is a branch: it runs only where somebody speaks.

pcm [batch, samples], voice (a bool, True unless it is given)
  -> all other parts, names, speaks [batch]
  -> If(voice and any of speaks): the windows that speak go through the voice encoder, the others get zeros
  -> embedding [batch, D], names [batch, names]

The branch's weights are initializers of the main graph, where the file's checksums and `store_compactly` find them.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import onnx
import torch
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from export.onnx_file import OPSET, export_embedder
from pace_edge.adapt.starter import StarterEmbedder

VOICE_INPUT = "voice"
_PREFIX = "voice_encoder."


def export_with_voice(embedder: StarterEmbedder, window_samples: int) -> ModelProto:
    """PCM float32 [batch, window_samples] to `embedding` and `names`, any batch; for `with_classifier`."""
    model = export_embedder(_Method(embedder, "always", ("others", "names", "speaks")), window_samples)
    branch = export_embedder(_Method(embedder, "voice_part", ("embedding",)), window_samples)
    _fold_constants(branch)
    _add_branch(model.graph, branch.graph, embedder.voices.embedding_size, embedder.embedding_size)
    onnx.checker.check_model(model, full_check=True)
    return model


class _Method(torch.nn.Module):
    """A method of the embedder as a module of its own, which is what can be exported."""

    def __init__(self, embedder: StarterEmbedder, method: str, outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.embedder, self.method, self.outputs = embedder, method, outputs

    def forward(self, pcm: torch.Tensor) -> object:
        return getattr(self.embedder, self.method)(pcm)


def _add_branch(graph: GraphProto, branch: GraphProto, width: int, embedding_size: int) -> None:
    """Put `branch` (pcm -> embedding [batch, width]) into `graph` behind an If, and its result beside the others."""
    constants = {_PREFIX + "no_one": np.zeros((), np.float32), _PREFIX + "width": np.array([width])}
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    graph.initializer.append(numpy_helper.from_array(np.array(True), VOICE_INPUT))
    graph.input.append(helper.make_tensor_value_info(VOICE_INPUT, TensorProto.BOOL, []))

    for tensor in branch.initializer:
        graph.initializer.add().CopyFrom(tensor)
        graph.initializer[-1].name = _PREFIX + tensor.name

    def placed(node: NodeProto) -> NodeProto:
        here = NodeProto()
        here.CopyFrom(node)
        for names in (here.input, here.output):
            names[:] = [name and _PREFIX + name for name in names]
        here.name = node.name and _PREFIX + node.name
        return here

    part = helper.make_tensor_value_info(_PREFIX + "part", TensorProto.FLOAT, ["batch", width])
    nobody = helper.make_tensor_value_info(_PREFIX + "nobody", TensorProto.FLOAT, ["batch", width])
    spoken = helper.make_graph(
        [
            helper.make_node("NonZero", ["speaks"], [_PREFIX + "rows_across"]),  # [1, speaking]
            helper.make_node("Transpose", [_PREFIX + "rows_across"], [_PREFIX + "rows"]),
            helper.make_node("GatherND", ["pcm", _PREFIX + "rows"], [_PREFIX + "pcm"]),
            *map(placed, branch.node),
            _zeros(_PREFIX + "silent"),
            helper.make_node("ScatterND", [_PREFIX + "silent", _PREFIX + "rows", _PREFIX + "embedding"], [part.name]),
        ],
        "somebody_speaks", [], [part],
    )  # fmt: skip
    silent = helper.make_graph([_zeros(nobody.name)], "nobody_speaks", [], [nobody])
    graph.node.extend(
        [
            helper.make_node("Cast", ["speaks"], ["speaks.number"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMax", ["speaks.number"], ["speaks.most"], keepdims=0),
            helper.make_node("Greater", ["speaks.most", _PREFIX + "no_one"], ["speaks.any"]),
            helper.make_node("And", ["speaks.any", VOICE_INPUT], ["speaks.asked"]),
            helper.make_node("Shape", ["pcm"], ["batch.size"], end=1),
            helper.make_node("Concat", ["batch.size", _PREFIX + "width"], [_PREFIX + "shape"], axis=0),
            helper.make_node("If", ["speaks.asked"], [_PREFIX + "output"], then_branch=spoken, else_branch=silent),
            helper.make_node("Concat", ["others", _PREFIX + "output"], ["embedding"], axis=1),
        ]
    )
    (names,) = [output for output in graph.output if output.name == "names"]
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", embedding_size]))
    graph.output.append(names)


def _zeros(name: str) -> NodeProto:
    return helper.make_node("ConstantOfShape", [_PREFIX + "shape"], [name])


def _fold_constants(model: ModelProto) -> None:
    """What is made of weights alone is computed now: the exporter turns torch's order of gates with 12 nodes a layer.

    Nodes that nothing reads any more are left out.
    """
    graph = model.graph
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    left: list[NodeProto] = []
    for node in graph.node:  # a graph's nodes are in order
        read = [name for name in node.input if name]
        if all(name in known for name in read) and len(node.output) == 1:
            made = helper.make_tensor_value_info(node.output[0], TensorProto.UNDEFINED, None)
            alone = helper.make_graph([node], "alone", [], [made], [numpy_helper.from_array(known[n], n) for n in read])
            once = helper.make_model(alone, opset_imports=[helper.make_opsetid("", OPSET)])
            (known[node.output[0]],) = cast(list[np.ndarray], ReferenceEvaluator(once).run(None, {}))
        else:
            left.append(node)
    used = {name for node in left for name in node.input}
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(left)
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value, order="C"), name) for name, value in known.items() if name in used
    )
