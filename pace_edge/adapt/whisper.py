"""The encoder of Whisper (Radford et al. 2022, arXiv 2212.04356) on windows as short as one frame.

Pre-norm blocks, no class token: a window's embedding is the mean over its tokens after chosen blocks, side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.frontend import WHISPER_80, LogMel
from pace_edge.adapt.weights_file import WeightsFile

TOKENS_PER_S = 50


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
    """PCM [batch, samples] at 16 kHz to an embedding [batch, len(pooled) * width].

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

    @property
    def longest_s(self) -> float:
        """As many tokens as there are positions: 30 s as published."""
        return len(self.positions) / TOKENS_PER_S

    def spectrogram(self, pcm: torch.Tensor) -> torch.Tensor:
        self.check_seconds(pcm.shape[-1] / self.rate_hz)
        return self.log_mel(pcm)

    def stem_from(self, mel: torch.Tensor) -> torch.Tensor:
        """[batch, tokens, width], a token every 20 ms."""
        x = mel.transpose(1, 2)
        x = nn.functional.gelu(self.conv2(nn.functional.gelu(self.conv1(x)))).transpose(1, 2)
        return x + self.positions[: x.shape[1]]

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(1)


# ours: as OpenAI's checkpoints, Hugging Face's files and plain ones call it
_NAMES = {
    "positions": ("positional_embedding", "embed_positions.weight", "pos"),
    "blocks.": ("blocks.", "layers.", "blocks."),
    "norm1": ("attn_ln", "self_attn_layer_norm", "ln1"),
    "norm2": ("mlp_ln", "final_layer_norm", "ln2"),
    "attention.q": ("attn.query", "self_attn.q_proj", "q"),
    "attention.k": ("attn.key", "self_attn.k_proj", "k"),
    "attention.v": ("attn.value", "self_attn.v_proj", "v"),
    "attention.out": ("attn.out", "self_attn.out_proj", "out"),
    "fc1": ("mlp.0", "fc1", "fc1"),
    "fc2": ("mlp.2", "fc2", "fc2"),
}
_PREFIXES = ("encoder.", "model.encoder.", "")
_LAST_NORMS = ("encoder.ln_post.", "model.encoder.layer_norm.", "ln.")  # for the decoder
_HEAD_WIDTH = 64  # in every published size


def published_name(name: str, style: int) -> str:
    """The name of what our state dict calls `name`: style 0 is OpenAI's, 1 Hugging Face's, 2 the plain one."""
    for ours, theirs in _NAMES.items():
        name = name.replace(ours, theirs[style])
    return _PREFIXES[style] + name


def from_file(path: Path, *, every_block: bool = False) -> WhisperEncoder:
    """The encoder in OpenAI's checkpoint, Hugging Face's model.safetensors, or a safetensors file of plain names.

    Its embedding is every block's token mean, or the last one's alone. A weight that is missing, of another shape, or
    that we would leave out raises a PaceEdgeError that names it.
    """
    file = WeightsFile.read(path, "Whisper")
    known = [published_name("positions", style) for style in range(len(_PREFIXES))]
    style = next((style for style, name in enumerate(known) if name in file.tensors), None)
    if style is None:
        raise file.other("no positions", expected=" or ".join(known), got=", ".join(sorted(file.tensors)[:3]) or "none")
    for name in list(file.tensors):
        if not name.startswith(_PREFIXES[style]) or name.startswith(_LAST_NORMS[style]):
            del file.tensors[name]
    n_positions, width = file.shape(known[style], (None, None))
    n_blocks = file.count(published_name("blocks.", style))
    if not n_blocks or width % _HEAD_WIDTH:
        raise file.other(
            "the encoder", expected=f"blocks, and a width of whole heads of {_HEAD_WIDTH}",
            got=f"{n_blocks} blocks, width {width}",
        )  # fmt: skip
    encoder = WhisperEncoder(
        width=width, n_blocks=n_blocks, heads=width // _HEAD_WIDTH, n_positions=n_positions,
        pooled=range(n_blocks) if every_block else None,
    )  # fmt: skip
    file.fill(encoder, lambda name: published_name(name, style))
    return encoder.eval()
