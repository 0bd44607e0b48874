"""Improved first-session adaptation (PACE 2.1): which blocks to adapt, then a staged, restrained adaptation."""

from __future__ import annotations

import torch

from pace_edge.adapt.backbone import Backbone, unit_norm
from pace_edge.adapt.cka import first_drifting_block, linear_cka
from pace_edge.adapt.lora import attach
from pace_edge.adapt.settings import PaceSettings
from pace_edge.adapt.stage import Progress, run_prefix, train_adapter, warm_up_head


@torch.no_grad()
def block_features(backbone: Backbone, mel: torch.Tensor, batch: int) -> list[torch.Tensor]:
    """Each used block's pooled output for log-mel [n, frames, mels]: [n, width] per block."""
    parts: list[list[torch.Tensor]] = []
    for some in mel.split(batch):
        x, pooled = backbone.stem_from(some), []
        for block in backbone.blocks[: backbone.pooled[-1] + 1]:
            x = block(x)
            pooled.append(backbone.pool(x))
        parts.append(pooled)
    return [torch.cat(block) for block in zip(*parts, strict=True)]


def probe(
    backbone: Backbone, mel: torch.Tensor, y: torch.Tensor, settings: PaceSettings, generator: torch.Generator,
    say: Progress,
) -> list[float]:  # fmt: skip
    """s_k = CKA(features of block k after a throw-away adaptation of ALL blocks, before it); the backbone is left
    as it was (PACE 2.1, step 1)."""
    n_blocks = backbone.pooled[-1] + 1
    before = block_features(backbone, mel, settings.batch)
    clips = run_prefix(backbone, mel, 0, settings.batch)
    head = warm_up_head(side_by_side(before, backbone), y, settings, generator).requires_grad_(True)
    adapter = attach(backbone, range(n_blocks), settings.lora, generator=generator)
    try:
        train_adapter(backbone, adapter, clips, y, head, settings, generator, say=say, name="probe")
        after = block_features(backbone, mel, settings.batch)
    finally:
        adapter.detach()
    return [linear_cka(a, b) for a, b in zip(after, before, strict=True)]


def frozen_prefix(
    backbone: Backbone, mel: torch.Tensor, y: torch.Tensor, settings: PaceSettings, generator: torch.Generator,
    say: Progress,
) -> tuple[int, list[float]]:  # fmt: skip
    """(n_frozen, the CKA of every block; empty when n_frozen is forced)."""
    if settings.frozen_blocks is not None:
        return settings.frozen_blocks, []
    similarities = probe(backbone, mel, y, settings, generator, say)
    return first_drifting_block(similarities, settings.rho_layer), similarities


def side_by_side(blocks: list[torch.Tensor], backbone: Backbone) -> torch.Tensor:
    """The embedding [n, D] from every block's pooled output."""
    return torch.cat([unit_norm(blocks[i]) for i in backbone.pooled], 1) / len(backbone.pooled) ** 0.5
