"""LoRA subtraction (Liu and Chang, CVPR 2025, arXiv 2503.18985): every session adapts, in a drift-resistant space.

The space is found with the session's clips in W_0 MINUS the earlier adapters: the leading eigenvectors of each adapted
layer's input covariance that hold 99 % of the energy. The session's adapter is held in it (`subspace.project_steps`,
which says how that differs from the published program), the first session's is free. The loss is cross-entropy of a
head over the session's classes, which is thrown away, plus lambda times the augmented triplet loss; the classifier is
the nearest class mean by angle, each mean as it was when its session ended.

Numbers are those of the published program for ImageNet-R. Its batch is 128 and ours 24; there is no gradient clipping.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import torch
from torch.nn.functional import cross_entropy, margin_ranking_loss, normalize

from pace_edge.adapt.data import Clip
from pace_edge.adapt.inputs import Frozen, Inputs
from pace_edge.adapt.lora import Adapter
from pace_edge.adapt.seeds import seeded
from pace_edge.adapt.sessions import Session
from pace_edge.adapt.subspace import leading_subspace, project_steps, unlearned_covariances
from pace_edge.benchmark.method import Cost, Entry, Remembered, Task
from pace_edge.benchmark.methods.head import columns_of, count, grown, size_bytes
from pace_edge.benchmark.methods.own_backbone import attach_to_all, inputs_of, own_backbone, own_embed
from pace_edge.benchmark.methods.scale import unit_variance
from pace_edge.benchmark.methods.training import quarter_cosine, train

RHO = 0.99
RATE = HEAD_RATE = 5e-4  # of Adam
TRIPLET, MARGIN = 0.2, 2.0  # lambda and epsilon


class LoraSubtraction:
    def __init__(self, task: Task) -> None:
        self.task, self.backbone = task, own_backbone(task)
        self.adapters: list[Adapter] = []
        self.labels: list[str] = []
        self.means = torch.zeros(0, self.backbone.embedding_size, device=task.machine.device)  # of length 1
        self.details: dict[str, list[list[float]]] = {"losses": []}
        self._embed = Remembered(own_embed(task, self.backbone))
        self._trained = 0

    def learn(self, session: Session) -> None:
        inputs, y = inputs_of(self.task, self.backbone, session.train), columns_of(session.train, session.labels)
        adapter = attach_to_all(self.task, self.backbone, session.number)
        self._train(session, inputs, y.to(self.task.machine.device), adapter, self.subspaces(adapter, inputs))
        adapter.freeze()
        self.adapters.append(adapter)
        z = inputs.embed_all()
        means = [z[(y == c).to(z.device)].mean(0) for c in range(len(session.labels))]
        self.means = torch.cat([self.means, normalize(torch.stack(means), dim=1)])
        self.labels += session.labels
        self._embed.forget()

    def subspaces(self, adapter: Adapter, inputs: Inputs) -> dict[torch.nn.Parameter, torch.Tensor]:
        """Each A of a new adapter to the U [D, k] of its layer; none in the first session."""
        if not self.adapters:
            return {}
        covariances = unlearned_covariances(adapter, self.adapters, inputs)
        found = {path: leading_subspace(C, RHO).U for path, C in covariances.items()}
        return {adapter.layers[name].A: found[place.path] for name, place in adapter.places.items()}

    def _train(
        self, session: Session, inputs: Inputs, y: torch.Tensor, adapter: Adapter,
        subspaces: dict[torch.nn.Parameter, torch.Tensor],
    ) -> None:  # fmt: skip
        generator = seeded(self.task.seed, "head", session.number)
        head = grown(None, self.backbone.embedding_size, len(session.labels), generator=generator).to(y.device)

        def loss(frozen: Frozen, rows: torch.Tensor) -> torch.Tensor:
            z, own = inputs.embed(frozen), y[rows.to(y.device)]
            return cross_entropy(head(unit_variance(z)), own) + TRIPLET * triplet_loss(z, own, self.means)

        groups = [
            {"params": adapter.parameters(), "lr": RATE}, {"params": list(head.parameters()), "lr": HEAD_RATE},
        ]  # fmt: skip
        optimizer = torch.optim.Adam(groups)
        project_steps(optimizer, subspaces)
        self._trained = max(self._trained, count([*adapter.parameters(), *head.parameters()]))
        name = f"session {session.number}"
        losses = train(self.task, name, inputs, optimizer, loss, schedule=quarter_cosine, clip_norm=None)
        self.details["losses"].append([losses[0], losses[-1]])

    def call(self, clips: Sequence[Clip]) -> list[str]:
        nearest: np.ndarray = (self._embed(clips) @ self.means.cpu().numpy().T).argmax(1)
        return [self.labels[c] for c in nearest]

    def cost(self) -> Cost:
        adapters = chain.from_iterable(adapter.parameters() for adapter in self.adapters)
        return Cost(self._trained, size_bytes([*adapters, self.means]))


def triplet_loss(z: torch.Tensor, y: torch.Tensor, old_means: torch.Tensor, margin: float = MARGIN) -> torch.Tensor:
    """Mean over clips z [b, D] of classes y [b] of max(0, e_ap - e_an + margin).

    e_ap is the distance to the farthest clip of the same class, e_an to the nearest of another class or of the earlier
    classes' means [C, D]. All are scaled to length 1. A clip without any other class counts 0.
    """
    with torch.autocast(z.device.type, enabled=False):  # a difference of near-equal numbers needs float32
        f, same = normalize(z.float(), dim=1), y[:, None] == y
        between, to_old = _distances(f, f), _distances(f, normalize(old_means, dim=1))
    farthest = between.masked_fill(~same, 0.0).amax(1)
    others = torch.cat([between.masked_fill(same, torch.inf), to_old], 1).amin(1)
    nearest = torch.where(others.isinf(), farthest + margin, others)
    return margin_ranking_loss(nearest, farthest, torch.ones_like(nearest), margin=margin)


def _distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Euclidean, of rows of length 1: [len(a), len(b)]. Never quite 0, where it has no gradient."""
    return (2.0 - 2.0 * a @ b.T).clamp_min(1e-12).sqrt()


LORA_SUBTRACTION = {"LoRA subtraction": Entry(LoraSubtraction, "Liu and Chang, CVPR 2025, arXiv 2503.18985")}
