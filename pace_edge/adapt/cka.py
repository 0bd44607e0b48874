"""How far each block drifts when a probe is trained: linear CKA (PACE 2.1; Kornblith et al. 2019, arXiv 1905.00414).

X holds a block's features of n clips before training, Y of the same clips after it, one pooled vector a clip and row.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pace_edge.errors import LearningError

SPREAD = 1e-12  # of the features' energy; clips that differ by less do not differ, it is rounding


class LinearCKA:
    """CKA of features that come in batches, from sums alone: `sums` of several processes may be added in place.

    sums [1 + D1 + D2, 1 + D1 + D2] = S'S for the rows S = (1, x, y), float64: the number of clips, the means and
    the three products in one matrix.
    """

    def __init__(self, D1: int, D2: int, *, device: torch.device | str = "cpu") -> None:
        self.D1 = D1
        self.sums = torch.zeros(1 + D1 + D2, 1 + D1 + D2, dtype=torch.float64, device=device)

    @torch.no_grad()
    def add(self, X: torch.Tensor, Y: torch.Tensor) -> None:
        """A batch of the same clips' features, [n, D1] and [n, D2]."""
        S = torch.cat([X.new_ones(len(X), 1), X, Y], 1).to(self.sums)  # [n, 1 + D1 + D2]
        self.sums += S.T @ S

    def value(self) -> float:
        """||Yc' Xc||_F^2 / (||Xc' Xc||_F ||Yc' Yc||_F), Xc, Yc column-centred: 1 for X = Y, 0 when unrelated.

        Raises LearningError where that is 0 / 0: fewer than two clips, clips without a difference, or values that are
        not finite.
        """
        total = self.sums[0, 1:]  # [D1 + D2]
        centred = self.sums[1:, 1:] - torch.outer(total, total / self.sums[0, 0])
        return _cka(centred, self.sums.diagonal()[1:], self.D1)


def linear_cka(X: torch.Tensor, Y: torch.Tensor) -> float:
    """CKA of features X [n, D1] and Y [n, D2] of the same n clips; computed in float64. Raises as `LinearCKA.value`."""
    S = torch.cat([X.detach().double(), Y.detach().double()], 1)  # [n, D1 + D2]
    Sc = S - S.mean(0)
    return _cka(Sc.T @ Sc, S.square().sum(0), X.shape[1])


def _cka(centred: torch.Tensor, energy: torch.Tensor, D1: int) -> float:
    """From the centred products of (x, y) [D1 + D2, D1 + D2] and each column's sum of squares [D1 + D2]."""
    XX, YX, YY = centred[:D1, :D1], centred[D1:, :D1], centred[D1:, D1:]
    for products, squares in ((XX, energy[:D1]), (YY, energy[D1:])):
        spread, whole = products.trace().item(), squares.sum().item()
        if not spread > SPREAD * whole:  # also when not finite
            raise LearningError(
                "a block's features of the session's clips cannot be compared",
                expected="two clips or more, with finite features that differ",
                got=f"a spread of {spread:.2g} in a sum of squares of {whole:.2g}",
                do="Check that the clips are not all the same; if training diverged, lower the learning rate.",
            )
    return (YX.square().sum() / (XX.norm() * YY.norm())).item()


def first_drifting_block(similarities: Sequence[float], rho: float = 0.94) -> int:
    """n_frozen = min{k : s_k < rho}, k from 0: the blocks before it are frozen, from it on they are adapted (PACE 2.1).

    When no block drifts there is nothing to adapt: the answer is then the number of blocks, all are frozen.
    """
    return next((k for k, s in enumerate(similarities) if s < rho), len(similarities))
