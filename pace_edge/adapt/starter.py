"""The starter model: what it hears with, what it knows, and the numbers it was fitted with.

Frozen backbones side by side: Whisper tiny.en, which knows speech, YAMNet, which knows sounds, and a voice encoder,
which knows who speaks (`StarterEmbedder`); or the first two alone, to be adapted (`starter_backbone`).
`docs/starter.md` has the measurements behind each number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pace_edge.adapt import voice, whisper, yamnet
from pace_edge.adapt.backbone import SideBySide, unit_norm
from pace_edge.adapt.data import Clip
from pace_edge.adapt.fit import Example
from pace_edge.adapt.rooms import COLOURS, at_some_level, coloured_noise, in_a_room
from pace_edge.adapt.weights import VOICE, WHISPER_TINY_EN, YAMNET, fetch
from pace_edge.adapt.whitening import whitened_projection
from pace_edge.analytic import RandomProjection
from pace_edge.audio import read_audio
from pace_edge.clips import clip_windows, loud_enough, window_levels_dbfs
from pace_edge.readout import ReadOut

BACKGROUND = "background"
SPEECH = (
    "Speech", "Child speech, kid speaking", "Conversation", "Narration, monologue", "Babbling", "Shout", "Yell",
    "Children shouting", "Screaming", "Whispering", "Laughter", "Singing", "Chant", "Child singing", "Rapping",
    "Humming",
)  # fmt: skip
"""AudioSet's names of sounds by which a voice may be known."""
PLACES = 3  # rooms that each word is heard in


@dataclass(frozen=True)
class Recipe:
    """Lengths in seconds; `gamma_relative` in units of trace(G) / M."""

    rate_hz: int = 16000
    window_s: float = 2.0
    hop_s: float = 0.5
    yamnet_share: float = 0.1  # of the squared length of Whisper's last block and YAMNet together, which is 1
    early_block_share: float = 0.085  # each of Whisper's other blocks: squared length beside that 1
    voice_share: float = 0.15  # the same
    speech_from: float = 0.1  # the voice encoder runs where a name of SPEECH has this probability or more
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
    sounds = yamnet.from_tflite(fetch(YAMNET, weights_folder))
    both = SideBySide([_speech(recipe, weights_folder), sounds], [1 - recipe.yamnet_share, recipe.yamnet_share])
    return both.eval().requires_grad_(False)


class StarterEmbedder(torch.nn.Module):
    """PCM [batch, samples] at 16 kHz to embeddings [batch, embedding_size]: parts side by side, each with its share.

    Whisper's last block, YAMNet, Whisper's other blocks from the first on; then the voice, which is zeros in a window
    where nobody speaks, as the names of YAMNet's head say.
    """

    rate_hz = 16000

    def __init__(
        self, speech: whisper.WhisperEncoder, sounds: yamnet.PatchedYamNet, voices: voice.VoiceEncoder,
        recipe: Recipe = STARTER,
    ) -> None:  # fmt: skip
        """Raises ValueError where none of the names of `sounds` is one of SPEECH."""
        super().__init__()
        self.speech, self.sounds, self.voices, self.recipe = speech, sounds, voices, recipe
        self.speech_columns = [i for i, name in enumerate(sounds.names) if name in SPEECH]
        if not self.speech_columns:
            raise ValueError("none of the head's names is speech")
        width = speech.positions.shape[1]
        self.embedding_size = len(speech.blocks) * width + sounds.embedding_size + voices.embedding_size

    def forward(self, pcm: torch.Tensor, *, with_voice: bool = True) -> torch.Tensor:
        """Embeddings [batch, embedding_size]; `with_voice` False: the last part is zeros everywhere."""
        others, _, speaks = self.always(pcm)
        part = others.new_zeros(len(pcm), self.voices.embedding_size)
        if with_voice and speaks.any():
            part[speaks] = self.voice_part(pcm[speaks])
        return torch.cat([others, part], 1)

    def always(self, pcm: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What every window costs: all parts but the voice [batch, the rest], the names' probabilities [batch, names],
        and whether somebody speaks, bool [batch]."""
        x, blocks = self.speech.stem(pcm), []
        for block in self.speech.blocks:
            x = block(x)
            blocks.append(unit_norm(self.speech.pool(x)))
        *early, last = blocks
        r, patches = self.recipe, self.sounds.patches(pcm)
        parts = [(1 - r.yamnet_share) ** 0.5 * last, r.yamnet_share**0.5 * self.sounds.embedding_of(patches)]
        parts += [r.early_block_share**0.5 * block for block in early]
        names = self.sounds.names_of(patches)
        speaks = torch.stack([names[:, i] for i in self.speech_columns]).amax(0) >= r.speech_from
        return torch.cat(parts, 1), names, speaks

    def voice_part(self, pcm: torch.Tensor) -> torch.Tensor:
        """[batch, the voice's width], for windows in which somebody speaks."""
        return self.recipe.voice_share**0.5 * self.voices(pcm)


def starter_embedder(recipe: Recipe = STARTER, weights_folder: Path | None = None) -> StarterEmbedder:
    """The starter's embedder with its published weights."""
    sounds = yamnet.patched_from_tflite(fetch(YAMNET, weights_folder))
    voices = voice.from_resemblyzer(fetch(VOICE, weights_folder))
    return StarterEmbedder(_speech(recipe, weights_folder), sounds, voices, recipe).eval().requires_grad_(False)


def _speech(recipe: Recipe, weights_folder: Path | None) -> whisper.WhisperEncoder:
    speech = whisper.from_file(fetch(WHISPER_TINY_EN, weights_folder))
    tokens = round(recipe.window_s * whisper.TOKENS_PER_S)
    speech.positions = torch.nn.Parameter(speech.positions[:tokens].detach().clone())  # the rest is never read
    return speech


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
