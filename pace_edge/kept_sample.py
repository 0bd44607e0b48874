"""Sounds that a model never learned and keeps, so that it can say what would be taken for a class: some hundred windows
of a broad world, as their embeddings, with a plain name for each.

In the file they are int8 steps with one scale for each of the embedding's numbers, since its parts differ in size. They
lie beside the learning rule, in `training_info[0].initialization`, where ONNX Runtime does not load them; the names are
in the metadata. Files without them are as whole.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pace_edge.label_check import is_visible
from pace_edge.model_parts import PREFIX, read_metadata

if TYPE_CHECKING:
    from onnx import ModelProto

EMBEDDINGS, SCALE = "sample.embeddings", "sample.scale"
NAMES = PREFIX + "sample"  # metadata key, JSON


@dataclass(frozen=True)
class Sample:
    """`embeddings`: float32 [n, D], each window's as the model's own; `names`: what each is called, in lower case.
    Raises ValueError where they do not fit."""

    embeddings: np.ndarray
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 2 or len(self.embeddings) != len(self.names) or not self.names:
            raise ValueError(f"a sample of shape {self.embeddings.shape} does not fit {len(self.names)} names")
        if not np.isfinite(self.embeddings).all():
            raise ValueError("a sample that is not finite")
        if any(not isinstance(name, str) or not is_visible(name) for name in self.names):
            raise ValueError("a name in the sample that nobody can read")


def sample_names(metadata: dict[str, str]) -> tuple[str, ...]:
    """Of every window that is kept; none where nothing is. Raises ValueError or TypeError."""
    return tuple(json.loads(metadata.get(NAMES, "[]")))


def read_sample(model: ModelProto, D: int) -> Sample | None:
    """What the file keeps, if it keeps any. Raises KeyError, ValueError or TypeError where it is damaged."""
    from onnx import numpy_helper

    names = sample_names(read_metadata(model))
    kept = {t.name: t for info in model.training_info[:1] for t in info.initialization.initializer}
    if not names and not kept:
        return None
    if {EMBEDDINGS, SCALE} - kept.keys():
        raise ValueError("its sample of other sounds is not whole")
    steps, scale = (numpy_helper.to_array(kept[name]) for name in (EMBEDDINGS, SCALE))
    if steps.dtype != np.int8 or steps.shape[1:] != (D,) or scale.shape != (D,):
        raise ValueError(f"its sample of other sounds does not fit embeddings of {D}")
    return Sample(steps * scale.astype(np.float32), names)
