"""The starter without one fold: a model file whose classifier has not heard what it is tested with.

The graph up to the features is the starter's own, with a projection made of all folds, which knows no labels. As in
tools/make_starter.py, the threshold and read-out are rehearsed: fitted without one more fold, which is then heard.
Fewer words are taught than the starter was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.heard import Heard, heard_once, world_heard
from export.bake import bake
from pace_edge.adapt.data import Clip, read_manifest
from pace_edge.adapt.fit import Example
from pace_edge.adapt.starter import STARTER, noise_examples, sound_examples, starter_classifier, word_examples
from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.config import STARTER_MODEL
from pace_edge.model_file import open_model, read_model
from streams.listening.encoder import Encoder
from tools.make_starter import rehearse

WORDS = 10  # of each class and fold: 40 a class, as many as a starter class counts
NOISES = 80  # of each fold


def starter_without(fold: int, data: Path, cache: Path) -> Path:
    """The model file, made once and kept in `cache`."""
    file = open_model(STARTER_MODEL)
    output = cache / f"starter-without-{fold}-{file.sha256[:12]}.onnx"
    if output.exists():
        return output
    model = read_model(file)
    encoders = [Encoder(model, provider="cpu")]
    stored = cache / f"all-but-{fold}-{file.sha256[:12]}.npz"
    heard = heard_once(stored, encoders, _examples(data, without=fold))
    labels = [str(label) for label in heard.labels]

    world = model.projection(world_heard(cache, file.sha256, encoders))

    def fitted(chosen: Sequence[int]) -> tuple[RandomProjection, AnalyticClassifier]:
        phis = [model.projection(heard.windows[i]) for i in chosen]
        return model.projection, starter_classifier(phis, [labels[i] for i in chosen], world)

    threshold, read_out = rehearse(fitted, heard.windows, labels, _last_fold(heard))
    _, classifier = fitted(list(range(len(labels))))
    info = replace(
        model.info,
        threshold=threshold,
        read_out=replace(read_out, gains=STARTER.read_out_of(classifier).gains),
        gamma=classifier.gamma,
    )
    bake(file, info, classifier, output, name=output.stem, taught=0.0)
    return output


def _last_fold(heard: Heard) -> list[bool]:
    return [bool(fold == heard.folds.max()) for fold in heard.folds]


def _examples(data: Path, *, without: int) -> Iterable[tuple[Example, int]]:
    sounds, spoken = read_manifest(data / "esc10"), read_manifest(data / "speech_commands_v2_test12")
    for fold in sorted({clip.fold for clip in sounds} - {without}):
        words = some_of_each([clip for clip in spoken if clip.fold == fold], WORDS)
        examples = sound_examples([clip for clip in sounds if clip.fold == fold])
        for example in [*examples, *word_examples(words, seed=fold), *noise_examples(NOISES, seed=fold)]:
            yield example, fold


def some_of_each(clips: Sequence[Clip], most: int) -> list[Clip]:
    """The first `most` clips of each class."""
    seen: Counter[str] = Counter()
    chosen = []
    for clip in clips:
        seen[clip.label] += 1
        if seen[clip.label] <= most:
            chosen.append(clip)
    return chosen
