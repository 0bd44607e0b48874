"""Clips made by formula and a small transformer: enough to train and to learn on, in a second."""

from pathlib import Path

import numpy as np
import soundfile
import torch

from pace_edge.adapt.boundary import draw_masks
from pace_edge.adapt.data import Clip
from pace_edge.adapt.inputs import Inputs, Masks
from pace_edge.adapt.loading import batches
from pace_edge.adapt.machine import Machine
from pace_edge.adapt.settings import PaceSettings
from pace_edge.adapt.stage import Stage
from pace_edge.adapt.store import Budget
from pace_edge.adapt.whisper import WhisperEncoder
from tests.synthetic import RATE_HZ, tone

HZ = (250, 500, 900, 1500, 2300, 3300)
QUICK = {
    "epochs": 2,
    "batch": 8,
    "M": 64,
    "views": 4,
    "views_in_loss": 2,
    "rate": 0.01,
    "adapt_from": 0.0,
    "last_adapted_session": None,
}


def settings(**changes) -> PaceSettings:
    return PaceSettings(**{**QUICK, **changes})


def small_encoder(*, n_blocks=3, pooled=None) -> WhisperEncoder:
    torch.manual_seed(0)
    encoder = WhisperEncoder(width=24, n_blocks=n_blocks, heads=2, n_positions=50, pooled=pooled)
    torch.nn.init.normal_(encoder.positions, std=0.1)
    return encoder.eval().requires_grad_(False)


ROOMY, DISK, NOTHING = (1 << 30, 0), (0, 1 << 30), (0, 0)  # bytes in memory and on disk


def inputs_of(encoder, clips, *, first=0, views=0, room=ROOMY, batch=8, max_masked=0.2, **machine) -> Inputs:
    masks = Masks(draw_masks(len(clips), views, generator=torch.Generator().manual_seed(0)), max_masked)
    return Inputs(
        encoder, clips, Machine(**machine), first=first, seconds=0.5, batch=batch, budget=Budget(*room),
        masks=masks if views else None,
    )  # fmt: skip


def load_pcm(clips, *, seconds=0.5) -> torch.Tensor:
    """All clips at once: [clips, samples]."""
    (pcm,) = batches(clips, [torch.arange(len(clips))], rate_hz=RATE_HZ, seconds=seconds)
    return pcm


def stage_of(inputs: Inputs, s: PaceSettings, **changes) -> Stage:
    labels = sorted({clip.label for clip in inputs.clips})
    y = torch.tensor([labels.index(clip.label) for clip in inputs.clips])
    return Stage("stage", inputs, y, s, **changes)


def write_clips(folder: Path, *, classes=4, per_class=6) -> list[Clip]:
    """Tones of half a second, a class for each pitch, in three folds, with the manifest beside them."""
    rng, clips = np.random.default_rng(0), []
    for c in range(classes):
        for i in range(per_class):
            path = folder / f"{c}-{i}.wav"
            soundfile.write(path, tone(HZ[c], 0.5, rng=rng), RATE_HZ)
            clips.append(Clip(path, f"tone{c}", i % 3 + 1, str(i)))
    rows = [f"{clip.path.name},{clip.label},{clip.fold},{clip.group}" for clip in clips]
    (folder / "labels.csv").write_text("\n".join(["path,label,fold,group", *rows]) + "\n")
    return clips
