"""The classifier's statistics, summed where the embeddings are: G = sum phi phi', Q = sum phi y' (PACE 2.2).

    sums = GramSums(projection, labels, device=device)
    sums.add(z, columns)  # as often as there are batches
    sums.sum_over(processes)
    classifier = sums.classifier(gamma_relative)  # or, of a later session: sums.add_to(classifier)

All is float64. On one x86 core 2,000 embeddings take 2.8 s at M = 8192, in batches of any size. In float32 they take
2.3 s in blocks of 512 and 15 s in batches of 24, as each product is then added to all of G, and G is off by 1e-7 of its
largest entry. Nor is there a TF32 to look out for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from pace_edge.adapt.groups import WithinGroups, whole_groups
from pace_edge.adapt.processes import Processes
from pace_edge.adapt.products import add_products, filled
from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.errors import LearningError

ROWS = 512  # embeddings whose features exist at once: 32 MiB at M = 8192


class GramSums:
    """G [M, M], Q [M, C] and counts [C] of labelled embeddings, each one example of weight 1, on `device`; and of
    those that belong together (groups.py) the scatter `within` groups, None where none do."""

    def __init__(
        self, projection: RandomProjection, labels: Sequence[str], *, device: torch.device | str = "cpu"
    ) -> None:
        self.labels = list(labels)
        self._weight = torch.from_numpy(projection.steps).to(device, torch.float64) * projection.scale  # [D, M]
        M, C = self._weight.shape[1], len(self.labels)
        self._G, self.Q, self.counts = (self._weight.new_zeros(*shape) for shape in ((M, M), (M, C), (C,)))
        self.within: WithinGroups | None = None
        self._summed = False

    def features(self, z: torch.Tensor) -> torch.Tensor:
        """phi [n, M] of embeddings [n, D], float64: what `RandomProjection` gives, on the device."""
        return (z.to(self._weight) @ self._weight).relu_()

    @torch.no_grad()
    def add(self, z: torch.Tensor, columns: torch.Tensor) -> None:
        """Embeddings [n, D] and the place of each one's label in `labels`, int64 [n]; n may be 0."""
        if self._summed:
            raise ValueError("these are all processes' sums already")
        for rows, column in zip(z.split(ROWS), columns.to(self.Q.device).split(ROWS), strict=True):
            phi = self.features(rows)
            add_products(self._G, phi)
            y = torch.nn.functional.one_hot(column, len(self.labels)).to(phi)  # [n, C]
            self.Q.addmm_(phi.T, y)
            self.counts += y.sum(0)

    @torch.no_grad()
    def add_groups(self, z: torch.Tensor, groups: torch.Tensor, processes: Processes) -> None:
        """Which embeddings belong together: all of a session's on every process, z [n, D], and the group of each,
        int64 [n]. Each process sums the groups that it owns."""
        if not (repeats := len(groups) - len(groups.unique())):
            return
        scatter = torch.zeros_like(self._G)
        own = (groups % processes.world == processes.rank).nonzero().flatten()
        for rows, members in whole_groups(groups[own], ROWS):
            phi, belongs = self.features(z[own[rows].to(z.device)]), members.to(self._G)  # [k, M], [k, groups]
            means = belongs.T @ phi / belongs.sum(0)[:, None]
            add_products(scatter, phi - belongs @ means)
        self.within = WithinGroups(filled(scatter), repeats)

    def sum_over(self, processes: Processes) -> None:
        """Add up what all processes have: every one of them, once, after its last `add`."""
        if self._summed:
            raise ValueError("these are all processes' sums already")
        processes.sum_(self._G)  # in a message of its own it is not copied
        processes.sum_(self.Q, self.counts)
        if self.within is not None:
            processes.sum_(self.within.scatter)
        self._summed = True

    @property
    def G(self) -> torch.Tensor:
        """[M, M], all of it."""
        return filled(self._G)

    def add_learned(self, classifier: AnalyticClassifier, within: WithinGroups | None) -> None:
        """What the classifier has learned, in front of these sums; `within` the groups of what it has learned."""
        classifier.fold()
        labels = list(dict.fromkeys([*classifier.labels, *self.labels]))
        own, known = [labels.index(label) for label in self.labels], len(classifier.labels)
        Q, counts = self.Q.new_zeros(len(self.Q), len(labels)), self.counts.new_zeros(len(labels))
        Q[:, own], counts[own] = self.Q, self.counts
        Q[:, :known] += torch.from_numpy(classifier.Q).to(Q)
        counts[:known] += torch.from_numpy(classifier.counts).to(Q)
        self._G += torch.from_numpy(classifier.G).to(Q)
        self.labels, self.Q, self.counts = labels, Q, counts
        if within is not None:
            self.within = WithinGroups(within.scatter.to(self._G), within.repeats).plus(self.within)

    def classifier(self, gamma_relative: float) -> AnalyticClassifier:
        """Ridge regression on these sums alone; `gamma_relative` is in units of trace(G) / M. Raises LearningError."""
        return AnalyticClassifier(*self._on_cpu(), self.labels, gamma_relative * self.mean_square())

    def solved(self, R: torch.Tensor, gamma: float) -> AnalyticClassifier:
        """The same of R = (G + gamma I)^-1 [M, M] that is known already; `gamma` is in the units of G's diagonal."""
        G, Q, counts = self._on_cpu()
        return AnalyticClassifier.restored(G, Q, R.cpu().numpy(), counts, self.labels, gamma)

    def mean_square(self) -> float:
        """trace(G) / M, which gammas are in units of. Raises LearningError for sums of nothing."""
        energy = self._G.trace().item()
        if not 0 < energy < float("inf"):  # also when it is not a number
            raise LearningError(
                "no classifier comes of these clips", expected="one clip or more, with finite embeddings",
                got=f"{self.counts.sum().item():g} clips with a sum of squares of {energy:.2g}",
                do="If training diverged, lower the learning rate.",
            )  # fmt: skip
        return energy / len(self._G)

    def add_to(self, classifier: AnalyticClassifier, gamma_relative: float | None = None) -> None:
        """What these clips teach, on top of what the classifier knows. `gamma_relative` is in units of the trace of
        both together; None keeps gamma as it is. Raises LearningError, with nothing changed."""
        gamma = None
        if gamma_relative is not None:
            classifier.fold()
            gamma = gamma_relative * (float(classifier.G.trace()) + self._G.trace().item()) / len(self._G)
        classifier.add_sums(*self._on_cpu(), self.labels, gamma)

    def _on_cpu(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.G.cpu().numpy(), self.Q.cpu().numpy(), self.counts.cpu().numpy()
