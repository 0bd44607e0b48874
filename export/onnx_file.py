"""Write the model file: an embedder in torch and a classifier become one ONNX file that listens and learns."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from export.compact import store_compactly
from export.learning_rule import learning_rule
from export.read_out import has_thresholds, read_out_parts
from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.model_file import ModelInfo
from pace_edge.model_parts import PROJECTION, set_metadata

if TYPE_CHECKING:
    import torch

OPSET = 20
IR_VERSION = 10  # what OPSET needs; the newest that `onnx` writes is one that released runtimes refuse


def build_model(
    embedder: torch.nn.Module, projection: RandomProjection, classifier: AnalyticClassifier, info: ModelInfo
) -> ModelProto:
    """The whole model: `embedder` maps PCM [batch, samples] to embeddings [batch, D]."""
    return with_classifier(export_embedder(embedder, info.window_samples), projection, classifier, info)


def with_classifier(
    embedder: ModelProto, projection: RandomProjection, classifier: AnalyticClassifier, info: ModelInfo
) -> ModelProto:
    """The whole model from an exported embedder, which stays as it is."""
    model = ModelProto()
    model.CopyFrom(embedder)
    _add_classifier(model, projection, classifier, info)
    store_compactly(model)
    model.training_info.append(learning_rule(classifier.R, sums=info.read_out.weighs(classifier)))
    set_metadata(model, info.to_metadata())
    model.ir_version = IR_VERSION
    model.producer_name = "pace-edge"
    onnx.checker.check_model(model, full_check=True)
    return model


def export_embedder(embedder: torch.nn.Module, window_samples: int) -> ModelProto:
    """PCM float32 [batch, window_samples] to embeddings, any batch; nothing of this machine is in it.

    A module that gives more than the embedding names its outputs in order: `outputs = ("embedding", "names")`.
    """
    import torch

    outputs: Sequence[str] = getattr(embedder, "outputs", ("embedding",))
    batch = torch.export.Dim("batch", min=1, max=4096)
    example = torch.zeros(2, window_samples)
    with quietly():
        program = torch.onnx.export(
            embedder.eval(), (example,), input_names=["pcm"], output_names=list(outputs), dynamic_shapes=({0: batch},),
            dynamo=True, opset_version=OPSET, external_data=False, verbose=False,
        )  # fmt: skip
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    model = program.model_proto
    for node in model.graph.node:
        del node.metadata_props[:]  # stack traces with this machine's paths
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:], model.metadata_props[:]
    return model


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without the progress lines, warnings and advice of exporters and quantisers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _add_classifier(
    model: ModelProto, projection: RandomProjection, classifier: AnalyticClassifier, info: ModelInfo
) -> None:
    """features = relu(embedding W_proj); scores from them by the read-out."""
    graph = model.graph
    D, M = projection.steps.shape
    tensors, nodes = read_out_parts(classifier, info.read_out)
    graph.initializer.extend(
        [
            numpy_helper.from_array(projection.steps, PROJECTION),
            numpy_helper.from_array(np.array(projection.scale, np.float32), "projection.scale"),
            *tensors,
        ]
    )
    graph.node.extend(
        [
            helper.make_node("Cast", [PROJECTION], ["projection.whole"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["projection.whole", "projection.scale"], ["projection.weight"]),
            helper.make_node("MatMul", ["embedding", "projection.weight"], ["projected"]),
            helper.make_node("Relu", ["projected"], ["features"]),
            helper.make_node("Cast", ["features"], ["features_double"], to=TensorProto.DOUBLE),
            *nodes,
        ]
    )
    named = [("names", len(info.names))] if info.names else []
    del graph.output[:]
    for name, width in (("scores", len(classifier.labels)), ("features", M), ("embedding", D), *named):
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width]))
    if has_thresholds(classifier, info.read_out):
        shape = [len(classifier.labels)]
        graph.output.append(helper.make_tensor_value_info("thresholds", TensorProto.FLOAT, shape))
