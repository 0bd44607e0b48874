"""The parts of a model file, and the checksums by which a file says that they are still the ones it was written with.

graph           the nodes, inputs and outputs, opset and IR version
backbone        the initializers of the front end and the backbones
projection      W_proj
classifier      W, Q, counts, squares and the read-out's numbers
learning rule   training_info, which holds R, without the sample
sample          other sounds that the file keeps, where it keeps any (kept_sample.py)
metadata        the keys of pace-edge, without the checksums

A checksum shows damage, and parts of one file put into another. It is no signature: who changes a part can change it
too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from onnx import ModelProto, TensorProto, TrainingInfoProto

PREFIX = "pace_edge."
PROJECTION, W, COUNTS, R = "projection.steps", "classifier.W", "classifier.counts", "classifier.R"
Q, SQUARES = "classifier.Q", "classifier.squares"  # where the read-out weighs views
PROVENANCE, PARITY = PREFIX + "provenance", PREFIX + "parity"  # metadata keys, JSON
_CHECKSUMS = PREFIX + "sha256"


@dataclass(frozen=True)
class Part:
    """`size` in bytes, `values` the numbers in its tensors."""

    sha256: str
    size: int
    values: int = 0


def parts(model: ModelProto) -> dict[str, Part]:
    """Every part of the file, by name."""
    tensors: dict[str, list[TensorProto]] = {"backbone": [], "projection": [], "classifier": []}
    for tensor in model.graph.initializer:
        owner = {"projection": "projection", "classifier": "classifier", "read_out": "classifier"}
        tensors[owner.get(tensor.name.partition(".")[0], "backbone")].append(tensor)
    graph, ir = model.graph, model.ir_version.to_bytes(8, "little")
    kept = [tensor for info in model.training_info for tensor in info.initialization.initializer]
    rule = model.training_info if not kept else [_without_initialization(info) for info in model.training_info]
    return {
        "graph": _part([ir, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.quantization_annotation,
                        *graph.sparse_initializer, *model.functions, *model.opset_import]),
        **{name: _part(mine, mine) for name, mine in tensors.items()},
        "learning rule": _part(rule, [t for i in rule for t in i.algorithm.initializer]),
        **({"sample": _part(kept, kept)} if kept else {}),
        "metadata": _part(f"{key}={value}".encode() for key, value in sorted(_ours(model).items())),
    }  # fmt: skip


def seal(model: ModelProto) -> None:
    """Write the parts' checksums into the metadata, in place of those that are there: the last thing before saving."""
    set_metadata(model, {_CHECKSUMS: json.dumps({name: part.sha256 for name, part in parts(model).items()})})


def checksums(metadata: dict[str, str]) -> dict[str, str]:
    """What the file says of its parts; nothing where it was written without. Raises ValueError."""
    found = json.loads(metadata.get(_CHECKSUMS, "{}"))
    if not isinstance(found, dict):
        raise ValueError("its checksums are unreadable")
    return found


def changed_parts(model: ModelProto) -> list[str]:
    """The parts that are not what the file's checksums say; none where it was written without. Raises ValueError."""
    said = checksums(read_metadata(model))
    if not said:
        return []
    there = parts(model)
    return [name for name in {**there, **said} if name not in there or said.get(name) != there[name].sha256]


def read_metadata(model: ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


def set_metadata(model: ModelProto, values: dict[str, str]) -> None:
    """Write these keys; others stay."""
    whole = read_metadata(model) | values
    del model.metadata_props[:]
    for key, value in whole.items():
        model.metadata_props.add(key=key, value=value)


def _without_initialization(info: TrainingInfoProto) -> TrainingInfoProto:
    copy = type(info)()
    copy.CopyFrom(info)
    copy.ClearField("initialization")
    return copy


def _ours(model: ModelProto) -> dict[str, str]:
    """Other programs may add keys of their own."""
    return {k: v for k, v in read_metadata(model).items() if k.startswith(PREFIX) and k != _CHECKSUMS}


def _part(contents: Iterable[Message | bytes], tensors: Iterable[TensorProto] = ()) -> Part:
    digest, size = hashlib.sha256(), 0
    for content in contents:
        data = content if isinstance(content, bytes) else content.SerializeToString(deterministic=True)
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
        size += len(data)
    return Part(digest.hexdigest(), size, sum(prod(tensor.dims) for tensor in tensors))
