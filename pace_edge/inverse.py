"""R = (G + gamma I)^-1 in the deferred form R0 - U' diag(sign) U: a step reads R0 once and writes nothing to it.

`U` is thin, THIN rows at most; `fold` merges it into R0, in place, when there is time.
"""

from __future__ import annotations

import numpy as np

THIN = 32  # rows of U before it must be folded
_BLOCK = 256  # rows of R0 that are folded at once: bounds the memory


class DeferredInverse:
    """R [M, M], symmetric, float64."""

    def __init__(self, R0: np.ndarray) -> None:
        self.R0 = R0
        self._U = np.empty((THIN, len(R0)))
        self._signs = np.empty(THIN)
        self.pending = 0

    @property
    def room(self) -> int:
        """How many steps fit before a fold."""
        return THIN - self.pending

    def times(self, x: np.ndarray) -> np.ndarray:
        """R x for each x, [M] or [n, M], to the same shape; R0 is read once for all of them."""
        return self.corrected(x @ self.R0 if x.ndim > 1 else self.R0 @ x, x)

    def corrected(self, k0: np.ndarray, x: np.ndarray) -> np.ndarray:
        """R x where k0 = R0 x is known already; [M] or [n, M]."""
        if not self.pending:
            return k0
        U, signs = self._U[: self.pending], self._signs[: self.pending]
        return k0 - ((x @ U.T) * signs) @ U

    def leverage(self, x: np.ndarray) -> np.ndarray:
        """x'R x of each x, [..., M] to [...]."""
        h = np.sum(x * (x @ self.R0), axis=-1)
        if self.pending:
            h -= np.square(x @ self._U[: self.pending].T) @ self._signs[: self.pending]
        return h

    def subtract(self, u: np.ndarray, sign: float) -> None:
        """R -= sign u u', deferred. There must be `room`."""
        self._U[self.pending], self._signs[self.pending] = u, sign
        self.pending += 1

    def fold(self) -> None:
        add_products(self.R0, self._U[: self.pending], -self._signs[: self.pending])
        self.pending = 0


def add_products(matrix: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> None:
    """matrix [M, M] += rows' diag(weights) rows for rows [n, M], in place."""
    weighted = (rows * weights[:, None]).T
    for start in range(0, len(matrix), _BLOCK):
        matrix[start : start + _BLOCK] += weighted[start : start + _BLOCK] @ rows
