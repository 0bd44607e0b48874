"""The model file: one ONNX file that holds all a listener needs, and the rule by which it learns.

Graph        pcm float32 [batch, samples] -> scores [batch, classes], features [batch, V M], embedding [batch, D],
             and in files whose backbone has a classifier of its own names [batch, N]: how surely each of the N names in
             the metadata is heard, 0 to 1; where the read-out weighs the views, thresholds [classes]: what each class's
             score must reach
Initializers the tensors named below: the projection, W and counts in the graph, R in the learning rule
training_info[0].algorithm   one exact rank-one update: (phi, y, weight, R, W, counts) -> the next R, W, counts
             R is [M, M] of one view, [V, M, M] of several (analytic.py): its shape says how many there are
             and, where the read-out weighs the views, the same of Q and squares
training_info[0].initialization   no graph, but a sample of other sounds, where the file keeps one (kept_sample.py)
metadata     the keys of `ModelInfo`, each with the prefix `pace_edge.`; and, in files of `pace-edge export`,
             `provenance` and `parity` (JSON) and the checksums of the file's parts (model_parts.py)

This module reads; `export/` writes. Neither torch nor ONNX Runtime is needed to read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.arguments import check_path
from pace_edge.errors import ModelFileError
from pace_edge.kept_sample import Sample, read_sample
from pace_edge.label_check import composed, is_visible
from pace_edge.model_parts import COUNTS, PREFIX, PROJECTION, SQUARES, Q, R, W, changed_parts, read_metadata
from pace_edge.readout import ReadOut

if TYPE_CHECKING:
    import onnx

SCHEMA = 1
_LATER = ("hidden", "names")  # keys that older files lack
_OURS = "Give a model file of pace-edge, or none for the starter model."


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What the metadata says. Lists and numbers are stored as JSON, text as it is."""

    name: str
    labels: tuple[str, ...]
    counts: tuple[float, ...]  # the classes' examples at export, as the total of their weights
    background: str  # the class that is never announced; empty: there is none
    rate_hz: int
    window_samples: int
    hop_samples: int
    gamma: float | tuple[float, ...]  # one for each view where there are several
    read_out: ReadOut
    threshold: float  # announce from this score on
    projection_seed: int
    backbone: str
    backbone_sha256: str
    licence: str
    hidden: tuple[str, ...] = ()  # classes that take part and are not reported; absent in older files
    names: tuple[str, ...] = ()  # what the output `names` tells apart, in its order; absent in older files

    def to_metadata(self) -> dict[str, str]:
        whole = asdict(self) | {"read_out": self.read_out.said()}
        values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in whole.items()}
        return {PREFIX + "schema": str(SCHEMA)} | {PREFIX + key: value for key, value in values.items()}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str]) -> ModelInfo:
        """Raises KeyError, ValueError or TypeError where a value is absent or of the wrong kind."""
        values: dict[str, Any] = {}
        for field in fields(cls):
            if field.name in _LATER and PREFIX + field.name not in metadata:
                continue
            text = metadata[PREFIX + field.name]
            if field.type == "str":
                values[field.name] = text
            elif field.type == "ReadOut":
                values[field.name] = ReadOut(**json.loads(text))
            elif field.name == "gamma":
                gamma = json.loads(text)
                values["gamma"] = tuple(map(float, gamma)) if isinstance(gamma, list) else float(gamma)
            else:
                values[field.name] = {"int": int, "float": float}.get(str(field.type), tuple)(json.loads(text))
        for name in ("labels", "hidden"):
            values[name] = tuple(map(composed, values.get(name, ())))
        values["background"] = composed(values["background"])
        return cls(**values)


@dataclass(frozen=True)
class Model:
    """A model file in memory: what it says, its projection, and a classifier to go on learning with.

    `one_at_a_time`: it is quantised as it goes, with one scale for a whole batch, so that a window's embedding is only
    its own when it is heard alone. `sample`: sounds that it never learned; None: the file keeps none.

    >>> import pace_edge
    >>> model = pace_edge.read_model("model.onnx")
    >>> model.info.rate_hz, len(model.info.labels)
    (16000, 22)
    """

    path: Path
    sha256: str
    info: ModelInfo
    projection: RandomProjection
    classifier: AnalyticClassifier
    one_at_a_time: bool
    sample: Sample | None = None

    @property
    def embedding_size(self) -> int:
        return self.projection.steps.shape[0]


@dataclass(frozen=True)
class ModelFile:
    """A model file as it is, its parts unchecked."""

    path: Path
    sha256: str
    proto: onnx.ModelProto

    @property
    def metadata(self) -> dict[str, str]:
        return read_metadata(self.proto)

    def damaged(self, error: object) -> ModelFileError:
        return ModelFileError(
            f"{self.path} is damaged: {error}", do="Get the file again, or give none for the starter model."
        )


def open_model(path: str | Path) -> ModelFile:
    """A file that is ONNX, one of ours, and of this schema. Raises ModelFileError."""
    import onnx
    from google.protobuf.message import DecodeError

    check_path("model", path)
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read the model file {path}: {error.strerror}", do=_OURS) from None
    try:
        proto = onnx.load_from_string(content)
    except DecodeError:
        raise ModelFileError(f"{path} is no ONNX file, or not a whole one", do=_OURS) from None
    schema = read_metadata(proto).get(PREFIX + "schema")
    if schema is None:
        raise ModelFileError(f"{path} is an ONNX file, but not one of pace-edge's", do=_OURS)
    if schema != str(SCHEMA):
        raise ModelFileError(
            f"{path} was written by another version of pace-edge",
            expected=f"schema {SCHEMA}", got=f"schema {schema}", do="Upgrade pace-edge to use it.",
        )  # fmt: skip
    return ModelFile(path, hashlib.sha256(content).hexdigest(), proto)


def read_model(path: str | Path | ModelFile) -> Model:
    """Read and check a model file: also its parts, where it carries their checksums. Raises ModelFileError.

    >>> import pace_edge
    >>> pace_edge.read_model("model.onnx").info.name
    'pace-starter'
    """
    file = path if isinstance(path, ModelFile) else open_model(path)
    try:
        if changed := changed_parts(file.proto):
            raise ValueError(f"its {' and '.join(changed)} changed after it was written")
        info = ModelInfo.from_metadata(file.metadata)
        projection = RandomProjection(_tensor(file.proto.graph, PROJECTION))
        rule = file.proto.training_info[0].algorithm
        graph = file.proto.graph
        sums = {"Q": _tensor(graph, Q), "squares": _tensor(graph, SQUARES)} if info.read_out.gains else {}
        classifier = AnalyticClassifier.from_solution(
            _tensor(rule, R), _tensor(graph, W), _tensor(graph, COUNTS), info.labels, info.gamma, **sums
        )
        _check_shapes(info, projection, classifier)
        _check_names(file.proto.graph, info)
        sample = read_sample(file.proto, len(projection.steps))
    except (KeyError, IndexError, ValueError, TypeError, np.linalg.LinAlgError) as error:
        raise file.damaged(error) from None
    one_at_a_time = any(node.op_type == "DynamicQuantizeLinear" for node in file.proto.graph.node)
    return Model(file.path, file.sha256, info, projection, classifier, one_at_a_time, sample)


def _tensor(graph: onnx.GraphProto, name: str) -> np.ndarray:
    from onnx import numpy_helper

    for tensor in graph.initializer:
        if tensor.name == name:
            return numpy_helper.to_array(tensor)
    raise KeyError(f"it has no tensor {name}")


def _check_shapes(info: ModelInfo, projection: RandomProjection, classifier: AnalyticClassifier) -> None:
    M, C = projection.steps.shape[1], len(info.labels)
    if classifier.W.shape != (M, C) or classifier.counts.shape != (C,):
        raise ValueError(f"its classifier does not fit {C} labels and {M} features")
    if not np.isfinite(classifier.W).all():
        raise ValueError("its classifier is not finite")
    if not info.read_out.fits(len(classifier.views)):
        raise ValueError("its read-out is of another number of views")
    if unseen := [label for label in info.labels if not is_visible(label)]:
        raise ValueError(f"its label {unseen[0]!a} has characters that nobody sees")
    if len({*info.labels}) < C:
        raise ValueError("two of its labels are the same")
    if info.background and info.background not in info.labels:
        raise ValueError(f"its background class '{info.background}' is not among its labels")


def _check_names(graph: onnx.GraphProto, info: ModelInfo) -> None:
    """One name for each column of the output `names`, and none where there is no such output."""
    widths = [output.type.tensor_type.shape.dim[1].dim_value for output in graph.output if output.name == "names"]
    if sum(widths) != len(info.names):
        raise ValueError(f"its output for names is {sum(widths)} wide and it has {len(info.names)} names")
