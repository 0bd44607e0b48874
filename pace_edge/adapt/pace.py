"""PACE from the first session to the last (Li, Zhou, Wang, ICLR 2026, arXiv 2602.03355, section 2).

Stage 1 adapts the backbone to session 1 with restraint; stage 2 gives each early session an adapter of its own, held to
a subspace; in stage 3 only the classifier learns. The classifier's statistics of a session are taken once, with the
backbone as it is then: no clip is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import torch

from pace_edge.adapt.backbone import Backbone, backbone_sha256
from pace_edge.adapt.boundary import draw_masks
from pace_edge.adapt.cka import first_drifting_block
from pace_edge.adapt.data import Clip
from pace_edge.adapt.first_session import probe
from pace_edge.adapt.gamma import held_out_gamma, learn_sums
from pace_edge.adapt.grain import leave_one_out_error
from pace_edge.adapt.groups import WithinGroups, group_numbers
from pace_edge.adapt.inputs import Inputs, Masks
from pace_edge.adapt.lora import Adapter, attach
from pace_edge.adapt.machine import Machine
from pace_edge.adapt.seeds import seeded
from pace_edge.adapt.sessions import Session
from pace_edge.adapt.settings import PaceSettings
from pace_edge.adapt.stage import Stage, fresh_head, train_adapter, warm_up_head
from pace_edge.adapt.statistics import GramSums
from pace_edge.adapt.store import Budget
from pace_edge.adapt.subspace import leading_subspace, null_space, unlearned_covariances
from pace_edge.adapt.unfinished import Unfinished
from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.errors import PaceEdgeError


@dataclass
class SessionReport:
    """What one session did. Accuracies are of the paper's read-out, argmax of phi W, over all classes seen so far."""

    number: int
    labels: tuple[str, ...]
    clips: int  # for training
    adapted: bool = False
    losses: list[float] = field(default_factory=list)  # of each epoch
    held_out: list[float] = field(default_factory=list)  # and the head's accuracy on the session's test clips
    energy: dict[str, float] = field(default_factory=dict)  # per adapted weight: what of its inputs the subspace holds
    accuracy: float = 0.0  # on all test clips so far
    per_session: list[float] = field(default_factory=list)  # on the test clips of each session so far
    seconds: float = 0.0


@dataclass
class Pace:
    """The state of a run, and after it the result. Feed it one session after the other."""

    backbone: Backbone  # with its adapters attached; `lora.merge` makes a plain copy
    settings: PaceSettings
    seconds: float  # clips are cut or padded to it
    machine: Machine = field(default_factory=Machine)
    unfinished: Unfinished = field(default_factory=Unfinished)
    adapters: list[Adapter] = field(default_factory=list)
    reports: list[SessionReport] = field(default_factory=list)
    n_frozen: int = 0
    similarities: list[float] = field(default_factory=list)
    frozen_error: float = 0.0  # the pretrained backbone's, on session 1; 0 where it was not asked for
    gamma_relative: float = 0.0
    classifier: AnalyticClassifier | None = None
    within: WithinGroups | None = None  # of what the classifier has learned; None where no clips belong together
    tested: list[Session] = field(default_factory=list)
    embed_pretrained: Callable[[Sequence[Clip]], np.ndarray] | None = None  # float32 [n, D], where they are at hand

    def __post_init__(self) -> None:
        self.backbone_sha256 = backbone_sha256(self.backbone)
        self.backbone.eval().requires_grad_(False).to(self.machine.device)
        self.projection = RandomProjection.random(
            self.backbone.embedding_size, self.settings.M, seed=self.settings.seed
        )
        self._test_z: list[np.ndarray] = []

    def learn_session(self, session: Session) -> SessionReport:
        """Adapt if the session is one that adapts, update the classifier, test on every class seen so far. Sessions
        without test clips are only learned."""
        begun = time.monotonic()
        if len(session.train) < self.machine.processes.world:
            raise PaceEdgeError(
                f"session {session.number} has too few clips for so many processes",
                expected=f"{self.machine.processes.world} or more", got=str(len(session.train)),
                do="Start fewer processes.",
            )  # fmt: skip
        self.unfinished.begin(session.number)
        report = SessionReport(session.number, session.labels, len(session.train))
        y = _columns(session, session.train)
        inputs = None
        if self._adapts(session, y):
            inputs = self._adapt(session, y, report)
        z = inputs.embed_all() if inputs is not None else self.embed(session.train)
        self._learn(z, y, session)
        if report.adapted:  # earlier test clips are seen through another backbone now
            self._test_z = []
        self.tested.append(session)
        if session.test:
            self._test(report)
        report.seconds = time.monotonic() - begun
        self.reports.append(report)
        return report

    def call_tests(self) -> tuple[list[str], list[str]]:
        """Every test clip of the sessions so far: its label, and what it is called."""
        assert self.classifier is not None
        for session in self.tested[len(self._test_z) :]:
            self._test_z.append(self.embed(session.test).cpu().numpy())
        scores = [self.classifier.plain_scores(self.projection(z)) for z in self._test_z]
        called = [self.classifier.labels[c] for part in scores for c in part.argmax(1)]
        return [clip.label for session in self.tested for clip in session.test], called

    def test_embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        """Every test clip by the pretrained backbone and by the adapted one, [n, D] each."""
        self.call_tests()
        after = np.concatenate(self._test_z)
        if not self.adapters:
            return after, after
        with ExitStack() as without:
            for adapter in self.adapters:
                without.enter_context(adapter.switched_off())
            before = [self.embed(session.test).cpu().numpy() for session in self.tested]
        return np.concatenate(before), after

    def _test(self, report: SessionReport) -> None:
        truth, called = self.call_tests()
        right = np.array(truth) == np.array(called)
        report.accuracy = float(right.mean())
        ends = np.cumsum([len(session.test) for session in self.tested])
        report.per_session = [float(part.mean()) for part in np.split(right, ends[:-1])]

    def _adapts(self, session: Session, y: torch.Tensor) -> bool:
        s = self.settings
        if not s.adapts_session(session.number, sum(before.clips for before in self.reports)):
            return False
        if not s.adapt_from:
            return True
        if session.number == 1:
            phi = self.projection(self.embed(session.train).cpu().numpy())
            self.frozen_error = leave_one_out_error(phi, y.numpy(), s.gamma_grid)
            self.machine.watch.say(
                f"the pretrained backbone's leave-one-out error on session 1 is {self.frozen_error:.3f}: "
                + (f"from {s.adapt_from:g} on there is something to adapt" if self.frozen_error >= s.adapt_from
                   else f"below {s.adapt_from:g} it is kept as it is")
            )  # fmt: skip
        return self.frozen_error >= s.adapt_from

    def _adapt(self, session: Session, y: torch.Tensor, report: SessionReport) -> Inputs | None:
        """The session's clips as the adapted blocks read them, or None when there is nothing to adapt."""
        s, name = self.settings, f"session {session.number}"
        budget = self.machine.budget()
        if session.number == 1:
            self._choose_frozen(session, y, budget)
        blocks = range(self.n_frozen, self.backbone.pooled[-1] + 1)
        if not blocks:  # no block drifted: the pretrained features are kept
            return None
        masks = None
        if s.regulariser_weight:
            drawn = draw_masks(len(y), s.views, generator=seeded(s.seed, name, "masks"))
            masks = Masks(drawn, s.max_masked)
        inputs = self._inputs(session.train, self.n_frozen, budget, masks)
        test = None
        if session.test:
            test = (self._inputs(session.test, self.n_frozen, budget), _columns(session, session.test))
        stage = self._stage(name, inputs, y, test)
        head = warm_up_head(stage) if s.staged else fresh_head(stage)
        earlier = list(self.adapters)
        adapter = attach(self.backbone, blocks, s.lora, generator=stage.generator("adapter"))
        subspaces = None
        if earlier and s.directions != "all":
            subspaces = self._subspaces(adapter, earlier, inputs, report)
        trained = train_adapter(stage, adapter, head, subspaces=subspaces)
        adapter.freeze()
        self.adapters.append(adapter)
        report.adapted, report.losses, report.held_out = True, trained.losses, trained.held_out
        return inputs

    def _choose_frozen(self, session: Session, y: torch.Tensor, budget: Budget) -> None:
        """n_frozen: forced, or by the probe."""
        if self.settings.frozen_blocks is not None:
            self.n_frozen = self.settings.frozen_blocks
            return
        kept = self.unfinished.stage("probed")
        if kept is None:
            kept = probe(self._stage("probe", self._inputs(session.train, 0, budget), y))
            self.unfinished.keep("probed", kept)
        self.similarities = kept
        self.n_frozen = first_drifting_block(kept, self.settings.rho_layer)
        drift = ", ".join(f"{s:.3f}" for s in kept)
        self.machine.watch.say(
            f"CKA of each block, adapted against pretrained: {drift}; below {self.settings.rho_layer:g} from block "
            f"{self.n_frozen + 1} on: the blocks before it stay frozen"
            if self.n_frozen < len(kept)
            else f"CKA of each block, adapted against pretrained: {drift}; none below {self.settings.rho_layer:g}: the "
            "pretrained backbone is kept as it is"
        )

    def _stage(
        self, name: str, inputs: Inputs, y: torch.Tensor, test: tuple[Inputs, torch.Tensor] | None = None
    ) -> Stage:
        return Stage(
            name, inputs, y, self.settings, test, saved=self.unfinished.stage(name),
            save=lambda state: self.unfinished.keep(name, state),
        )  # fmt: skip

    def _subspaces(
        self, adapter: Adapter, earlier: list[Adapter], inputs: Inputs, report: SessionReport
    ) -> dict[torch.nn.Parameter, torch.Tensor]:
        """U_t of every adapted layer, from the session's clips seen through W_0 minus the earlier adapters (2.3)."""
        covariances = unlearned_covariances(adapter, earlier, inputs)
        choose = leading_subspace if self.settings.directions == "leading" else null_space
        found = {path: choose(C, self.settings.rho_svd) for path, C in covariances.items()}
        report.energy = {path: subspace.energy for path, subspace in found.items()}
        return {adapter.layers[name].A: found[place.path].U for name, place in adapter.places.items()}

    def _learn(self, z: torch.Tensor, y: torch.Tensor, session: Session) -> None:
        """The session's clips into the classifier: summed on the device, each process its own."""
        sums = GramSums(self.projection, session.labels, device=self.machine.device)
        own = self.machine.processes.mine(len(y))
        sums.add(z[own.to(z.device)], y[own])
        if self.settings.gamma_by == "gcv" and (groups := group_numbers(session.train)) is not None:
            sums.add_groups(z, groups, self.machine.processes)
        sums.sum_over(self.machine.processes)
        self.classifier, self.gamma_relative = learn_sums(
            self.classifier, sums, self.gamma_relative, self.settings,
            lambda: held_out_gamma(self.projection(z.cpu().numpy()), y.numpy(), self.settings), self.within,
        )  # fmt: skip
        self.within = sums.within

    def _inputs(self, clips: Sequence[Clip], first: int, budget: Budget, masks: Masks | None = None) -> Inputs:
        return Inputs(
            self.backbone, clips, self.machine, first=first, seconds=self.seconds, batch=self.settings.batch,
            masks=masks, budget=budget,
        )  # fmt: skip

    def embed(self, clips: Sequence[Clip]) -> torch.Tensor:
        """Through the whole backbone as it is now, nothing kept: [n, D]."""
        if self.embed_pretrained is not None and not self.adapters:
            return torch.from_numpy(self.embed_pretrained(clips)).to(self.machine.device)
        return self._inputs(clips, 0, Budget(memory=0, disk=0)).embed_all(f"embedding {len(clips)} clips")


def _columns(session: Session, clips: Sequence[Clip]) -> torch.Tensor:
    return torch.tensor([session.labels.index(clip.label) for clip in clips])
