"""What is in a model file, for a person or a program: read from the file alone, without running it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pace_edge.errors import ModelFileError
from pace_edge.kept_sample import sample_names
from pace_edge.model_file import ModelFile, ModelInfo, read_model
from pace_edge.model_parts import PARITY, PROVENANCE, checksums, parts
from pace_edge.parity import Parity

if TYPE_CHECKING:
    import onnx


def inspection(file: ModelFile) -> dict[str, Any]:
    """All of it as plain JSON values. Raises ModelFileError where the metadata are not readable."""
    metadata, proto = file.metadata, file.proto
    try:
        info, said = ModelInfo.from_metadata(metadata), checksums(metadata)
        kept = dict(sorted(Counter(sample_names(metadata)).items()))
        provenance = json.loads(metadata.get(PROVENANCE, "null"))
        parity = Parity.from_json(metadata[PARITY]) if PARITY in metadata else None
    except (KeyError, ValueError, TypeError) as error:
        raise file.damaged(error) from None
    return {
        "file": str(file.path), "sha256": file.sha256, "bytes": file.path.stat().st_size, **asdict(info),
        "parts": {name: {"bytes": part.size, "values": part.values, "sha256": said.get(name)}
                  for name, part in parts(proto).items()},
        "operators": dict(sorted(_operators(proto.graph).items())),
        "opsets": {opset.domain or "ai.onnx": opset.version for opset in proto.opset_import},
        "ir_version": proto.ir_version, "sample": kept, "provenance": provenance,
        "parity": asdict(parity) if parity else None,
    }  # fmt: skip


def _operators(graph: onnx.GraphProto) -> Counter[str]:
    """How often each operator occurs, also within the branches of an If."""
    found = Counter(node.op_type for node in graph.node)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                found += _operators(attribute.g)
    return found


def verify(file: ModelFile) -> None:
    """Raise ModelFileError unless the file carries checksums, every part is what they say, and the whole is a valid
    ONNX model with a classifier that fits."""
    import onnx

    if not checksums(file.metadata):
        raise ModelFileError(
            f"{file.path} carries no checksums, so nothing can be verified", do="Only `pace-edge export` writes them."
        )
    read_model(file)
    try:
        onnx.checker.check_model(file.proto, full_check=True)
    except onnx.checker.ValidationError as error:
        raise file.damaged(error) from None
