"""PACE and what it is made of, each part taken away or added alone (Li, Zhou, Wang, ICLR 2026, arXiv 2602.03355).

"PACE" has this project's defaults: it asks first whether there is anything to adapt, adapts in session 1 only, and
chooses gamma anew after each session. "PACE, as published" adapts always, on fine sets in later sessions too as long as
the stop rule lets it, and chooses gamma on session 1. "PACE, discriminant" and "PACE, read-out chosen" have the
defaults and another read-out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from pace_edge.adapt.data import Clip
from pace_edge.adapt.lora import find_places, original_weight
from pace_edge.adapt.pace import Pace
from pace_edge.adapt.sessions import Session
from pace_edge.adapt.settings import PaceSettings
from pace_edge.analytic import AnalyticClassifier
from pace_edge.benchmark.method import Cost, Entry, Remembered, Task
from pace_edge.benchmark.methods.discriminant import discriminant_scores
from pace_edge.benchmark.methods.frozen import statistics_bytes
from pace_edge.benchmark.methods.left_out import LeftOut

Read = Callable[[AnalyticClassifier, np.ndarray], np.ndarray]  # phi [n, M] to scores [n, C]


class PaceMethod:
    """`changes` of a task are the settings that are not PaceSettings' defaults."""

    def __init__(
        self, task: Task, changes: Callable[[Task], dict[str, Any]], read: Read = AnalyticClassifier.plain_scores
    ) -> None:
        settings = PaceSettings(**{"epochs": task.epochs, "M": task.M, "seed": task.seed, **changes(task)})
        backbone, self._pretrained = copy.deepcopy(task.backbone), Remembered(task.embed)
        self.pace = Pace(backbone, settings, task.seconds, task.machine, embed_pretrained=self._pretrained)
        self._embed = Remembered(lambda clips: self.pace.embed(clips).cpu().numpy())
        self._read, self._trained = read, 0

    def learn(self, session: Session) -> None:
        report = self.pace.learn_session(session)
        self._pretrained.forget()
        if report.adapted:
            self._embed.forget()  # every clip is seen through another backbone now
        self._trained = max(self._trained, self._trained_now(session, report.adapted))

    def call(self, clips: Sequence[Clip]) -> list[str]:
        classifier = self.pace.classifier
        assert classifier is not None
        scores = self._read(classifier, self.pace.projection(self._embed(clips)))
        return [classifier.labels[c] for c in scores.argmax(1)]

    def cost(self) -> Cost:
        adapters = sum(_bytes(adapter.parameters()) for adapter in self.pace.adapters)
        return Cost(
            self._trained, statistics_bytes(self.pace.classifier, self.pace.projection, self.pace.within) + adapters
        )

    @property
    def details(self) -> dict[str, Any]:
        pace = self.pace
        return {
            "n_frozen": pace.n_frozen, "cka": pace.similarities, "rho_layer": pace.settings.rho_layer,
            "frozen_error": pace.frozen_error,
            "gamma_relative": pace.gamma_relative, "adapted_sessions": sum(r.adapted for r in pace.reports),
            "losses": [[r.losses[0], r.losses[-1]] for r in pace.reports if r.losses],
        }  # fmt: skip

    def _trained_now(self, session: Session, adapted: bool) -> int:
        """Parameters trained at once in this session. The probe has an adapter in every block and trains its head with
        it; after it the head is trained alone and then kept."""
        pace, head = self.pace, (self.pace.backbone.embedding_size + 1) * len(session.labels)
        blocks = range(pace.backbone.pooled[-1] + 1)
        if session.number == 1 and pace.similarities:
            return head + self._adapter_size(blocks)
        if not adapted:
            return 0
        together = self._adapter_size(blocks[pace.n_frozen :])
        return max(head, together) if pace.settings.staged else head + together

    def _adapter_size(self, blocks: Sequence[int]) -> int:
        config = self.pace.settings.lora
        places = find_places(self.pace.backbone, blocks, config.targets).values()
        inputs = (original_weight(place.module).shape[1] for place in places)
        return sum(config.rank * (i + p.rows.stop - p.rows.start) for i, p in zip(inputs, places, strict=True))


class PaceReadOutChosen(PaceMethod):
    """Read as a discriminant while that has called more clips right of the sessions so far, each left out when its
    session was learned, among the classes until then."""

    def __init__(self, task: Task, changes: Callable[[Task], dict[str, Any]]) -> None:
        super().__init__(task, changes)
        self._left_out = LeftOut()

    def learn(self, session: Session) -> None:
        super().learn(session)
        classifier = self.pace.classifier
        assert classifier is not None
        phi = self.pace.projection(self.pace.embed(session.train).cpu().numpy())
        self._pretrained.forget()
        self._left_out.add(classifier, phi, np.array([classifier.labels.index(clip.label) for clip in session.train]))
        chosen = self._left_out.prefers_discriminant()
        self._read = discriminant_scores if chosen else AnalyticClassifier.plain_scores

    @property
    def details(self) -> dict[str, Any]:
        return {**super().details, "left_out_right_alone": vars(self._left_out)}


def _bytes(parameters: Sequence[torch.nn.Parameter]) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in parameters)


def _published(task: Task) -> dict[str, Any]:
    """Every session up to the stop rule where the set is fine, the first alone where it is coarse (PACE 2.3)."""
    return {"adapt_from": 0.0, "last_adapted_session": None if task.fine else 1, "gamma_by": "held_out"}


def _always(**changes: Any) -> Callable[[Task], dict[str, Any]]:
    return lambda task: {"adapt_from": 0.0, "gamma_by": "held_out", **changes}


def _published_but(**changes: Any) -> Callable[[Task], dict[str, Any]]:
    return lambda task: {**_published(task), **changes}


_VARIANTS: dict[str, Callable[[Task], dict[str, Any]]] = {
    "PACE, FSA naive": _always(regulariser_weight=0.0, frozen_blocks=0, staged=False, head_rate=0.15),
    "PACE, FSA low head rate": _always(regulariser_weight=0.0, frozen_blocks=0, staged=False),
    "PACE, FSA staged": _always(regulariser_weight=0.0, frozen_blocks=0),
    "PACE, FSA later blocks": _always(regulariser_weight=0.0),
    "PACE, no projection": _published_but(directions="all"),
    "PACE, null space": _published_but(directions="null_space"),
    "PACE, no L_reg": _published_but(regulariser_weight=0.0),
    "PACE, no MSA": _always(last_adapted_session=1),
    "PACE, as published": _published,
    "PACE, discriminant": lambda task: {},
    "PACE, read-out chosen": lambda task: {},
    "PACE": lambda task: {},
}
_MAKE: dict[str, Callable[..., PaceMethod]] = {
    "PACE, discriminant": partial(PaceMethod, read=discriminant_scores), "PACE, read-out chosen": PaceReadOutChosen,
}  # fmt: skip
_REVISIONS = {"PACE": 2}
PACE = {
    name: Entry(
        partial(_MAKE.get(name, PaceMethod), changes=changes),
        "Li, Zhou, Wang 2026, arXiv 2602.03355", together=True, revision=_REVISIONS.get(name, 1),
    )
    for name, changes in _VARIANTS.items()
}  # fmt: skip
