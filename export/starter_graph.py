"""The starter's embedder as a graph in which the voice encoder is a branch: it runs only where somebody speaks.

pcm [batch, samples], voice (a bool, True unless it is given)
  -> all other parts of the embedding, and the names of YAMNet's head
  -> If(voice, and somebody speaks in any window, as one linear unit tells from those parts): the windows with speech go
     through the voice encoder; zeros else
  -> embedding [batch, D], names [batch, names]

The branch's weights are initializers of the main graph, where the file's checksums and `store_compactly` find them.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import onnx
import torch
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from export.onnx_file import OPSET, export_embedder
from pace_edge.adapt.starter import StarterEmbedder

VOICE_INPUT = "voice"
_PREFIX = "voices."


def starter_graph(embedder: StarterEmbedder, window_samples: int) -> ModelProto:
    """PCM float32 [batch, window_samples] to `embedding` and `names`, any batch; for `with_classifier`."""
    model = export_embedder(_Always(embedder), window_samples)
    branch = export_embedder(embedder.voices, window_samples)
    _fold_constants(branch)
    graph, width = model.graph, embedder.voices.embedding_size
    graph.initializer.append(numpy_helper.from_array(np.array(True), VOICE_INPUT))
    graph.input.append(helper.make_tensor_value_info(VOICE_INPUT, TensorProto.BOOL, []))
    constants = {
        "voices.width": np.array([width]), "speech.one": np.array([-1]), "speech.zero": np.zeros((), np.float32),
        "speech.weight": embedder.speech.weight.detach().numpy().T.copy(),  # [D, 1]
        "speech.bias": embedder.speech.bias.detach().numpy(),
    }  # fmt: skip
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    node = helper.make_node
    there, absent = _rows("voices.there", width), _rows("voices.absent", width)
    speaking = helper.make_graph(_of_who_speaks(_placed(graph, branch.graph)), "somebody_speaks", [], [there])
    silent = helper.make_graph(
        [node("ConstantOfShape", ["voices.shape"], [absent.name])], "nobody_speaks", [], [absent]
    )
    graph.node.extend(
        [
            node("Shape", ["pcm"], ["batch.size"], end=1),
            node("Concat", ["batch.size", "voices.width"], ["voices.shape"], axis=0),
            node("MatMul", ["heard", "speech.weight"], ["speech.product"]),
            node("Add", ["speech.product", "speech.bias"], ["speech.column"]),
            node("Reshape", ["speech.column", "speech.one"], ["speech.score"]),
            node("GreaterOrEqual", ["speech.score", "speech.zero"], ["speaks"]),
            node("Cast", ["speaks"], ["speaks.number"], to=TensorProto.FLOAT),
            node("ReduceMax", ["speaks.number"], ["speaks.most"], keepdims=0),
            node("Greater", ["speaks.most", "speech.zero"], ["speaks.any"]),
            node("And", ["speaks.any", VOICE_INPUT], ["voices.asked"]),
            node("If", ["voices.asked"], ["voices"], then_branch=speaking, else_branch=silent),
            node("Concat", ["heard", "voices"], ["embedding"], axis=1),
        ]
    )
    (names,) = [output for output in graph.output if output.name == "names"]
    del graph.output[:]
    graph.output.extend([_rows("embedding", embedder.embedding_size), names])
    onnx.checker.check_model(model, full_check=True)
    return model


class _Always(torch.nn.Module):
    """A method of the embedder as a module of its own, which is what can be exported."""

    outputs = ("heard", "names")

    def __init__(self, embedder: StarterEmbedder) -> None:
        super().__init__()
        self.embedder = embedder

    def forward(self, pcm: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.embedder.always(pcm)


def _rows(name: str, width: int) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])


def _of_who_speaks(encoder: list[NodeProto]) -> list[NodeProto]:
    """The voice encoder's nodes on the windows that speak; the rows of the others are zeros."""
    node = helper.make_node
    return [
        node("NonZero", ["speaks"], ["voices.places_across"]),  # [1, speaking]
        node("Transpose", ["voices.places_across"], ["voices.places"]),
        node("GatherND", ["pcm", "voices.places"], [_PREFIX + "pcm"]),
        *encoder,
        node("ConstantOfShape", ["voices.shape"], ["voices.nothing"]),
        node("ScatterND", ["voices.nothing", "voices.places", _PREFIX + "embedding"], ["voices.there"]),
    ]


def _placed(graph: GraphProto, branch: GraphProto) -> list[NodeProto]:
    """The nodes of `branch` (pcm -> embedding) under names of their own; its weights become `graph`'s."""
    for tensor in branch.initializer:
        graph.initializer.add().CopyFrom(tensor)
        graph.initializer[-1].name = _PREFIX + tensor.name
    nodes = []
    for node in branch.node:
        here = NodeProto()
        here.CopyFrom(node)
        for names in (here.input, here.output):
            names[:] = [name and _PREFIX + name for name in names]
        here.name = node.name and _PREFIX + node.name
        nodes.append(here)
    return nodes


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
