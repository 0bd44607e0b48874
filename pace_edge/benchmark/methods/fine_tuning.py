"""LoRA (Hu et al. 2021, arXiv 2106.09685) in all blocks and a linear head, trained together by cross-entropy.

Session after session it is naive fine-tuning, the lower bound: the one adapter goes on, the one head grows, and nothing
keeps what was learned before. On all classes in one session it is joint training, the upper bound.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.data import Clip
from pace_edge.adapt.lora import Adapter
from pace_edge.adapt.seeds import seeded
from pace_edge.adapt.sessions import Session
from pace_edge.adapt.settings import PaceSettings
from pace_edge.adapt.stage import Stage, Trained, train_adapter
from pace_edge.benchmark.method import Cost, Entry, Remembered, Task
from pace_edge.benchmark.methods.head import columns_of, count, grown, size_bytes
from pace_edge.benchmark.methods.own_backbone import BATCH, attach_to_all, inputs_of, own_backbone, own_embed


def settings_of(task: Task) -> PaceSettings:
    """PACE's optimiser, its length of the features and its rate for the adapters; the head learns at the same rate."""
    return PaceSettings(epochs=task.epochs, seed=task.seed, batch=BATCH, head_rate=PaceSettings.rate)


def train_together(
    task: Task, backbone: Backbone, adapter: Adapter, head: nn.Linear, session: Session, labels: Sequence[str]
) -> Trained:
    """E_0 epochs on the session's clips; `labels` are those of the head's rows."""
    inputs = inputs_of(task, backbone, session.train)
    stage = Stage(f"session {session.number}", inputs, columns_of(session.train, labels), settings_of(task))
    return train_adapter(stage, adapter, head)


class FineTuning:
    def __init__(self, task: Task) -> None:
        self.task, self.backbone = task, own_backbone(task)
        self.adapter = attach_to_all(task, self.backbone)
        self.head: nn.Linear | None = None
        self.labels: list[str] = []
        self.details: dict[str, list[list[float]]] = {"losses": []}
        self._embed = Remembered(own_embed(task, self.backbone))

    def learn(self, session: Session) -> None:
        self.labels += session.labels
        generator = seeded(self.task.seed, "head", session.number)
        head = grown(self.head, self.backbone.embedding_size, len(self.labels), generator=generator)
        self.head = head.to(self.task.machine.device)
        losses = train_together(self.task, self.backbone, self.adapter, self.head, session, self.labels).losses
        self.details["losses"].append([losses[0], losses[-1]])
        self._embed.forget()

    @torch.no_grad()
    def call(self, clips: Sequence[Clip]) -> list[str]:
        assert self.head is not None
        z = torch.from_numpy(self._embed(clips)).to(self.head.weight.device)
        return [self.labels[c] for c in self.head(settings_of(self.task).feature_length * z).argmax(1).tolist()]

    def cost(self) -> Cost:
        assert self.head is not None
        trained = [*self.adapter.parameters(), *self.head.parameters()]
        return Cost(count(trained), size_bytes(trained))


PAPER = "LoRA: Hu et al. 2021, arXiv 2106.09685"
NAIVE_FINE_TUNING = {"naive fine-tuning": Entry(FineTuning, PAPER)}
JOINT = {"joint LoRA": Entry(FineTuning, PAPER, joint=True)}
