"""The model's own front end: the part of its graph that makes the log-mel spectrogram, cut out and run alone.

It is found by its form: the first logarithm behind a strided convolution of the PCM, [batch, frames, mels]. A model
that has none is drawn without one; there is no second way to make a mel spectrogram here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pace_edge.model_file import Model, open_model

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

FLOOR_DB = -90.0
TONE_HZ = 1000.0
_PCM = "pcm"


@dataclass(frozen=True)
class FrontEnd:
    """Frame t of a window covers the samples t * hop - lead up to t * hop - lead + length.

    Decibels are relative to what a tone of 1 kHz at full scale reaches, as each front end has a scale of its own.
    """

    session: Any
    window: int  # samples it takes
    hop: int
    length: int
    lead: int  # samples of the first frame that lie before the window, where there are none
    mels: int
    db_per_log: float
    reference_db: float = 0.0

    def __call__(self, pcm: np.ndarray) -> np.ndarray:
        """float32 [window] in -1..1 to dB, float32 [frames, mels]."""
        log = self.session.run(None, {_PCM: np.ascontiguousarray(pcm[None], np.float32)})[0][0]
        return log * np.float32(self.db_per_log) - np.float32(self.reference_db)

    def pixels(self, pcm: np.ndarray) -> np.ndarray:
        """The same as uint8: 0 is FLOOR_DB or less, 255 is 0 dB or more."""
        return np.clip((self(pcm) - FLOOR_DB) * (255 / -FLOOR_DB), 0, 255).round().astype(np.uint8)


def front_end(model: Model) -> FrontEnd | None:
    """Of the model's file as it is now; None where its graph has no log-mel that can be told. Of several it is the one
    with the most bands. Raises ModelFileError where the file is gone."""
    file = open_model(Path(model.path))
    if file.sha256 != model.sha256:
        return None
    found = [one for node in _logs(file.proto.graph) if (one := _cut(file.proto, node, model)) is not None]
    return max(found, key=lambda one: one.mels, default=None)


def _logs(graph: GraphProto) -> list[NodeProto]:
    """The logarithms of the PCM that come before any other."""
    return [
        node for node in graph.node
        if node.op_type == "Log" and not any(n.op_type == "Log" for n in _before(graph, node)[:-1])
    ]  # fmt: skip


def _before(graph: GraphProto, last: NodeProto) -> list[NodeProto]:
    """All nodes that `last` needs, in the graph's order, `last` too."""
    needed, found = {*last.output}, []
    for node in reversed(graph.node):
        if needed & {*node.output}:
            found.append(node)
            needed |= {*node.input}
    return found[::-1]


def _cut(proto: ModelProto, log: NodeProto, model: Model) -> FrontEnd | None:
    import onnx
    import onnxruntime

    nodes = _before(proto.graph, log)
    read = {name for node in nodes for name in node.input}
    frames = [node for node in nodes if node.op_type == "Conv"]
    if _PCM not in read or len(frames) != 1:
        return None
    given = {a.name: list(a.ints) for a in frames[0].attribute}
    hop, length = given.get("strides", [1])[-1], given.get("kernel_shape", [1])[-1]
    graph = onnx.helper.make_graph(
        nodes, "front_end", [value for value in proto.graph.input if value.name == _PCM],
        [onnx.helper.make_tensor_value_info(log.output[0], onnx.TensorProto.FLOAT, None)],
        [tensor for tensor in proto.graph.initializer if tensor.name in read],
    )  # fmt: skip
    small = onnx.helper.make_model(
        graph, opset_imports=proto.opset_import, ir_version=proto.ir_version, functions=proto.functions
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(small.SerializeToString(), options, providers=["CPUExecutionProvider"])
        window = model.info.window_samples
        shape = session.run(None, {_PCM: np.zeros((1, window), np.float32)})[0].shape
    except Exception:  # what cannot be run alone is no front end; ONNX Runtime's exceptions share no base class
        return None
    if len(shape) != 3 or hop <= 1 or length < hop:
        return None
    outside = (shape[1] - 1) * hop + length - window  # samples that were added around the window
    magnitude = any(node.op_type == "Sqrt" for node in nodes)
    lead = length // 2 if outside > 0 else 0  # then frames are centred on t * hop
    whole = FrontEnd(session, window, hop, length, lead, shape[2], (20 if magnitude else 10) / math.log(10))
    tone = np.sin(2 * np.pi * TONE_HZ / model.info.rate_hz * np.arange(window)).astype(np.float32)
    return FrontEnd(**{**vars(whole), "reference_db": float(whole(tone).max())})
