"""Improved first-session adaptation, step 1 (PACE 2.1): a throw-away adaptation of all blocks says which to freeze."""

from __future__ import annotations

import torch

from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.cka import LinearCKA
from pace_edge.adapt.lora import Adapter, attach
from pace_edge.adapt.stage import Stage, fresh_head, train_adapter, warm_up_head


def probe(stage: Stage) -> list[float]:
    """s_k = CKA(features of block k after a throw-away adaptation of ALL blocks, before it); the backbone is left
    as it was. The stage's inputs are those of block 0."""
    backbone, s = stage.inputs.backbone, stage.settings
    head = warm_up_head(stage) if s.staged else fresh_head(stage)
    head.requires_grad_(True)
    adapter = attach(backbone, range(backbone.pooled[-1] + 1), s.lora, generator=stage.generator("adapter"))
    try:
        train_adapter(stage, adapter, head)
        return drift(stage, adapter)
    finally:
        adapter.detach()


@torch.no_grad()
def drift(stage: Stage, adapter: Adapter) -> list[float]:
    """Each block's CKA with the adapter against without it."""
    inputs, backbone, sums = stage.inputs, stage.inputs.backbone, list[LinearCKA]()
    for clips in inputs.read(inputs.groups()):
        with adapter.switched_off():
            before = pooled_blocks(backbone, clips.x)
        after = pooled_blocks(backbone, clips.x)
        sums = sums or [LinearCKA(x.shape[1], x.shape[1], device=x.device) for x in before]
        for cka, x, y in zip(sums, before, after, strict=True):
            cka.add(x, y)
    inputs.machine.processes.sum_(*(cka.sums for cka in sums))
    return [cka.value() for cka in sums]


def pooled_blocks(backbone: Backbone, x: torch.Tensor) -> list[torch.Tensor]:
    """Each used block's pooled output for what block 0 reads: [b, width] per block."""
    pooled = []
    for block in backbone.blocks[: backbone.pooled[-1] + 1]:
        x = block(x)
        pooled.append(backbone.pool(x))
    return pooled
