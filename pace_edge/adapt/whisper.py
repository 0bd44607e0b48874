"""The encoder of Whisper (Radford et al. 2022, arXiv 2212.04356) on windows as short as one frame.

Pre-norm blocks, no class token: a window's embedding is the mean over its tokens after chosen blocks, side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.frontend import WHISPER_80, LogMel


class Attention(nn.Module):
    """Multi-head self-attention; as published, the key has no bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.v, self.out = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.k = nn.Linear(width, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # [batch, tokens, width]
        q, k, v = (part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.q, self.k, self.v))
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).flatten(-2))


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.fc2(nn.functional.gelu(self.fc1(self.norm2(x))))


class WhisperEncoder(Backbone):
    """PCM [batch, samples] at 16 kHz to an embedding [batch, len(pooled) * width]; up to 30 s.

    `pooled` are the blocks, from 0, whose token means make the embedding; None takes the last. A window shorter than
    Whisper's 30 s is not padded: the fixed positions are cropped to it.
    """

    rate_hz = 16000

    def __init__(
        self, *, width: int, n_blocks: int, heads: int, n_positions: int = 1500, pooled: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        self.log_mel = LogMel(WHISPER_80)
        self.conv1 = nn.Conv1d(80, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(n_positions, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(n_blocks))
        self.pooled = tuple(sorted(pooled)) if pooled is not None else (n_blocks - 1,)
        self.embedding_size = len(self.pooled) * width

    def spectrogram(self, pcm: torch.Tensor) -> torch.Tensor:
        return self.log_mel(pcm)

    def stem_from(self, mel: torch.Tensor) -> torch.Tensor:
        """[batch, tokens, width], a token every 20 ms."""
        x = mel.transpose(1, 2)
        x = nn.functional.gelu(self.conv2(nn.functional.gelu(self.conv1(x)))).transpose(1, 2)
        return x + self.positions[: x.shape[1]]

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(1)


_OPENAI_NAMES = {
    "attn_ln": "norm1", "mlp_ln": "norm2", "attn.query": "attention.q", "attn.key": "attention.k",
    "attn.value": "attention.v", "attn.out": "attention.out", "mlp.0": "fc1", "mlp.2": "fc2",
}  # fmt: skip


def from_openai(checkpoint: dict[str, Any], *, pooled: Sequence[int] | None = None) -> WhisperEncoder:
    """The encoder inside an OpenAI checkpoint: {"dims": ..., "model_state_dict": ...}."""
    dims = checkpoint["dims"]
    encoder = WhisperEncoder(
        width=dims["n_audio_state"], n_blocks=dims["n_audio_layer"], heads=dims["n_audio_head"],
        n_positions=dims["n_audio_ctx"], pooled=pooled,
    )  # fmt: skip
    state = {}
    for name, value in checkpoint["model_state_dict"].items():
        if name.startswith("encoder.") and "ln_post" not in name:  # the last norm serves the decoder
            name = name.removeprefix("encoder.").replace("positional_embedding", "positions")
            for theirs, ours in _OPENAI_NAMES.items():
                name = name.replace(theirs, ours)
            state[name] = value.float()
    encoder.load_state_dict(state)
    return encoder.eval()
