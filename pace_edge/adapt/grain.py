"""Whether there is anything to adapt: how badly the pretrained backbone tells session 1's classes apart.

On coarse classes the representation is saturated before the first session is over, and adapting it only harms (PACE,
findings 2 and 3). The paper knows the grain of its sets; this measures it, from the training clips alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def leave_one_out_error(phi: np.ndarray, columns: np.ndarray, gamma_grid: Sequence[float]) -> float:
    """The squared error of ridge regression on each clip, learned from all others, in closed form; 1 is that of knowing
    the classes' shares alone. phi [n, M] are features, columns [n] the classes from 0; of the grid, in units of
    trace(G) / M, the best counts.

    With H = Phi (G + gamma I)^-1 Phi', the residual without clip i is r_i / (1 - H_ii).
    """
    M = phi.shape[1]
    Y = np.eye(columns.max() + 1)[columns]
    total = np.square(Y - Y.mean(0)).sum()
    # the eigenvectors of the smaller of Phi Phi' and Phi' Phi serve the whole grid
    U, singular, _ = np.linalg.svd(phi, full_matrices=False)

    def error(gamma: float) -> float:
        shrunk = singular**2 / (singular**2 + gamma)
        residuals = Y - (U * shrunk) @ (U.T @ Y)
        without = residuals / (1.0 - np.einsum("ij,j,ij->i", U, shrunk, U))[:, None]
        return float(np.square(without).sum() / total)

    return min(error(gamma * np.square(phi).sum() / M) for gamma in gamma_grid)
