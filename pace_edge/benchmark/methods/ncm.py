"""Nearest class mean on the frozen backbone: one mean embedding a class, the clip's is the most alike by cosine.

Mensink et al. 2013 (doi 10.1109/TPAMI.2013.83); as a continual learner on pretrained models it is SimpleCIL (Zhou et
al. 2023, arXiv 2303.07338). Order and sessions do not matter: a mean is a sum and a count.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pace_edge.adapt.data import Clip
from pace_edge.adapt.sessions import Session
from pace_edge.benchmark.method import Cost, Entry, Remembered, Task


class NearestClassMean:
    def __init__(self, task: Task) -> None:
        self._embed = Remembered(task.embed)
        self._sums: dict[str, np.ndarray] = {}

    def learn(self, session: Session) -> None:
        z = self._embed(session.train).astype(np.float64)
        for label in session.labels:
            self._sums[label] = z[[clip.label == label for clip in session.train]].sum(0)
        self._embed.forget()

    def call(self, clips: Sequence[Clip]) -> list[str]:
        labels = list(self._sums)
        sums = np.stack([self._sums[label] for label in labels])  # cosine asks for no count
        directions = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        return [labels[c] for c in (self._embed(clips) @ directions.T).argmax(1)]

    def cost(self) -> Cost:
        return Cost(trainable_parameters=0, stored_bytes=sum(each.nbytes for each in self._sums.values()))


NCM = {"NCM": Entry(NearestClassMean, "Mensink et al. 2013; Zhou et al. 2023, arXiv 2303.07338", trains=False)}
