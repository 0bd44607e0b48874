"""The encoder of EAT (Chen et al. 2024, arXiv 2401.03497); SSLAM (Alex et al. 2025) has the same shape.

A vision transformer on patches of 16 frames x 16 mel bands. Its blocks are post-norm: each residual sum is normalised,
so nothing is left to normalise after the last block. The class token is the clip's embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.frontend import KALDI_128, LogMel
from pace_edge.adapt.weights_file import WeightsFile
from pace_edge.errors import PaceEdgeError

PATCH = 16  # frames, and mel bands
N_BANDS = KALDI_128.n_mels // PATCH
EAT_128 = replace(KALDI_128, mean=-4.268, scale=2 * 4.569)
"""Kaldi's log-mel on the scale of EAT's pre-training: AudioSet's mean, twice its standard deviation."""

_PADDING = (0.0 - EAT_128.mean) / EAT_128.scale  # a log-mel of 0, which the published programs pad with, on that scale


class Attention(nn.Module):
    """Multi-head self-attention; one layer makes queries, keys and values, in this order."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # [batch, tokens, width]
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # [batch, heads, tokens, d]
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).flatten(-2))


class Block(nn.Module):
    """Post-norm, as data2vec 2.0: the second residual starts from the first norm's output."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.fc2(nn.functional.gelu(self.fc1(x))))


class EAT(Backbone):
    """PCM [batch, samples] at 16 kHz to an embedding [batch, len(pooled) * width]; up to 0.16 s * `n_positions`.

    `frames` (10 ms each, a multiple of 16) is what every clip is padded or cut to; None pads a clip to the next
    multiple of 16. `pooled` are the blocks, from 0, whose class token is part of the embedding; None takes the last.
    The defaults are the published base model.
    """

    rate_hz = EAT_128.rate_hz

    def __init__(
        self, *, width: int = 768, n_blocks: int = 12, heads: int = 12, n_positions: int = 768,
        frames: int | None = None, pooled: Sequence[int] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if frames is not None and (frames % PATCH or not 0 < frames <= n_positions * PATCH):
            raise PaceEdgeError(
                "EAT cannot pad to this length",
                expected=f"a multiple of {PATCH} frames up to {n_positions * PATCH}", got=f"{frames} frames",
            )  # fmt: skip
        self.frames = frames
        self.n_positions = frames // PATCH if frames is not None else n_positions  # a model file stores no more
        self.log_mel = LogMel(EAT_128)
        self.patch = nn.Conv2d(1, width, PATCH, stride=PATCH)
        self.class_token = nn.Parameter(torch.randn(1, 1, width))
        self.register_buffer("positions", sin_cos_positions(self.n_positions, N_BANDS, width)[None])
        self.positions: torch.Tensor
        self.pre_norm = nn.LayerNorm(width, eps=1e-6)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(n_blocks))
        self.pooled = tuple(sorted(pooled)) if pooled is not None else (n_blocks - 1,)
        self.embedding_size = len(self.pooled) * width

    @property
    def longest_s(self) -> float | None:
        """As many patches as there are positions; a model for one length cuts to it."""
        return self.n_positions * PATCH / 100 if self.frames is None else None

    def spectrogram(self, pcm: torch.Tensor) -> torch.Tensor:
        """Normalised log-mel [batch, frames, 128], padded or cut to whole patches."""
        x = self.log_mel(pcm - pcm.mean(-1, keepdim=True))
        target = self.frames or -(-x.shape[1] // PATCH) * PATCH
        if target > self.n_positions * PATCH:
            raise PaceEdgeError(
                "The clip is too long for EAT", expected=f"up to {self.n_positions * PATCH / 100:g} s",
                got=f"{x.shape[1] / 100:g} s", do="Cut it into windows.",
            )  # fmt: skip
        return nn.functional.pad(x[:, :target], (0, 0, 0, max(0, target - x.shape[1])), value=_PADDING)

    def stem_from(self, mel: torch.Tensor) -> torch.Tensor:
        """[batch, 1 + tokens, width]: the class token, then 8 bands of every 160 ms, time by time."""
        x = self.patch(mel[:, None]).flatten(2).transpose(1, 2)
        x = x + self.positions[:, : x.shape[1]]
        return self.pre_norm(torch.cat([self.class_token.expand(x.shape[0], -1, -1), x], 1))

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0]


def sin_cos_positions(n_times: int, n_bands: int, width: int) -> torch.Tensor:
    """Fixed positions [n_times * n_bands, width], time-major.

    Of the width, a quarter each: sin and cos of the band times w, sin and cos of the time times w, with
    w = 10000^(-i / quarter) for i = 0, 1, ...
    """
    quarter = width // 4
    w = 10000.0 ** -(torch.arange(quarter, dtype=torch.float64) / quarter)
    time, band = (torch.arange(n, dtype=torch.float64)[:, None] * w for n in (n_times, n_bands))
    time, band = torch.cat([time.sin(), time.cos()], 1), torch.cat([band.sin(), band.cos()], 1)
    return torch.cat([band.repeat(n_times, 1), time.repeat_interleave(n_bands, 0)], 1).float()


_PUBLISHED_NAMES = {
    "class_token": "extra_tokens", "positions": "fixed_positional_encoder.positions", "patch.": "local_encoder.proj.",
    "attention.qkv": "attn.qkv", "attention.out": "attn.proj", "fc1": "mlp.fc1", "fc2": "mlp.fc2",
}  # fmt: skip
_CLASSIFIER = ("model.fc_norm.", "model.head.")  # of the fine-tuned checkpoints; an embedding does without
_HEAD_WIDTH = 64  # in every published size: base 768 = 12 x 64, large 1024 = 16 x 64


def published_name(name: str) -> str:
    """The name in a hub checkpoint of what our state dict calls `name`."""
    for ours, theirs in _PUBLISHED_NAMES.items():
        name = name.replace(ours, theirs)
    return f"model.{name}"


def from_safetensors(path: Path, *, frames: int | None = None, pooled: Sequence[int] | None = None) -> EAT:
    """The encoder in the hub's model.safetensors of EAT or SSLAM, any size, pretrained or fine-tuned.

    A weight that is missing, of another shape, or that we would leave out raises a PaceEdgeError that names it.
    """
    file = WeightsFile.read(path, "EAT")
    for name in list(file.tensors):
        if name.startswith(_CLASSIFIER):
            del file.tensors[name]
    positions = published_name("positions")
    width = file.shape(published_name("class_token"), (1, 1, None))[-1]
    n_positions = file.shape(positions, (1, None, width))[1] // N_BANDS
    n_blocks = file.count(published_name("blocks."))
    if not n_blocks or not n_positions or width % _HEAD_WIDTH:
        raise file.other(
            "the encoder", expected=f"blocks, and a width of whole heads of {_HEAD_WIDTH}",
            got=f"{n_blocks} blocks, {n_positions} positions in time, width {width}",
        )  # fmt: skip
    model = EAT(
        width=width, n_blocks=n_blocks, heads=width // _HEAD_WIDTH, n_positions=n_positions, frames=frames,
        pooled=pooled,
    )  # fmt: skip
    file.tensors[positions] = file.tensors[positions][:, : model.positions.shape[1]]
    file.fill(model, published_name)
    return model.eval()
