"""A model file in the making: an exported embedder and a classifier, and what held-out clips say of the two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from onnx import ModelProto

from export.calibrate import calibrated, clip_weight, read_out_without_clips, weighed
from export.onnx_file import with_classifier
from export.parity import Heard, session
from pace_edge.adapt.data import Clip
from pace_edge.adapt.loading import batches
from pace_edge.adapt.sessions import Session
from pace_edge.adapt.statistics import GramSums
from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.model_file import ModelInfo


@dataclass(frozen=True)
class Draft:
    """A model that is not written yet."""

    model: ModelProto
    info: ModelInfo
    classifier: AnalyticClassifier

    @classmethod
    def of(
        cls, embedder: ModelProto, projection: RandomProjection, classifier: AnalyticClassifier, info: ModelInfo
    ) -> Draft:
        """`classifier` counts a clip as 1; in the draft it weighs what suits a device. `info` is completed by it."""
        weight = clip_weight(classifier.counts)
        light = weighed(classifier, weight)
        info = replace(
            info, labels=tuple(light.labels), counts=tuple(light.counts.round(6).tolist()), gamma=light.gamma,
            read_out=read_out_without_clips(light, weight),
        )  # fmt: skip
        return cls(with_classifier(embedder, projection, light, info), info, light)

    def calibrated(self, heard: Heard, clips: Sequence[Clip]) -> ModelInfo:
        """What the file says of itself when these held-out clips were heard through it."""
        labels = [clip.label for clip in clips]
        threshold, read_out = calibrated(self.classifier, heard.phi, labels, self.info.read_out)
        return replace(self.info, threshold=threshold, read_out=read_out)


def fitted_through(
    embedder: ModelProto,
    projection: RandomProjection,
    clips: Session,
    info: ModelInfo,
    *,
    gamma: float | Sequence[float],
) -> AnalyticClassifier:
    """Ridge regression on the training clips as an exported embedder hears them, one window at a time."""
    runtime, sums = session(embedder), GramSums(projection, clips.labels)
    z = [runtime.run(["embedding"], {"pcm": pcm})[0] for pcm in windows(clips.train, info)]
    columns = [clips.labels.index(clip.label) for clip in clips.train]
    sums.add(torch.from_numpy(np.concatenate(z)), torch.tensor(columns))
    return AnalyticClassifier(sums.G.numpy(), sums.Q.numpy(), sums.counts.numpy(), clips.labels, gamma)


def windows(clips: Sequence[Clip], info: ModelInfo) -> Iterator[np.ndarray]:
    """Each clip, cut or padded around its middle to the window, as in training: [1, samples]."""
    one_each = [torch.tensor([i]) for i in range(len(clips))]
    for pcm in batches(clips, one_each, rate_hz=info.rate_hz, seconds=info.window_samples / info.rate_hz):
        yield pcm.numpy()
