"""Smaller weights in the file, the same weights in memory.

A float32 tensor whose values lie on an 8-bit grid, of one step or of one a channel, or in half precision, is stored so,
with the operators that restore it; ONNX Runtime folds them when it loads the file. Nothing is rounded here: rounding is
the caller's decision (`round_for_storage`), taken before accuracy is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import ModelProto, helper, numpy_helper

if TYPE_CHECKING:
    import torch

SMALLEST = 4096  # elements; below it the saving is not worth a node
GRID_TOLERANCE = 2e-6  # relative to the channel's largest weight: float32 rounding, no more


def round_to_int8(module: torch.nn.Module) -> None:
    """Round every linear and convolution weight of a torch module, in place, to 255 steps per output channel."""
    import torch

    for part in module.modules():
        if isinstance(part, torch.nn.Linear | torch.nn.Conv1d | torch.nn.Conv2d):
            weight = part.weight.data
            step = weight.abs().amax(dim=tuple(range(1, weight.ndim)), keepdim=True).clamp_min(1e-12) / 127
            part.weight.data = (weight / step).round() * step


def round_for_storage(module: torch.nn.Module) -> None:
    """Round the weights of a torch module, in place: `round_to_int8`, and those of LSTMs to half precision.

    An LSTM hands its rounding errors on from step to step: with 8 bits a voice has a cosine of only 0.962 or more to
    itself in float32 (585 windows of TIMIT), with half precision 0.99999.
    """
    import torch

    round_to_int8(module)
    for part in module.modules():
        if isinstance(part, torch.nn.LSTM):
            for weight in part.parameters():
                weight.data = weight.data.half().float()


def store_compactly(model: ModelProto) -> None:
    """Replace large float32 initializers of `model.graph` by their smallest exact form, in place."""
    graph = model.graph
    for tensor in [t for t in graph.initializer if np.prod(t.dims) >= SMALLEST]:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32:
            continue
        name = tensor.name
        if (grid := _on_int8_grid(values)) is not None:
            steps, step = grid
            stored = [numpy_helper.from_array(steps, name + ".steps"), numpy_helper.from_array(step, name + ".step")]
            restore = [
                helper.make_node("Cast", [name + ".steps"], [name + ".whole"], to=1),
                helper.make_node("Mul", [name + ".whole", name + ".step"], [name]),
            ]
        elif np.array_equal(values.astype(np.float16).astype(np.float32), values):
            stored = [numpy_helper.from_array(values.astype(np.float16), name + ".half")]
            restore = [helper.make_node("Cast", [name + ".half"], [name], to=1)]
        else:
            continue
        graph.initializer.remove(tensor)
        graph.initializer.extend(stored)
        for node in reversed(restore):
            graph.node.insert(0, node)


def _on_int8_grid(values: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """(int8 steps, float32 step) with steps * step == values, one step a channel of an axis or one of all; or None."""
    for axis in (*range(values.ndim), None):
        others = tuple(i for i in range(values.ndim) if i != axis)
        largest = np.abs(values).max(axis=others, keepdims=True)
        step = np.maximum(largest, np.finfo(np.float32).tiny) / np.float32(127)
        steps = np.rint(values / step)
        if (np.abs(steps * step - values) <= GRID_TOLERANCE * largest).all():
            return steps.astype(np.int8), step.astype(np.float32)
    return None
