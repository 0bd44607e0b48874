"""The analytic classifier on the frozen backbone: ridge regression on random features, one session after the other.

ACIL (Zhuang et al. 2022, arXiv 2205.14922) with RanPAC's projection, as PACE has it (2.2): the read-out is argmax of
phi W. With one gamma neither the order nor the split into sessions matters; here gamma is chosen as PACE chooses it, so
that between the two only the adapting differs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pace_edge.adapt.data import Clip
from pace_edge.adapt.gamma import held_out_gamma, learn_sums
from pace_edge.adapt.groups import WithinGroups, group_numbers
from pace_edge.adapt.processes import Processes
from pace_edge.adapt.sessions import Session
from pace_edge.adapt.settings import PaceSettings
from pace_edge.adapt.statistics import GramSums
from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.benchmark.method import Cost, Entry, Remembered, Task


class FrozenAnalytic:
    """`settings` say which gammas there are to choose from and whether it grows with G; see PaceSettings."""

    def __init__(self, task: Task, settings: PaceSettings | None = None) -> None:
        self.settings = settings or PaceSettings(M=task.M, seed=task.seed)
        self.projection = RandomProjection.random(task.backbone.embedding_size, task.M, seed=task.seed)
        self.classifier: AnalyticClassifier | None = None
        self.details: dict[str, float] = {}
        self._within: WithinGroups | None = None
        self._embed, self._device = Remembered(task.embed), task.machine.device

    def learn(self, session: Session) -> None:
        z = self._embed(session.train)
        self._embed.forget()
        columns = torch.tensor([session.labels.index(clip.label) for clip in session.train])
        sums = GramSums(self.projection, session.labels, device=self._device)
        sums.add(torch.from_numpy(z).to(self._device), columns)
        if self.settings.gamma_by == "gcv" and (groups := group_numbers(session.train)) is not None:
            sums.add_groups(torch.from_numpy(z).to(self._device), groups, Processes())
        self.classifier, self.details["gamma_relative"] = learn_sums(
            self.classifier, sums, self.details.get("gamma_relative", 0.0), self.settings,
            lambda: held_out_gamma(self.projection(z), columns.numpy(), self.settings), self._within,
        )  # fmt: skip
        self._within = sums.within

    def call(self, clips: Sequence[Clip]) -> list[str]:
        assert self.classifier is not None
        scores = self.classifier.plain_scores(self.projection(self._embed(clips)))
        return [self.classifier.labels[c] for c in scores.argmax(1)]

    def cost(self) -> Cost:
        return Cost(
            trainable_parameters=0, stored_bytes=statistics_bytes(self.classifier, self.projection, self._within)
        )


def statistics_bytes(
    classifier: AnalyticClassifier | None, projection: RandomProjection, within: WithinGroups | None = None
) -> int:
    """G, Q, the counts, the projection and, if there are groups, the scatter within them. R and W are computed."""
    assert classifier is not None
    kept = (classifier.G, classifier.Q, classifier.counts, projection.steps)
    return sum(part.nbytes for part in kept) + (within.scatter.nbytes if within is not None else 0)


FROZEN = {
    "frozen + analytic": Entry(
        FrozenAnalytic,
        "Zhuang et al. 2022, arXiv 2205.14922; McDonnell et al. 2023, arXiv 2307.02251",
        trains=False,
        revision=2,
    )
}
