"""The scale that the methods' papers take features at."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch

_Z = TypeVar("_Z", np.ndarray, torch.Tensor)


def unit_variance(z: _Z) -> _Z:
    """Embeddings [..., D] of length 1 to components of mean square 1.

    An embedding's parts are centred and scaled (`backbone.unit_norm`), so this is what a vision transformer's last
    LayerNorm puts out, and what shrinkages and learning rates in the papers are for.
    """
    return z * z.shape[-1] ** 0.5
