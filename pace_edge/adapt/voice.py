"""The voice encoder GE2E (Wan et al. 2018, arXiv 1710.10467): who speaks, whatever is said.

Three LSTMs over the mel energies of a window; the last state of the last one, through a linear layer, is the voice.
Weights of Resemblyzer 0.1.4 (Apache-2.0).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from pace_edge.adapt.frontend import GE2E_40, LogMel
from pace_edge.adapt.weights_file import WeightsFile

LEVEL_DBFS = -30.0
QUIETEST = 1e-5  # -100 dBFS: what is below is silence, and is not made louder without end


class VoiceEncoder(nn.Module):
    """PCM [batch, samples] at 16 kHz to a voice [batch, embedding_size] of length 1, no entry below 0.

    A quiet window is raised to the level that the network was trained on; the mel energies have no logarithm, so that a
    voice would else change with its distance. A loud one stays as it is, as with Resemblyzer, which does this once for
    each recording: lowered too, a voice of TIMIT was told from 15 others by 84 % of its windows in place of 89.
    """

    rate_hz = 16000

    def __init__(self, width: int = 256, *, layers: int = 3, embedding_size: int = 256) -> None:
        super().__init__()
        self.mel = LogMel(GE2E_40)
        self.lstm = nn.LSTM(GE2E_40.n_mels, width, layers, batch_first=True)
        self.linear = nn.Linear(width, embedding_size)
        self.embedding_size = embedding_size

    def forward(self, pcm: torch.Tensor) -> torch.Tensor:
        return self.from_mel(self.mel(at_the_level(pcm)))

    def from_mel(self, mel: torch.Tensor) -> torch.Tensor:
        """Mel energies [batch, frames, 40] to a voice."""
        _, (last, _) = self.lstm(mel)
        return nn.functional.normalize(nn.functional.relu(self.linear(last[-1])), dim=1)


def at_the_level(pcm: torch.Tensor) -> torch.Tensor:
    """Each window's root mean square at LEVEL_DBFS or above."""
    rms = pcm.square().mean(1, keepdim=True).sqrt().clamp_min(QUIETEST)
    return pcm * (10 ** (LEVEL_DBFS / 20) / rms).clamp_min(1.0)


def from_resemblyzer(path: Path) -> VoiceEncoder:
    """The encoder in Resemblyzer's `pretrained.pt`. Another file raises a PaceEdgeError."""
    file = WeightsFile.read(path, "GE2E")
    for name in ("similarity_weight", "similarity_bias"):  # of the loss that it was trained with
        file.tensors.pop(name, None)
    encoder = VoiceEncoder()
    file.fill(encoder, lambda name: name)
    return encoder.eval()
