"""A method's own copy of the backbone, and clips as it sees them. The pretrained one stays as it is."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.data import Clip
from pace_edge.adapt.inputs import Inputs
from pace_edge.adapt.lora import Adapter, LoraConfig, attach
from pace_edge.adapt.seeds import seeded
from pace_edge.adapt.store import Budget
from pace_edge.benchmark.method import Embed, Task

BATCH = 24  # clips, for all methods, as PACE has it


def own_backbone(task: Task) -> Backbone:
    return copy.deepcopy(task.backbone).eval().requires_grad_(False).to(task.machine.device)


def inputs_of(task: Task, backbone: Backbone, clips: Sequence[Clip], *, kept: bool = True) -> Inputs:
    """What the first block reads of the clips; `kept` as long as the object lives, for several epochs."""
    budget = task.machine.budget() if kept else Budget(memory=0, disk=0)
    return Inputs(
        backbone, clips, task.machine, first=0, seconds=task.seconds, batch=BATCH, budget=budget,
    )  # fmt: skip


def own_embed(task: Task, backbone: Backbone) -> Embed:
    """Embeddings by this backbone as it is when they are asked for."""
    return lambda clips: inputs_of(task, backbone, clips, kept=False).embed_all().cpu().numpy()


def attach_to_all(task: Task, backbone: Backbone, *purpose: object) -> Adapter:
    """A new adapter, rank 10 on K and V, in every block that the embedding goes through."""
    blocks = range(backbone.pooled[-1] + 1)
    return attach(backbone, blocks, LoraConfig(), generator=seeded(task.seed, *purpose, "adapter"))
