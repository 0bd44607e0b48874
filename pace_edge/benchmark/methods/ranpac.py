"""RanPAC (McDonnell et al., NeurIPS 2023, arXiv 2307.02251): class prototypes of random features, decorrelated by G.

Symbols are the paper's: h = relu(z W), W random normal and fixed; G = sum h h', C = sum h y'; the score of a class is
h'(G + lambda I)^-1 c_y (eq. 7). lambda is chosen anew in every session, from 17 powers of ten, by the squared error on
a held-out fifth of the session's own clips (algorithm 1); then it serves all sessions' G.

With one lambda the result depends neither on the order nor on the split into sessions: it is ridge regression on all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from pace_edge.adapt.data import Clip
from pace_edge.adapt.seeds import seeded
from pace_edge.adapt.sessions import Session
from pace_edge.analytic import RandomProjection
from pace_edge.benchmark.method import Cost, Embed, Entry, Remembered, Task
from pace_edge.benchmark.methods.fine_tuning import train_together
from pace_edge.benchmark.methods.head import count, grown, size_bytes
from pace_edge.benchmark.methods.own_backbone import attach_to_all, own_backbone, own_embed
from pace_edge.benchmark.methods.scale import unit_variance

LAMBDAS = tuple(10.0**power for power in range(-8, 9))
HELD_OUT = 0.2


class RanPAC:
    """On the frozen backbone; `embed` is another backbone's, where one was adapted."""

    def __init__(self, task: Task, *, embed: Embed | None = None, lambdas: Sequence[float] = LAMBDAS) -> None:
        self._embed = embed or task.embed
        self._embed_tested, self.lambdas = Remembered(self._embed), lambdas
        self.projection = RandomProjection.random(task.backbone.embedding_size, task.M, seed=task.seed)
        self.rng = np.random.default_rng(task.seed)
        self.labels: list[str] = []
        self.G, self.C = np.zeros((task.M, task.M)), np.zeros((task.M, 0))
        self.details: dict[str, list[float]] = {"lambdas": []}

    def features(self, z: np.ndarray) -> np.ndarray:
        """h [n, M] as of the paper's W, whose entries have variance 1; ours are scaled by sqrt(2 / M)."""
        return self.projection(unit_variance(z)) * (len(self.G) / 2) ** 0.5

    def learn(self, session: Session) -> None:
        H, Y = self.features(self._embed(session.train)), np.zeros((len(session.train), len(session.labels)))
        Y[np.arange(len(Y)), [session.labels.index(clip.label) for clip in session.train]] = 1.0
        self.labels += session.labels
        self.G += H.T @ H
        self.C = np.concatenate([self.C, H.T @ Y], 1)
        order = self.rng.permutation(len(H))
        chosen = choose_lambda(H[order], Y[order], self.lambdas)
        self.details["lambdas"].append(chosen)
        self.W = ridge(self.G, self.C, chosen)  # [M, classes so far]

    def call(self, clips: Sequence[Clip]) -> list[str]:
        return [self.labels[c] for c in (self.features(self._embed_tested(clips)) @ self.W).argmax(1)]

    def cost(self) -> Cost:
        return Cost(0, self.projection.steps.nbytes + self.G.nbytes + self.C.nbytes)


def ridge(G: np.ndarray, C: np.ndarray, lam: float) -> np.ndarray:
    """(G + lambda I)^-1 C, [M, classes]. Of few clips G is singular, and a lambda that rounding of G swallows counts as
    the least one that it does not."""
    least = len(G) * np.finfo(G.dtype).eps * np.trace(G)
    return np.linalg.solve(G + max(lam, least) * np.eye(len(G)), C)


def choose_lambda(H: np.ndarray, Y: np.ndarray, lambdas: Sequence[float]) -> float:
    """The lambda with the least squared error on the last fifth of H [n, M] and Y [n, classes], learned from the rest.

    (Where that is nothing, of one or two clips, the middle one.)
    """
    kept = int((1 - HELD_OUT) * len(H))
    if not 0 < kept < len(H) or len(lambdas) == 1:
        return sorted(lambdas)[len(lambdas) // 2]
    U, s, Vt = np.linalg.svd(H[:kept], full_matrices=False)  # (H'H + lambda I)^-1 H'Y = V s / (s^2 + lambda) U'Y
    seen, known = H[kept:] @ Vt.T, U.T @ Y[:kept]

    def squared_error(lam: float) -> float:
        return float(np.square(seen @ ((s / (s**2 + lam))[:, None] * known) - Y[kept:]).mean())

    return min(lambdas, key=squared_error)


class RanPACAdapted(RanPAC):
    """After naive first-session adaptation: adapters in all blocks and a head learn together on session 1, the head is
    thrown away and the backbone stays as it is then.

    The paper tunes other small parts (its adapters, SSF or VPT) for 20 epochs at a rate of 0.01; here it is LoRA with
    the epochs and rates that all methods have, so that against "PACE, FSA naive" only the classifier differs.
    """

    def __init__(self, task: Task) -> None:
        self.task, self.backbone = task, own_backbone(task)
        super().__init__(task, embed=own_embed(task, self.backbone))
        self.trained: list[torch.nn.Parameter] = []  # adapter and head

    def learn(self, session: Session) -> None:
        if not self.labels:
            adapter = attach_to_all(self.task, self.backbone)
            head = grown(
                None, self.backbone.embedding_size, len(session.labels), generator=seeded(self.task.seed, "head")
            ).to(self.task.machine.device)
            losses = train_together(self.task, self.backbone, adapter, head, session, session.labels).losses
            self.details["losses"] = [losses[0], losses[-1]]
            adapter.freeze()
            self.adapter, self.trained = adapter, [*adapter.parameters(), *head.parameters()]
        super().learn(session)

    def cost(self) -> Cost:
        return Cost(count(self.trained), super().cost().stored_bytes + size_bytes(self.adapter.parameters()))


PAPER = "McDonnell et al., NeurIPS 2023, arXiv 2307.02251"
RANPAC = {
    "RanPAC": Entry(RanPAC, PAPER, trains=False),
    "RanPAC, naive FSA": Entry(RanPACAdapted, PAPER),
}
