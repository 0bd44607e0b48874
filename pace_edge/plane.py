"""Embeddings as a picture: their plane of largest variance (PCA)."""

from __future__ import annotations

import numpy as np


def principal_plane(z: np.ndarray) -> np.ndarray:
    """z [n, D] on its two directions of largest variance, centred, largest first: float64 [n, 2].

    The largest component of each direction is positive, so the same z gives the same picture. Where z has fewer than
    two dimensions of its own the rest is 0. Raises ValueError for no rows or values that are not finite.
    """
    z = np.asarray(z, np.float64)
    if z.ndim != 2 or not len(z) or not np.isfinite(z).all():
        raise ValueError(f"embeddings [n, D] must be finite and not empty, not {z.shape}")
    centred = z - z.mean(0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:2]  # [2 or fewer, D]
    largest = np.take_along_axis(directions, np.abs(directions).argmax(1)[:, None], 1)
    plane = np.zeros((len(z), 2))
    plane[:, : len(directions)] = centred @ (directions * np.sign(largest)).T
    return plane


def share_of_variance(plane: np.ndarray, z: np.ndarray) -> float:
    """How much of the variance of z [n, D] its picture [n, 2] keeps, 0 to 1; 1 when z has none."""
    whole = np.asarray(z, np.float64).var(0).sum()
    return float(min(plane.var(0).sum() / whole, 1.0)) if whole > 0 else 1.0
