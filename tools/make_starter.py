"""Make the starter model: `make starter DATA=FOLDER`, or python -m tools.make_starter --data FOLDER

FOLDER holds `esc10` and `speech_commands_v2_test12`, each with a labels.csv (path, label, fold, group) and its audio.
The backbones' weights are fetched from the package index. About 10 minutes on two cores.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from export.calibrate import KEEP, calibrated
from export.compact import round_to_int8
from export.onnx_file import build_model
from pace_edge.adapt.backbone import backbone_sha256
from pace_edge.adapt.data import read_manifest
from pace_edge.adapt.fit import Example, embed, fit
from pace_edge.adapt.starter import (
    BACKGROUND,
    STARTER,
    noise_examples,
    sound_examples,
    starter_backbone,
    starter_projection,
    word_examples,
)
from pace_edge.adapt.weights import WHISPER_TINY_EN, YAMNET
from pace_edge.adapt.whitening import second_moment
from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.config import STARTER_MODEL
from pace_edge.errors import PaceEdgeError
from pace_edge.files import write_whole
from pace_edge.model_file import ModelInfo
from pace_edge.readout import ReadOut

HELD_OUT_FOLD = 5
Fitted = tuple[RandomProjection, AnalyticClassifier]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=STARTER_MODEL)
    words = parser.parse_args()
    try:
        make(words.data, words.output)
    except PaceEdgeError as error:
        sys.exit(f"make_starter: {error}")


def make(data: Path, output: Path) -> None:
    backbone = starter_backbone()
    round_to_int8(backbone)
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
    print(f"embedding {sum(len(e.windows) for e in examples)} windows of {len(examples)} examples ...", flush=True)
    embeddings, labels = embed(backbone, examples), [example.label for example in examples]

    def fitted(chosen: list[int]) -> Fitted:
        z, names = [embeddings[i] for i in chosen], [labels[i] for i in chosen]
        projection = starter_projection(second_moment(z, names))
        return projection, fit(
            z, names, projection, gamma_relative=STARTER.gamma_relative, examples_per_class=STARTER.examples_per_class
        )

    threshold, read_out = rehearse(fitted, embeddings, labels, held_out)
    print(f"held-out fold {HELD_OUT_FOLD}: {KEEP:.0%} of the windows called right score {threshold} or more")
    projection, classifier = fitted(list(range(len(examples))))
    info = ModelInfo(
        name="pace-starter", labels=tuple(classifier.labels), counts=tuple(classifier.counts.round(6).tolist()),
        background=BACKGROUND, rate_hz=STARTER.rate_hz, window_samples=STARTER.window_samples,
        hop_samples=STARTER.hop_samples, gamma=classifier.gamma, read_out=read_out, threshold=threshold,
        projection_seed=STARTER.projection_seed, backbone="whisper-tiny.en block 4 + yamnet",
        backbone_sha256=backbone_sha256(backbone),
        licence=f"{WHISPER_TINY_EN.credit}; {YAMNET.credit}; classes from ESC-10 (CC BY 3.0) and Speech Commands v2 "
        "(CC BY 4.0)",
    )  # fmt: skip
    write_whole(output, build_model(backbone, projection, classifier, info).SerializeToString(deterministic=True))
    print(f"wrote {output}, {output.stat().st_size / 1e6:.1f} MB")


def rehearse(
    fitted: Callable[[list[int]], Fitted], embeddings: list[np.ndarray], labels: list[str], held_out: list[bool]
) -> tuple[float, ReadOut]:
    """Fit without the held-out fold, then hear it: the announcing threshold, and the read-out with its median."""
    projection, classifier = fitted([i for i, is_test in enumerate(held_out) if not is_test])
    known = [i for i, is_test in enumerate(held_out) if is_test and labels[i] != BACKGROUND]
    windows = [(phi, labels[i]) for i in known for phi in projection(embeddings[i])]
    phi = np.array([phi for phi, _ in windows])
    return calibrated(classifier, phi, [label for _, label in windows], STARTER.read_out(leverage_median=1.0))


if __name__ == "__main__":
    main()
