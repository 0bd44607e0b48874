"""The starter model: what it hears with, what it knows, and the numbers it was fitted with.

Two frozen backbones side by side: the last block of Whisper tiny.en, which knows speech, and YAMNet, which knows
sounds. `docs/starter.md` has the measurements behind each number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pace_edge.adapt import whisper, yamnet
from pace_edge.adapt.backbone import SideBySide
from pace_edge.adapt.data import Clip
from pace_edge.adapt.fit import Example
from pace_edge.adapt.rooms import COLOURS, at_some_level, coloured_noise, in_a_room
from pace_edge.adapt.weights import WHISPER_TINY_EN, YAMNET, fetch
from pace_edge.adapt.whitening import whitened_projection
from pace_edge.analytic import RandomProjection
from pace_edge.audio import read_audio
from pace_edge.clips import clip_windows, loud_enough, window_levels_dbfs
from pace_edge.readout import ReadOut

BACKGROUND = "background"
PLACES = 3  # rooms that each word is heard in


@dataclass(frozen=True)
class Recipe:
    """Lengths in seconds; `gamma_relative` in units of trace(G) / M."""

    rate_hz: int = 16000
    window_s: float = 2.0
    hop_s: float = 0.5
    yamnet_share: float = 0.1  # of the embedding's squared length
    M: int = 1024
    projection_seed: int = 0
    whitening: float = 0.5  # 0: none, 1: every direction as long as every other
    shrinkage: float = 0.3
    gamma_relative: float = 0.5
    examples_per_class: float = 40.0
    power: float = 0.65
    own_share: float = 1 / 3
    leverage_weight: float = 0.1

    def read_out(self, leverage_median: float) -> ReadOut:
        return ReadOut(
            power=self.power, reference=self.examples_per_class, own_share=self.own_share,
            leverage_weight=self.leverage_weight, leverage_median=leverage_median,
        )  # fmt: skip

    @property
    def window_samples(self) -> int:
        return round(self.window_s * self.rate_hz)

    @property
    def hop_samples(self) -> int:
        return round(self.hop_s * self.rate_hz)


STARTER = Recipe()


def starter_backbone(recipe: Recipe = STARTER, weights_folder: Path | None = None) -> SideBySide:
    """Whisper tiny.en and YAMNet with their published weights, for windows up to the recipe's length.

    The speech part's blocks are the ones that can be adapted.
    """
    speech = whisper.from_file(fetch(WHISPER_TINY_EN, weights_folder))
    tokens = round(recipe.window_s * whisper.TOKENS_PER_S)
    speech.positions = torch.nn.Parameter(speech.positions[:tokens].detach().clone())  # the rest is never read
    sounds = yamnet.from_tflite(fetch(YAMNET, weights_folder))
    both = SideBySide([speech, sounds], [1 - recipe.yamnet_share, recipe.yamnet_share])
    return both.eval().requires_grad_(False)


def starter_projection(moment: np.ndarray, recipe: Recipe = STARTER) -> RandomProjection:
    """From `second_moment` of the embeddings that a starter is fitted on, and of no others."""
    return whitened_projection(
        moment, recipe.M, seed=recipe.projection_seed, power=recipe.whitening, shrinkage=recipe.shrinkage
    )


def sound_examples(clips: Sequence[Clip], recipe: Recipe = STARTER) -> list[Example]:
    """Recordings of a sound, cut as the device cuts a clip that it is taught."""
    examples = []
    for clip in clips:
        windows = clip_windows(read_audio(clip.path, recipe.rate_hz), recipe.window_samples, recipe.hop_samples)
        examples.append(Example(clip.label, windows[loud_enough(window_levels_dbfs(windows))]))
    return examples


def word_examples(clips: Sequence[Clip], recipe: Recipe = STARTER, *, seed: int = 0) -> list[Example]:
    """Speech Commands: each word in PLACES rooms; `unknown` words are the class speech, `silence` is background."""
    rng, n = np.random.default_rng(seed), recipe.window_samples
    pcm = [read_audio(clip.path, recipe.rate_hz) for clip in clips]
    rooms = [samples for samples, clip in zip(pcm, clips, strict=True) if clip.label == "silence"]
    examples = []
    for samples, clip in zip(pcm, clips, strict=True):
        if clip.label == "silence":
            bed = np.concatenate([samples, *[rooms[rng.integers(len(rooms))] for _ in range(n // len(samples) + 1)]])
            windows = [at_some_level(bed[:n], -20, 5, rng=rng) for _ in range(PLACES)]
        else:
            windows = [in_a_room(samples, n, rooms, rng=rng) for _ in range(PLACES)]
        label = {"silence": BACKGROUND, "unknown": "speech"}.get(clip.label, clip.label)
        examples.append(Example(label, np.stack(windows)))
    return examples


def noise_examples(count: int, recipe: Recipe = STARTER, *, seed: int = 0) -> list[Example]:
    """Background that nobody has to record: coloured noise from -20 down to -130 dBFS."""
    rng, examples = np.random.default_rng(seed), []
    for i in range(count):
        quiet = i % 8 == 0  # a microphone that is switched off
        noise = coloured_noise(recipe.window_samples, COLOURS[i % len(COLOURS)], rng=rng)
        level_db = rng.uniform(-130, -100) if quiet else rng.uniform(-90, -20)
        examples.append(Example(BACKGROUND, at_some_level(noise, level_db, level_db, rng=rng)[None]))
    return examples
