"""What every backbone offers: PCM in, an embedding out, and its blocks in order."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class Backbone(nn.Module):
    """PCM [batch, samples], float32 in -1..1 at `rate_hz`, to an embedding [batch, embedding_size] of length 1.

    A subclass gives the log-mel, the stem, the blocks and the pooling; what the chosen blocks pool stands side by side.
    """

    rate_hz: int
    embedding_size: int
    blocks: nn.ModuleList
    pooled: tuple[int, ...]  # the blocks, from 0 and ascending, whose output is part of the embedding

    def spectrogram(self, pcm: torch.Tensor) -> torch.Tensor:
        """The log-mel that the network sees: [batch, frames, mels]."""
        raise NotImplementedError

    def stem_from(self, mel: torch.Tensor) -> torch.Tensor:
        """A log-mel to what the first block reads."""
        raise NotImplementedError

    def stem(self, pcm: torch.Tensor) -> torch.Tensor:
        """What the first block reads."""
        return self.stem_from(self.spectrogram(pcm))

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        """A block's output to one vector a clip: [batch, width]."""
        raise NotImplementedError

    def forward(self, pcm: torch.Tensor) -> torch.Tensor:
        return self.from_block(0, self.stem(pcm))

    def from_block(self, first: int, x: torch.Tensor, before: Sequence[torch.Tensor] = ()) -> torch.Tensor:
        """Go on from block `first` with its input `x`; `before` is what earlier blocks pooled, unit norm each."""
        parts = list(before)
        for i in range(first, self.pooled[-1] + 1):
            x = self.blocks[i](x)
            if i in self.pooled:
                parts.append(unit_norm(self.pool(x)))
        return torch.cat(parts, 1) / len(parts) ** 0.5


def unit_norm(x: torch.Tensor) -> torch.Tensor:
    """Each row centred and scaled to length 1, so that no part of an embedding outweighs another by chance."""
    return nn.functional.layer_norm(x, x.shape[-1:]) / x.shape[-1] ** 0.5


class SideBySide(nn.Module):
    """Several backbones hear the same window; their embeddings stand side by side, each scaled by its share.

    `shares` are the parts of the squared length that each backbone gets; they sum to 1.
    """

    def __init__(self, backbones: Sequence[Backbone], shares: Sequence[float]) -> None:
        super().__init__()
        self.backbones = nn.ModuleList(backbones)
        self.scales = [share**0.5 for share in shares]
        self.rate_hz = backbones[0].rate_hz
        self.embedding_size = sum(backbone.embedding_size for backbone in backbones)
        self.blocks = nn.ModuleList(block for backbone in backbones for block in backbone.blocks)

    def forward(self, pcm: torch.Tensor) -> torch.Tensor:
        return torch.cat([s * backbone(pcm) for s, backbone in zip(self.scales, self.backbones, strict=True)], 1)
