"""A checkpoint of `pace-edge adapt` becomes a model file that proves itself, and an int8 one if that is worth having.

All is measured before anything is written; a file is written whole, and only if it keeps the limits of parity.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from export.calibrate import UNMEASURED_THRESHOLD, checkpoint_read_out
from export.draft import Draft, fitted_through, windows
from export.half import in_half
from export.onnx_file import export_embedder
from export.parity import (
    Heard,
    Variant,
    by_onnx,
    check_float32,
    compare,
    fp16_in_words,
    hear_all,
    int8_in_words,
    session,
)
from export.provenance import clips_facts, credit, package_versions
from export.quantise import backbone_products, quantised
from export.write import check_labels, check_size, check_target, write_model
from pace_edge.adapt.backbone import Backbone, backbone_sha256
from pace_edge.adapt.checkpoint import Checkpoint
from pace_edge.adapt.data import Clip
from pace_edge.adapt.lora import merge
from pace_edge.adapt.sessions import Session
from pace_edge.analytic import RandomProjection
from pace_edge.errors import PaceEdgeError
from pace_edge.model_file import ModelInfo
from pace_edge.model_parts import PARITY, PROVENANCE
from pace_edge.parity import Parity

HOP_S = 0.5
QUICK_TO_READ = 2048  # features; with them a listener takes 4 s to start, with 8192 more than a minute and 8 GB


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a person chooses. `window_seconds`: None takes the length that the checkpoint was trained on."""

    name: str
    window_seconds: float | None = None
    hop_seconds: float = HOP_S
    licence: str = ""  # of the clips
    facts: dict[str, Any] | None = None  # of the checkpoint, for the provenance


def export_checkpoint(
    checkpoint: Checkpoint, output: Path, options: Options, *, clips: Session | None, int8: Path | None = None,
    fp16: Path | None = None, say: Callable[[str], None] = lambda words: None,
) -> Parity | None:  # fmt: skip
    """Write the model file `output`; `int8` and `fp16` too if they are worth having: the parity table says.

    `clips`: the data's training and held-out clips, in the order of the checkpoint's labels; None leaves the file
    unchecked, with a threshold that nothing was measured for. The classifier is the checkpoint's; for windows of
    another length, and for int8, it is fitted again to the training clips as they are heard then. `say` is told of each
    step, and the table before it is judged. Raises PaceEdgeError.
    """
    for path in filter(None, (output, int8, fp16)):
        check_target(path)
    check_labels(checkpoint.classifier.labels)
    _say_size(checkpoint, say)
    say("merging the adapters ...")
    backbone, projection, classifier = checked_backbone(checkpoint), checkpoint.projection, checkpoint.classifier
    info = _info(checkpoint, backbone, options)
    seconds, other_length = info.window_samples / info.rate_hz, info.window_samples != _samples(checkpoint)
    say(f"exporting {len(info.labels)} classes, windows of {seconds:g} s ...")
    embedder = export_embedder(backbone, info.window_samples)
    facts: dict[str, Any] = {"checkpoint": options.facts or {}, "packages": package_versions()}
    if clips is None:
        if other_length:
            say(f"the classifier is of clips of {checkpoint.seconds:g} s; with the clips it would be fitted again")
        whole = Draft.of(embedder, projection, classifier, info)
        session(whole.model)
        write_model(output, whole.model, whole.info, {PROVENANCE: json.dumps(facts)})
        return None
    fit = partial(fitted_through, projection=projection, clips=clips, info=info, gamma=classifier.gamma)
    if other_length:
        say(f"fitting the classifier to {len(clips.train)} training clips of {seconds:g} s ...")
        classifier = fit(embedder)
    whole = Draft.of(embedder, projection, classifier, info)
    variants = [
        _by_torch("torch, adapters", checkpoint.backbone, projection, whole),
        _by_torch("torch, merged", backbone, projection, whole),
        by_onnx("ONNX float32", whole.model),
    ]
    half = Draft.of(in_half(embedder), projection, classifier, replace(info, name=f"{info.name}-fp16"))
    variants.append(by_onnx("ONNX fp16", half.model))
    small = None
    if backbone_products(embedder.graph):
        say(f"quantising, and fitting the classifier to {len(clips.train)} training clips ...")
        in_int8 = quantised(embedder)
        small = Draft.of(in_int8, projection, fit(in_int8), replace(info, name=f"{info.name}-int8"))
        variants.append(by_onnx("ONNX int8", small.model))
    heard, parity = _heard(variants, clips, info, say)
    facts |= {"clips": clips_facts(clips)}
    fitted = {"classifier": "fitted again" if other_length else "the checkpoint's"}
    for target, draft, mine, is_offered, how in (
        (output, whole, heard[2], True, fitted),
        (fp16, half, heard[3], parity.fp16_offered, fitted),
        (int8, small, heard[-1], parity.int8_offered, {"classifier": "fitted again"}),
    ):
        if target is not None and draft is not None and is_offered:
            more = {PROVENANCE: json.dumps(facts | how), PARITY: parity.to_json()}
            write_model(target, draft.model, draft.calibrated(mine, clips.test), more)
    return parity


def _heard(
    variants: Sequence[Variant], clips: Session, info: ModelInfo, say: Callable[[str], None]
) -> tuple[list[Heard], Parity]:
    """What each variant makes of the held-out clips: third the float32 file, fourth fp16, fifth int8 if there is any.

    Raises PaceEdgeError where the float32 file is not what torch computes.
    """
    say(f"hearing {len(clips.test)} held-out clips in {len(variants)} ways ...")
    with _one_thread():
        heard = hear_all(variants, windows(clips.test, info))
    truth = np.array([info.labels.index(clip.label) for clip in clips.test])
    rows = compare(variants, heard, truth, float32=2)
    offered, words = int8_in_words(rows[2], rows[4] if len(rows) > 4 else None)
    half_offered, half_words = fp16_in_words(rows[2], rows[3])
    parity = Parity(
        windows=len(truth), rows=rows, int8_offered=offered, int8=words, fp16_offered=half_offered, fp16=half_words
    )
    say(parity.in_words())
    check_float32(rows[2])
    return heard, parity


def clips_of(checkpoint: Checkpoint, clips: Sequence[Clip], test_fold: int) -> Session:
    """The data's clips of the checkpoint's classes. Raises PaceEdgeError where a class has none of either kind."""
    labels = checkpoint.classifier.labels
    kinds = {
        "outside": {clip.label for clip in clips if clip.fold != test_fold},
        "in": {clip.label for clip in clips if clip.fold == test_fold},
    }
    for where, found in kinds.items():
        if missing := [label for label in labels if label not in found]:
            raise PaceEdgeError(
                f"the data has no clip of '{missing[0]}' {where} fold {test_fold}",
                expected="the data that the checkpoint was adapted to", do="Check --data and --test-fold.",
            )  # fmt: skip
    mine = sorted((clip for clip in clips if clip.label in labels), key=lambda clip: labels.index(clip.label))
    train = tuple(clip for clip in mine if clip.fold != test_fold)
    return Session(1, tuple(labels), train, tuple(clip for clip in mine if clip.fold == test_fold))


def checked_backbone(checkpoint: Checkpoint) -> Backbone:
    """A copy with every adapter merged. Raises PaceEdgeError where a weight or the classifier is not finite."""
    backbone = merge(checkpoint.backbone)
    for name, value in [*backbone.state_dict().items(), ("the classifier", torch.from_numpy(checkpoint.classifier.W))]:
        if not value.isfinite().all():
            raise PaceEdgeError(f"the weights of {name} are not finite", do="Adapt again, with a lower learning rate.")
    return backbone


def _say_size(checkpoint: Checkpoint, say: Callable[[str], None]) -> None:
    M = len(checkpoint.classifier.G)
    check_size(_weight_bytes(checkpoint.backbone), M)
    if M > QUICK_TO_READ:
        say(f"with {M} features the learning rule takes {8 * M * M / 1e6:.0f} MB of the file, and a listener takes "
            "long to read it: for a small device keep fewer (--features)")  # fmt: skip


def _samples(checkpoint: Checkpoint) -> int:
    return round(checkpoint.seconds * checkpoint.backbone.rate_hz)


def _info(checkpoint: Checkpoint, backbone: Backbone, options: Options) -> ModelInfo:
    """What is known before the classifier is weighed."""
    classifier = checkpoint.classifier
    seconds = options.window_seconds or checkpoint.seconds
    samples, hop = round(seconds * backbone.rate_hz), round(options.hop_seconds * backbone.rate_hz)
    backbone.check_seconds(seconds)
    try:
        with torch.no_grad():
            backbone(torch.zeros(1, samples))
    except RuntimeError:  # torch's word for a window that leaves nothing to convolve or to average
        raise PaceEdgeError(
            "the window is too short for the backbone", got=f"{seconds:g} s", do="Give a longer --window-seconds."
        ) from None
    return ModelInfo(
        name=options.name, labels=tuple(classifier.labels), counts=tuple(classifier.counts), background="",
        rate_hz=backbone.rate_hz, window_samples=samples, hop_samples=hop, gamma=classifier.gamma,
        read_out=checkpoint_read_out(leverage_median=1.0), threshold=UNMEASURED_THRESHOLD,
        projection_seed=checkpoint.settings.seed, backbone=checkpoint.backbone_name,
        backbone_sha256=backbone_sha256(backbone),
        licence="; ".join(filter(None, (credit(checkpoint.backbone_name), options.licence))),
    )  # fmt: skip


def _by_torch(name: str, backbone: Backbone, projection: RandomProjection, draft: Draft) -> Variant:
    def hear(pcm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.inference_mode():
            phi = projection(backbone(torch.from_numpy(pcm)).numpy())[0]
        return draft.info.read_out.scores(draft.classifier, phi), phi[:0]

    return Variant(name, hear, _weight_bytes(backbone))


def _weight_bytes(backbone: Backbone) -> int:
    return sum(value.nbytes for value in backbone.state_dict().values())


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
