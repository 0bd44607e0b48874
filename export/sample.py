"""The sounds that a model file keeps beside what it learned (pace_edge/kept_sample.py)."""

from __future__ import annotations

import json

import numpy as np
from onnx import ModelProto, numpy_helper

from pace_edge.kept_sample import EMBEDDINGS, NAMES, SCALE, Sample
from pace_edge.model_parts import set_metadata


def put_sample(model: ModelProto, sample: Sample) -> None:
    """Write `sample` into a model file in the making, in place of the one that is there, if any; before it is sealed.
    Raises ValueError where the model has no learning rule or other embeddings."""
    (outputs,) = [output for output in model.graph.output if output.name == "embedding"]
    D = outputs.type.tensor_type.shape.dim[1].dim_value
    if not model.training_info or sample.embeddings.shape[1] != D:
        raise ValueError(f"this model takes no sample of embeddings of {sample.embeddings.shape[1]}")
    scale = np.maximum(np.abs(sample.embeddings).max(0), np.finfo(np.float32).tiny) / np.float32(127)
    steps = np.rint(sample.embeddings / scale).astype(np.int8)
    kept = model.training_info[0].initialization
    kept.Clear()
    kept.name = "sample"
    kept.initializer.extend(
        [numpy_helper.from_array(steps, EMBEDDINGS), numpy_helper.from_array(scale.astype(np.float32), SCALE)]
    )
    set_metadata(model, {NAMES: json.dumps(sample.names)})
