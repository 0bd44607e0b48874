"""Prompts: learned tokens beside those of the clip (prompt tuning; Lester et al. 2021, arXiv 2104.08691).

They stand behind the clip's tokens and not before them: a transformer's block does not know an order, a class token
keeps its place, and the positions that the stem adds are the clip's own.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from pace_edge.adapt.backbone import Backbone, unit_norm
from pace_edge.adapt.inputs import Frozen
from pace_edge.errors import PaceEdgeError


def prompted(
    backbone: Backbone, frozen: Frozen, prompts: Mapping[int, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the clips' tokens and what the prompts became: two embeddings [b, D], each of length 1.

    `prompts` [b, length, width] join in before the block of their number, from 0. The first embedding pools the clips'
    tokens as the backbone does, as if the prompts were not there; the second is the prompts' mean. Both are taken
    behind every block that is part of the backbone's own embedding.
    """
    x, of_tokens, of_prompts = frozen.x, list[torch.Tensor](), list[torch.Tensor]()
    if x.ndim != 3 or frozen.before:
        raise PaceEdgeError(
            "prompts need a backbone that is one transformer", expected="a Whisper, eat or sslam",
            got=type(backbone).__name__, do="Leave out the prompt methods for this backbone.",
        )  # fmt: skip
    n = x.shape[1]
    for i in range(backbone.pooled[-1] + 1):
        if i in prompts:
            x = torch.cat([x, prompts[i]], 1)
        x = backbone.blocks[i](x)
        if i in backbone.pooled:
            of_tokens.append(unit_norm(backbone.pool(x[:, :n])))
            of_prompts.append(unit_norm(x[:, n:].mean(1)))
    scale = len(of_tokens) ** -0.5
    return scale * torch.cat(of_tokens, 1).float(), scale * torch.cat(of_prompts, 1).float()


def token_width(backbone: Backbone) -> int:
    """How wide a token is."""
    return backbone.embedding_size // len(backbone.pooled)
