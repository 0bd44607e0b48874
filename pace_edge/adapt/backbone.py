"""What every backbone offers: PCM in, an embedding out, and its blocks in order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import nn

from pace_edge.errors import PaceEdgeError


class Backbone(nn.Module):
    """PCM [batch, samples], float32 in -1..1 at `rate_hz`, to an embedding [batch, embedding_size] of length 1.

    A subclass gives the log-mel, the stem, the blocks and the pooling; what the chosen blocks pool stands side by side.
    """

    rate_hz: int
    embedding_size: int
    blocks: nn.ModuleList
    pooled: tuple[int, ...]  # the blocks, from 0 and ascending, whose output is part of the embedding

    @property
    def longest_s(self) -> float | None:
        """Seconds of the longest clip that it reads; None: any."""
        return None

    def check_seconds(self, seconds: float) -> None:
        """Raise PaceEdgeError for clips that are too long."""
        if self.longest_s is not None and seconds > self.longest_s:
            raise PaceEdgeError(
                "The clip is too long for the backbone",
                expected=f"up to {self.longest_s:g} s", got=f"{seconds:g} s", do="Cut it into windows.",
            )  # fmt: skip

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

    def beside(self, pcm: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Parts of the embedding that do not come from the blocks and never change: [batch, width] each."""
        return ()

    def forward(self, pcm: torch.Tensor) -> torch.Tensor:
        return self.from_block(0, self.stem(pcm), self.beside(pcm))

    def from_block(self, first: int, x: torch.Tensor, before: Sequence[torch.Tensor] = ()) -> torch.Tensor:
        """Go on from block `first` with its input `x`. `before` are the parts of the embedding that are there already:
        what stands `beside`, then what earlier blocks pooled, unit norm each."""
        parts = list(before)
        for i in range(first, self.pooled[-1] + 1):
            x = self.blocks[i](x)
            if i in self.pooled:
                parts.append(unit_norm(self.pool(x)))
        return torch.cat(parts, 1) / len(parts) ** 0.5


def unit_norm(x: torch.Tensor) -> torch.Tensor:
    """Each row centred and scaled to length 1, so that no part of an embedding outweighs another by chance."""
    return nn.functional.layer_norm(x, x.shape[-1:]) / x.shape[-1] ** 0.5


def backbone_sha256(backbone: nn.Module) -> str:
    """A checksum of every weight, by name, of a backbone without adapters: which one an embedding came from."""
    digest = hashlib.sha256()
    for name, value in sorted(backbone.state_dict().items()):
        digest.update(name.encode() + np.ascontiguousarray(value.cpu().numpy()).tobytes())
    return digest.hexdigest()


class SideBySide(Backbone):
    """Several backbones hear the same window; their embeddings stand side by side, each scaled by its share.

    `shares` are the parts of the squared length that each backbone gets; they sum to 1. The first backbone's blocks are
    the ones that can be adapted; the embeddings of the others stand beside.
    """

    def __init__(self, backbones: Sequence[Backbone], shares: Sequence[float]) -> None:
        super().__init__()
        self.backbones = nn.ModuleList(backbones)
        self.scales = [share**0.5 for share in shares]
        self.rate_hz = backbones[0].rate_hz
        self.embedding_size = sum(backbone.embedding_size for backbone in backbones)
        self.pooled = backbones[0].pooled

    @property
    def parts(self) -> list[Backbone]:
        return [cast(Backbone, backbone) for backbone in self.backbones]

    @property
    def blocks(self) -> nn.ModuleList:  # type: ignore[override]  # set again, every weight would have two names
        return self.parts[0].blocks

    @property
    def longest_s(self) -> float | None:
        return min((part.longest_s for part in self.parts if part.longest_s is not None), default=None)

    def spectrogram(self, pcm: torch.Tensor) -> torch.Tensor:
        """The first backbone's."""
        return self.parts[0].spectrogram(pcm)

    def stem_from(self, mel: torch.Tensor) -> torch.Tensor:
        return self.parts[0].stem_from(mel)

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        return self.parts[0].pool(x)

    def beside(self, pcm: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The other backbones' embeddings."""
        first, *others = self.parts
        return (*(part(pcm) for part in others), *first.beside(pcm))

    def from_block(self, first: int, x: torch.Tensor, before: Sequence[torch.Tensor] = ()) -> torch.Tensor:
        n_others = len(self.backbones) - 1
        own = self.parts[0].from_block(first, x, before[n_others:])
        parts = (own, *before[:n_others])
        return torch.cat([scale * part for scale, part in zip(self.scales, parts, strict=True)], 1)
