"""Clips as the starter's model file hears them: the embeddings of their windows, computed once and kept in a folder."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pace_edge.adapt.data import Clip, read_manifest
from pace_edge.adapt.fit import Example
from pace_edge.adapt.starter import noise_examples, sound_examples, word_examples
from pace_edge.analytic import RandomProjection
from streams.listening.encoder import Encoder
from tools.make_starter import WORLD, world_examples

WHISPER, YAMNET = slice(0, 384), slice(384, 1408)  # columns of the embedding; the voice is behind them
PIECE = 200  # clips whose windows are in memory at once
UNKNOWN_CLIPS = 50  # of each class of UrbanSound8K


@dataclass(frozen=True)
class Heard:
    """`labels` and `folds` [clips]; `windows`: each clip's embeddings (or features), float [windows, width]."""

    labels: np.ndarray
    folds: np.ndarray
    windows: list[np.ndarray]

    @property
    def means(self) -> np.ndarray:
        """[clips, width]"""
        return np.array([w.mean(0) for w in self.windows])

    def part(self, columns: slice) -> Heard:
        """One backbone's columns, each window's of length 1 again."""
        parts = [w[:, columns] for w in self.windows]
        return Heard(self.labels, self.folds, [p / np.linalg.norm(p, axis=1, keepdims=True) for p in parts])

    def projected(self, projection: RandomProjection) -> Heard:
        ends = np.cumsum([len(w) for w in self.windows])[:-1]
        return Heard(self.labels, self.folds, np.split(projection(np.concatenate(self.windows)), ends))


@dataclass(frozen=True)
class Material:
    """What the tables are made of. `product` is what tools/make_starter.py fits; `unknown` is for measuring only."""

    sounds: Heard  # ESC-10
    words: Heard  # Speech Commands 12, bare
    product: Heard  # 22 classes: sounds, words in rooms, speech, background
    unknown: Heard  # UrbanSound8K without its dogs
    world: np.ndarray  # what the starter hears as none of its classes, embeddings [n, D]


def listen(data: Path, model_sha256: str, encoders: list[Encoder], cache: Path) -> Material:
    """All embeddings. `encoders` work side by side."""
    sounds, spoken = read_manifest(data / "esc10"), read_manifest(data / "speech_commands_v2_test12")
    folds = sorted({clip.fold for clip in sounds + spoken})

    def by_fold(clips: list[Clip], make: Callable[[list[Clip], int], list[Example]]) -> Iterable[tuple[Example, int]]:
        for fold in folds:
            here = [clip for clip in clips if clip.fold == fold]
            for example in make(here, fold):
                yield example, fold

    def bare(clips: list[Clip]) -> Iterable[tuple[Example, int]]:
        for clip in clips:
            yield sound_examples([clip])[0], clip.fold

    def rooms_and_noise() -> Iterable[tuple[Example, int]]:
        yield from by_fold(spoken, lambda clips, fold: word_examples(clips, seed=fold))
        yield from by_fold([], lambda _, fold: noise_examples(80, seed=fold))

    def heard(name: str, examples: Iterable[tuple[Example, int]]) -> Heard:
        return heard_once(cache / f"{name}-{model_sha256[:12]}.npz", encoders, examples)

    esc = heard("sounds", bare(sounds))
    rest = heard("rooms", rooms_and_noise())
    product = Heard(
        np.concatenate([esc.labels, rest.labels]), np.concatenate([esc.folds, rest.folds]), esc.windows + rest.windows
    )
    return Material(
        esc, heard("words", bare(spoken)), product, heard("unknown", bare(_strange(data))),
        world_heard(cache, model_sha256, encoders),
    )  # fmt: skip


def world_heard(cache: Path, model_sha256: str, encoders: list[Encoder]) -> np.ndarray:
    """The world's sounds as tools/make_starter.py takes them, embeddings [n, D]."""
    file = cache / f"world-{model_sha256[:12]}.npz"
    heard = heard_once(file, encoders, ((example, 0) for example in world_examples()))
    return np.concatenate([z for z, label in zip(heard.windows, heard.labels, strict=True) if label == WORLD])


def heard_once(file: Path, encoders: list[Encoder], examples: Iterable[tuple[Example, int]]) -> Heard:
    """What `file` holds of (example, fold), and if there is no such file, first listen and write it."""
    if not file.exists():
        print(f"listening to {file.stem} ...", file=sys.stderr, flush=True)
        _save(file, _embed(encoders, examples))
    return _load(file)


def _strange(data: Path) -> list[Clip]:
    """UNKNOWN_CLIPS of each class that is no starter class, chosen by a hash of their names."""
    clips = read_manifest(data / "urbansound8k_part")
    clips.sort(key=lambda clip: hashlib.sha256(clip.path.name.encode()).digest())
    return [
        clip
        for label in sorted({clip.label for clip in clips} - {"dog_bark"})
        for clip in [clip for clip in clips if clip.label == label][:UNKNOWN_CLIPS]
    ]


def _embed(encoders: list[Encoder], examples: Iterable[tuple[Example, int]]) -> Heard:
    labels, folds, windows = [], [], []
    piece: list[np.ndarray] = []

    def flush() -> None:
        pcm = np.array_split(np.concatenate(piece), len(encoders))
        with ThreadPoolExecutor(len(encoders)) as pool:
            z = np.concatenate(list(pool.map(lambda encoder, windows: encoder(windows), encoders, pcm)))
        windows.extend(np.split(z, np.cumsum([len(w) for w in piece])[:-1]))
        piece.clear()

    for example, fold in examples:
        labels.append(example.label)
        folds.append(fold)
        piece.append(example.windows)
        if len(piece) == PIECE:
            flush()
    if piece:
        flush()
    return Heard(np.array(labels), np.array(folds), windows)


def _save(file: Path, heard: Heard) -> None:
    counts = np.array([len(w) for w in heard.windows])
    np.savez(file, labels=heard.labels, folds=heard.folds, counts=counts, z=np.concatenate(heard.windows))


def _load(file: Path) -> Heard:
    with np.load(file) as stored:
        return Heard(stored["labels"], stored["folds"], np.split(stored["z"], np.cumsum(stored["counts"])[:-1]))
