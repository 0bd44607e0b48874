"""The starter model: what it hears with, what it knows, and the numbers it was fitted with.

Frozen backbones side by side: Whisper tiny.en, which knows speech, YAMNet, which knows sounds, and a voice encoder,
which knows who speaks (`StarterEmbedder`); or the first two alone, to be adapted (`starter_backbone`).
`docs/starter.md` has the measurements behind each number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from pace_edge.adapt import voice, whisper, yamnet
from pace_edge.adapt.backbone import SideBySide
from pace_edge.adapt.data import Clip
from pace_edge.adapt.fit import Example, fit_features
from pace_edge.adapt.rooms import COLOURS, at_some_level, coloured_noise, in_a_room
from pace_edge.adapt.weights import VOICE, WHISPER_TINY_EN, YAMNET, fetch
from pace_edge.adapt.whitening import whitened_projection
from pace_edge.analytic import AnalyticClassifier, RandomProjection
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
VIEWS = (slice(0, 384 + 1024), slice(384 + 1024, None))  # columns of the embedding: sounds and words; who speaks
PLACES = 3  # rooms that each word is heard in


@dataclass(frozen=True)
class Recipe:
    """Lengths in seconds; `gamma_relative` in units of trace(G) / M. There are two views, of M features each: what
    Whisper and YAMNet hear, and the voice; where numbers are two, they are these two's."""

    rate_hz: int = 16000
    window_s: float = 2.0
    hop_s: float = 0.5
    yamnet_share: float = 0.1  # of the squared length of Whisper's last block and YAMNet together, which is 1
    speech_from: float = 0.1  # somebody speaks where a name of SPEECH has this probability or more
    speech_found: float = 0.98  # of those windows, the share in which the voice encoder runs
    speech_gamma: float = 0.1  # in units of the mean diagonal
    M: int = 1024
    projection_seed: int = 0
    whitening: float = 0.5  # 0: none, 1: every direction as long as every other
    shrinkage: float = 0.3
    gamma_relative: float = 0.5
    examples_per_class: float = 40.0
    power: float = 0.65
    own_share: float = 1 / 3
    leverage_weight: float = 0.1
    world_examples: tuple[float, float] = (200.0, 880.0)  # what all the world's sounds together count as
    gain: float = 1.3  # times each R's mean gain
    spreads: tuple[float, float] = (0.2, 0.39)
    restraint: float = 0.3
    keep: float = 0.97  # of the held-out windows that are called right, so many score the threshold or more

    def read_out(self, leverage_median: float | tuple[float, ...]) -> ReadOut:
        """As a model of one view has it."""
        return ReadOut(
            power=self.power, reference=self.examples_per_class, own_share=self.own_share,
            leverage_weight=self.leverage_weight, leverage_median=leverage_median,
        )  # fmt: skip

    def read_out_of(self, classifier: AnalyticClassifier) -> ReadOut:
        """The starter's, of its two views: views and bars are weighed for each class. Its `leverage_median` and `floor`
        are left to `export.calibrate.calibrated`."""
        gains = tuple(self.gain * view.mean_gain for view in classifier.views)
        return replace(self.read_out(1.0), gains=gains, spreads=self.spreads, restraint=self.restraint)

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
    """PCM [batch, samples] at 16 kHz to embeddings [batch, embedding_size], parts side by side: Whisper's last block
    and YAMNet, each with its share, and the voice, of length 1, or zeros in a window where nobody speaks.

    Who speaks is told from the first two by one linear unit that `learn_speech` fits to the names of YAMNet's head: it
    costs nothing. The voice is a part that a window need not pay for: `export/starter_graph.py` makes a branch of it.
    """

    rate_hz = 16000

    def __init__(
        self, words: whisper.WhisperEncoder, sounds: yamnet.PatchedYamNet, voices: voice.VoiceEncoder,
        recipe: Recipe = STARTER,
    ) -> None:  # fmt: skip
        """Until `learn_speech` nobody speaks. Raises ValueError where none of the head's names is one of SPEECH."""
        super().__init__()
        self.words, self.sounds, self.voices = words, sounds, voices
        self.yamnet_share = recipe.yamnet_share
        self.speech_columns = [i for i, name in enumerate(sounds.names) if name in SPEECH]
        if not self.speech_columns:
            raise ValueError("none of the head's names is speech")
        width = words.embedding_size + sounds.embedding_size
        self.speech = torch.nn.Linear(width, 1)
        torch.nn.init.zeros_(self.speech.weight)
        torch.nn.init.constant_(self.speech.bias, -1.0)
        self.embedding_size = width + voices.embedding_size

    def forward(self, pcm: torch.Tensor, *, with_voice: bool = True) -> torch.Tensor:
        """Embeddings [batch, embedding_size]; `with_voice` False: the last part is zeros everywhere."""
        heard, _ = self.always(pcm)
        part = pcm.new_zeros(len(pcm), self.voices.embedding_size)
        if with_voice and (speaks := self.speaks(heard)).any():
            part[speaks] = self.voices(pcm[speaks])
        return torch.cat([heard, part], 1)

    def always(self, pcm: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What every window costs: all of the embedding but the voice, [batch, the rest], and how surely each name of
        the head is heard, 0 to 1, [batch, names]."""
        patches = self.sounds.patches(pcm)
        sounds = self.yamnet_share**0.5 * self.sounds.embedding_of(patches)
        heard = torch.cat([(1 - self.yamnet_share) ** 0.5 * self.words(pcm), sounds], 1)
        return heard, self.sounds.names_of(patches)

    def speaks(self, heard: torch.Tensor) -> torch.Tensor:
        """Whether somebody speaks, bool [batch], from what `always` gives first."""
        return self.speech(heard)[:, 0] >= 0

    def learn_speech(self, heard: np.ndarray, spoken: np.ndarray, recipe: Recipe = STARTER) -> float:
        """Fit the unit that tells speech: ridge regression of what `always` gives first, [n, D], on whether the largest
        of the names SPEECH, `spoken` [n], is `recipe.speech_from` or more; both kinds of windows weigh the same, and
        `recipe.speech_found` of the speech lies above 0. Returns the share of the other windows that does too. Raises
        ValueError where no window has speech, or every one."""
        speech = spoken >= recipe.speech_from
        if speech.all() or not speech.any():
            raise ValueError("speech is told from what is none")
        z, y = heard.astype(np.float64), np.where(speech, 1.0, -1.0)
        w = np.where(speech, 0.5 / speech.sum(), 0.5 / (~speech).sum())
        centre = w @ z
        S = ((z - centre).T * w) @ (z - centre)
        S += recipe.speech_gamma * np.trace(S) / len(S) * np.eye(len(S))
        weight = np.linalg.solve(S, ((z - centre).T * w) @ y)
        scores = z @ weight
        from_score = np.quantile(scores[speech], 1 - recipe.speech_found)
        with torch.no_grad():
            self.speech.weight.copy_(torch.from_numpy(weight)[None])
            self.speech.bias.fill_(-float(from_score))
        return float((scores[~speech] >= from_score).mean())


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


def starter_projection(
    moment: np.ndarray, recipe: Recipe = STARTER, *, views: Sequence[slice] = VIEWS
) -> RandomProjection:
    """From `second_moment` of the embeddings that a starter is fitted on, and of no others: of each view's columns the
    projection that is made for them."""
    return RandomProjection.beside(
        [
            whitened_projection(
                moment[columns, columns], recipe.M, seed=recipe.projection_seed, power=recipe.whitening,
                shrinkage=recipe.shrinkage,
            )
            for columns in views
        ]
    )  # fmt: skip


def starter_classifier(
    phis: Sequence[np.ndarray], labels: Sequence[str], world: np.ndarray, recipe: Recipe = STARTER
) -> AnalyticClassifier:
    """The starter's classes, as ridge regression knows them from clips of features [windows, V M], beside the world's
    sounds [n, V M], which speak against every class and have no name: they are sums in G alone.

    The voice's view knows no class yet. The starter's words are of many people; their voices, and the world's, are what
    a taught voice is told from.
    """
    fitted = fit_features(
        phis, labels, gamma_relative=recipe.gamma_relative, examples_per_class=recipe.examples_per_class,
        views=len(VIEWS),
    )  # fmt: skip
    others = [part.T @ part for part in np.split(world, len(VIEWS), axis=1)]
    G = [
        view.G + weight / len(world) * of_world
        for view, weight, of_world in zip(fitted.views, recipe.world_examples, others, strict=True)
    ]
    Q, squares = fitted.Q.copy(), np.array(fitted.squares)
    Q[recipe.M :], squares[1:] = 0.0, 0.0
    return AnalyticClassifier(np.stack(G), Q, fitted.counts, fitted.labels, fitted.gamma, squares=squares)


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
