"""What a device has learned becomes part of a new model file: its classifier is put in place of the old one.

The backbone and the projection stay byte for byte what they were, and so does the graph, but for the width of its
scores. Needs no torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, numpy_helper

from export.provenance import package_versions
from export.write import write_model
from pace_edge.analytic import AnalyticClassifier
from pace_edge.errors import UsageError
from pace_edge.model_file import ModelFile, ModelInfo
from pace_edge.model_parts import COUNTS, PROVENANCE, SQUARES, Q, R, W


def bake(
    file: ModelFile, info: ModelInfo, classifier: AnalyticClassifier, output: Path, *, name: str,
    hidden: Iterable[str] = (), taught: float | None = None,
) -> ModelInfo:  # fmt: skip
    """Write `file` with `classifier`, which has learned on from the file's own, in place of it; what the new file says
    of itself. `hidden` are classes that a listener does not report; `taught` is how many examples it has learned, to be
    given where some of the file's own were forgotten. A checked file's parity table stays, as that of the file it is
    made from. Raises PaceEdgeError."""
    if name == info.name:  # the new file would find the old one's journal, and be refused by it
        raise UsageError("the new model needs a name of its own", got=f"'{name}'", do="Choose another file name.")
    model = ModelProto()
    model.CopyFrom(file.proto)
    rule = model.training_info[0].algorithm
    graph, values = model.graph, {W: classifier.W, COUNTS: classifier.counts}
    if info.read_out.weighs(classifier) and classifier.squares is not None:
        values |= {Q: classifier.Q, SQUARES: classifier.squares}
    for key, value in values.items():
        _replace(graph, key, value)
    _replace(rule, R, classifier.R)
    for said in graph.output:
        if said.name in ("scores", "thresholds"):
            said.type.tensor_type.shape.dim[-1].dim_value = len(classifier.labels)
    source = {
        "name": info.name, "sha256": file.sha256, "packages": package_versions(),
        "taught": round(float(classifier.counts.sum()) - sum(info.counts), 6) if taught is None else taught,
    }  # fmt: skip
    counts = tuple(classifier.counts.round(6).tolist())
    info = replace(info, name=name, labels=tuple(classifier.labels), counts=counts, hidden=tuple(hidden))
    provenance: dict[str, Any] = json.loads(file.metadata.get(PROVENANCE, "{}"))
    provenance["baked_from"] = [*provenance.get("baked_from", []), source]
    write_model(output, model, info, {PROVENANCE: json.dumps(provenance)})
    return info


def _replace(graph: GraphProto, name: str, value: np.ndarray) -> None:
    (tensor,) = [tensor for tensor in graph.initializer if tensor.name == name]
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), name))
