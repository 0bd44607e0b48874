"""The log-mel front end: one torch module for training and, exported, for the model file. (GE2E takes no logarithm.)

Everything before the power spectrum (offset removal, pre-emphasis, window, discrete Fourier transform) is linear in
the samples of a frame, so one fixed convolution does it. Its kernel is composed in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn


@dataclass(frozen=True, kw_only=True)
class LogMelConfig:
    """What defines a log-mel spectrogram. Lengths in samples at `rate_hz`, frequencies in Hz."""

    rate_hz: int = 16000
    frame: int = 400
    hop: int = 160
    n_fft: int = 512
    window: Literal["hann", "hann_periodic", "povey"] = "hann"
    remove_offset: bool = False  # subtract each frame's mean
    pre_emphasis: float = 0.0
    centred: bool = False  # frame t is centred on sample t * hop, the ends padded, the last frame left out
    padding: Literal["reflect", "constant"] = "reflect"  # of the ends: the sound mirrored, or zeros
    magnitude: bool = False  # |X| instead of |X|^2
    n_mels: int = 128
    low_hz: float = 20.0
    high_hz: float = 8000.0
    mel: Literal["htk", "slaney"] = "htk"  # htk: triangles in mel, as Kaldi and TensorFlow; slaney: in Hz, equal area
    logarithm: Literal["e", "10", "none"] = "e"  # none: the mel energies themselves, and all below does not apply
    floor: float = 0.0  # smallest mel energy before the logarithm
    offset: float = 0.0  # added to the mel energy before the logarithm
    range_below_peak: float | None = None  # clip to this far below the clip's peak, in log units
    mean: float = 0.0  # the result is (log_mel - mean) / scale
    scale: float = 1.0


KALDI_128 = LogMelConfig(remove_offset=True, pre_emphasis=0.97, floor=float(np.finfo(np.float32).eps))
"""torchaudio.compliance.kaldi.fbank(window_type="hanning", num_mel_bins=128, dither=0, use_energy=False)."""

WHISPER_80 = LogMelConfig(
    n_fft=400, window="hann_periodic", centred=True, n_mels=80, low_hz=0.0, mel="slaney", logarithm="10", floor=1e-10,
    range_below_peak=8.0, mean=-4.0, scale=4.0,
)  # fmt: skip
"""Whisper (Radford et al. 2022): floor at the peak less 8, then (x + 4) / 4."""

YAMNET_64 = LogMelConfig(
    window="hann_periodic", magnitude=True, n_mels=64, low_hz=125.0, high_hz=7500.0, offset=1e-3
)  # fmt: skip
"""YAMNet: 64 bands of the magnitude spectrum, ln(mel + 0.001)."""


GE2E_40 = LogMelConfig(
    n_fft=400, window="hann_periodic", centred=True, padding="constant", n_mels=40, low_hz=0.0, mel="slaney",
    logarithm="none",
)  # fmt: skip
"""librosa.feature.melspectrogram(sr=16000, n_fft=400, hop_length=160, n_mels=40): energies, without a logarithm."""


class LogMel(nn.Module):
    """PCM [batch, samples] to log-mel [batch, frames, n_mels]; samples must be at least one frame."""

    def __init__(self, config: LogMelConfig) -> None:
        super().__init__()
        self.config = config
        spectrum, banks = _fourier_kernel(config), mel_filters(config)
        used = np.flatnonzero(banks.any(axis=0))  # bins that no filter reads need no kernel
        self.n_bins = len(used)
        kernel = np.concatenate([spectrum.real[used], spectrum.imag[used]])[:, None, None, :]
        self.register_buffer("kernel", torch.from_numpy(kernel.astype(np.float32)), persistent=False)
        self.register_buffer("banks", torch.from_numpy(banks[:, used].T.astype(np.float32).copy()), persistent=False)
        self.kernel: torch.Tensor
        self.banks: torch.Tensor

    def forward(self, pcm: torch.Tensor) -> torch.Tensor:
        c = self.config
        x = pcm[:, None, :]
        if c.centred:
            x = nn.functional.pad(x, (c.n_fft // 2, c.n_fft // 2), mode=c.padding)[
                :, :, : x.shape[-1] + c.n_fft - c.hop
            ]
        parts = nn.functional.conv2d(x[:, :, None, :], self.kernel, stride=(1, c.hop)).squeeze(2).square()
        power = parts[:, : self.n_bins] + parts[:, self.n_bins :]
        energy = (power.sqrt() if c.magnitude else power).transpose(1, 2) @ self.banks
        if c.logarithm == "none":
            return energy
        energy = energy.clamp_min(c.floor) if c.floor else energy + c.offset
        log_mel = energy.log10() if c.logarithm == "10" else energy.log()
        if c.range_below_peak is not None:
            log_mel = torch.maximum(log_mel, log_mel.amax(dim=(1, 2), keepdim=True) - c.range_below_peak)
        return (log_mel - c.mean) / c.scale


def _fourier_kernel(c: LogMelConfig) -> np.ndarray:
    """Complex [n_fft / 2 + 1, frame]: the transform of a frame, with all that comes before it."""
    n = np.arange(c.frame)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / (c.frame if c.window == "hann_periodic" else c.frame - 1))
    before = np.diag(hann**0.85 if c.window == "povey" else hann)
    if c.pre_emphasis:
        shift = np.eye(c.frame, k=-1)
        shift[0, 0] = 1.0  # Kaldi repeats the first sample
        before = before @ (np.eye(c.frame) - c.pre_emphasis * shift)
    if c.remove_offset:
        before = before @ (np.eye(c.frame) - 1.0 / c.frame)
    return np.exp(-2j * np.pi * np.outer(np.arange(c.n_fft // 2 + 1), n) / c.n_fft) @ before


def mel_filters(c: LogMelConfig) -> np.ndarray:
    """Triangular mel filters, float64 [n_mels, n_fft / 2 + 1]."""
    bins_hz = np.arange(c.n_fft // 2 + 1) * c.rate_hz / c.n_fft
    to_mel = _slaney_mel if c.mel == "slaney" else _htk_mel
    low, high = to_mel(np.array([c.low_hz, c.high_hz]))
    edges = np.linspace(low, high, c.n_mels + 2)
    if c.mel == "slaney":
        edges, position = _slaney_hz(edges), bins_hz
    else:
        position = to_mel(bins_hz)
    rise = (position - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - position) / (edges[2:] - edges[1:-1])[:, None]
    banks = np.maximum(0.0, np.minimum(rise, fall))
    if c.mel == "slaney":
        banks *= 2.0 / (edges[2:] - edges[:-2])[:, None]
    return banks


def _htk_mel(hz: np.ndarray) -> np.ndarray:
    return 1127.0 * np.log1p(hz / 700.0)


# Slaney's Auditory Toolbox: linear below 1 kHz (3 mel per 200 Hz), logarithmic above (27 mel per factor of 6.4).
_KNEE_HZ, _KNEE_MEL, _LOG_STEP = 1000.0, 15.0, np.log(6.4) / 27.0


def _slaney_mel(hz: np.ndarray) -> np.ndarray:
    return np.where(hz < _KNEE_HZ, hz * 0.015, _KNEE_MEL + np.log(np.maximum(hz, 1.0) / _KNEE_HZ) / _LOG_STEP)


def _slaney_hz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < _KNEE_MEL, mel / 0.015, _KNEE_HZ * np.exp((mel - _KNEE_MEL) * _LOG_STEP))
