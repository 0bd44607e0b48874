"""PACE from the first session to the last (Li, Zhou, Wang, ICLR 2026, arXiv 2602.03355, section 2).

Stage 1 adapts the backbone to session 1 with restraint; stage 2 gives each early session an adapter of its own, held to
a subspace; in stage 3 only the classifier learns. The classifier's statistics of a session are taken once, with the
backbone as it is then: no clip is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import torch

from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.boundary import masked_views
from pace_edge.adapt.data import Clip
from pace_edge.adapt.first_session import frozen_prefix
from pace_edge.adapt.fit import fit
from pace_edge.adapt.lora import Adapter, attach
from pace_edge.adapt.sessions import Session, load_pcm
from pace_edge.adapt.settings import PaceSettings
from pace_edge.adapt.stage import Prefix, Progress, Views, embed_all, run_prefix, train_adapter, warm_up_head
from pace_edge.adapt.subspace import InputCovariance, leading_subspace, null_space
from pace_edge.analytic import AnalyticClassifier, RandomProjection


@dataclass
class SessionReport:
    """What one session did. `accuracy`: of all classes seen so far, on all test clips so far, plain read-out."""

    number: int
    labels: tuple[str, ...]
    adapted: bool
    losses: list[float]
    energy: dict[str, float]  # per adapted weight: the share of its inputs' energy that the subspace holds
    accuracy: float = 0.0


@dataclass
class Pace:
    """The state of a run, and after it the result. Feed it one session after the other."""

    backbone: Backbone  # with its adapters attached; `lora.merge` makes a plain copy
    settings: PaceSettings
    seconds: float  # clips are cut or padded to it
    say: Progress = lambda *_: None
    adapters: list[Adapter] = field(default_factory=list)
    reports: list[SessionReport] = field(default_factory=list)
    n_frozen: int = 0
    similarities: list[float] = field(default_factory=list)
    gamma_relative: float = 0.0
    classifier: AnalyticClassifier | None = None

    def __post_init__(self) -> None:
        self.backbone.eval().requires_grad_(False)
        self._generator = torch.Generator().manual_seed(self.settings.seed)
        self._clips_before = 0
        self._test: list[tuple[torch.Tensor, str]] = []
        D, M = self.backbone.embedding_size, self.settings.M
        self.projection = RandomProjection.random(D, M, seed=self.settings.seed)

    def learn_session(self, session: Session) -> SessionReport:
        """Adapt if the session is one that adapts, update the classifier, test on every class seen so far."""
        mel = self._log_mel(session.train)
        y = torch.tensor([session.labels.index(clip.label) for clip in session.train])
        report = SessionReport(session.number, session.labels, False, [], {})
        if self.settings.adapts_session(session.number, self._clips_before):
            self._adapt(session, mel, y, report)
        z = self._embed(mel)
        names = [clip.label for clip in session.train]
        if self.classifier is None:
            self.gamma_relative = self._choose_gamma(z, names)
            self.classifier = fit(list(z[:, None]), names, self.projection, gamma_relative=self.gamma_relative)
        else:
            self.classifier.learn_all(list(zip(self.projection(z), names, strict=True)))
        self._clips_before += len(session.train)
        self._test += zip(self._log_mel(session.test), [clip.label for clip in session.test], strict=True)
        report.accuracy = self.test()
        self.reports.append(report)
        return report

    def test(self) -> float:
        """Accuracy of the paper's read-out, argmax of phi W, on every test clip seen so far."""
        assert self.classifier is not None
        z = self._embed(torch.stack([mel for mel, _ in self._test]))
        called = self.classifier.plain_scores(self.projection(z)).argmax(1)
        right = [self.classifier.labels[c] == label for c, (_, label) in zip(called, self._test, strict=True)]
        return float(np.mean(right))

    def _adapt(self, session: Session, mel: torch.Tensor, y: torch.Tensor, report: SessionReport) -> None:
        s, generator = self.settings, self._generator
        if session.number == 1:
            self.n_frozen, self.similarities = frozen_prefix(self.backbone, mel, y, s, generator, self.say)
        blocks = range(self.n_frozen, self.backbone.pooled[-1] + 1)
        if not blocks:  # no block drifted: the pretrained features are kept
            return
        clips = run_prefix(self.backbone, mel, self.n_frozen, s.batch)
        views = None
        if s.regulariser_weight:
            masked = masked_views(mel, s.views, s.max_masked, generator=generator).flatten(0, 1)
            views = Views(run_prefix(self.backbone, masked, self.n_frozen, s.batch), s.views)
        head = warm_up_head(embed_all(self.backbone, clips, s.batch), y, s, generator)
        earlier = list(self.adapters)
        adapter = attach(self.backbone, blocks, s.lora, generator=generator)
        subspaces = None
        if earlier and s.directions != "all":
            subspaces = self._subspaces(adapter, earlier, clips, report)
        report.losses = train_adapter(
            self.backbone, adapter, clips, y, head, s, generator, views=views, subspaces=subspaces, say=self.say,
            name=f"session {session.number}",
        )  # fmt: skip
        adapter.freeze()
        self.adapters.append(adapter)
        report.adapted = True

    def _subspaces(
        self, adapter: Adapter, earlier: list[Adapter], clips: Prefix, report: SessionReport
    ) -> dict[torch.nn.Parameter, torch.Tensor]:
        """U_t of every adapted layer, from the session's clips seen through W_0 minus the earlier adapters (2.3)."""
        modules = {place.path: place.module for place in adapter.places.values()}
        with ExitStack() as unlearned, InputCovariance(modules) as covariance:
            for one in earlier:
                unlearned.enter_context(one.subtracted())
            embed_all(self.backbone, clips, self.settings.batch)
        choose = leading_subspace if self.settings.directions == "leading" else null_space
        found = {path: choose(C, self.settings.rho_svd) for path, C in covariance.sums.items()}
        report.energy = {path: subspace.energy for path, subspace in found.items()}
        return {adapter.layers[name].A: found[place.path].U for name, place in adapter.places.items()}

    def _choose_gamma(self, z: np.ndarray, names: Sequence[str]) -> float:
        """The one of the grid with the least squared error on a held-out part of session 1. (Not the most accurate:
        with two classes nearly all are right.)"""
        rng, held_out = np.random.default_rng(self.settings.seed), np.zeros(len(names), bool)
        for label in sorted(set(names)):
            mine = np.flatnonzero([name == label for name in names])
            held_out[rng.permutation(mine)[: round(self.settings.gamma_held_out * len(mine))]] = True
        kept = [str(name) for name in np.array(names)[~held_out]]
        test = self.projection(z[held_out])

        def squared_error(gamma: float) -> float:
            tried = fit(list(z[~held_out][:, None]), kept, self.projection, gamma_relative=gamma)
            target = np.array(tried.labels)[None] == np.array(names)[held_out][:, None]
            return float(np.square(tried.plain_scores(test) - target).mean())

        if not held_out.any():  # too few clips to hold any out
            return float(np.median(self.settings.gamma_grid))
        return min(self.settings.gamma_grid, key=squared_error)

    @torch.no_grad()
    def _log_mel(self, clips: Sequence[Clip]) -> torch.Tensor:
        pcm = load_pcm(clips, rate_hz=self.backbone.rate_hz, seconds=self.seconds)
        return torch.cat([self.backbone.spectrogram(part) for part in pcm.split(self.settings.batch)])

    def _embed(self, mel: torch.Tensor) -> np.ndarray:
        batch = self.settings.batch
        return embed_all(self.backbone, run_prefix(self.backbone, mel, 0, batch), batch).numpy()
