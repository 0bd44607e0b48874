"""The pretrained backbones, by the name a person gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from pace_edge.adapt import eat, hub, whisper, yamnet
from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.weights import WHISPER_TINY_EN, YAMNET, fetch
from pace_edge.errors import UsageError


def _whisper_tiny_en(folder: Path | None) -> Backbone:
    checkpoint = torch.load(fetch(WHISPER_TINY_EN, folder), map_location="cpu", weights_only=True)
    return whisper.from_openai(checkpoint, pooled=range(checkpoint["dims"]["n_audio_layer"]))


BACKBONES: dict[str, Callable[[Path | None], Backbone]] = {
    "whisper-tiny.en": _whisper_tiny_en,  # every block's token mean, side by side
    "yamnet": lambda folder: yamnet.from_tflite(fetch(YAMNET, folder)),
    "eat": lambda folder: eat.from_safetensors(hub.fetch(hub.EAT_BASE, folder)),
    "sslam": lambda folder: eat.from_safetensors(hub.fetch(hub.SSLAM_BASE, folder)),
}


def open_backbone(name: str, weights_folder: Path | None = None) -> Backbone:
    """The backbone with its published weights, fetched if they are not here. Raises PaceEdgeError."""
    if name not in BACKBONES:
        raise UsageError(f"there is no backbone '{name}'", expected="one of " + ", ".join(BACKBONES))
    return BACKBONES[name](weights_folder)
