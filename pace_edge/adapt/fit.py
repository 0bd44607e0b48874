"""From labelled windows to a classifier: embeddings by torch, the classifier by the one that the device runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pace_edge.analytic import AnalyticClassifier, RandomProjection

BATCH = 32


@dataclass(frozen=True)
class Example:
    """One labelled clip as the windows that a listener would cut from it: float32 [windows, samples]."""

    label: str
    windows: np.ndarray


def embed(backbone: torch.nn.Module, examples: Sequence[Example]) -> list[np.ndarray]:
    """Each example's embeddings, float32 [windows, D]."""
    windows = np.concatenate([example.windows for example in examples])
    with torch.inference_mode():
        parts = [backbone(torch.from_numpy(windows[i : i + BATCH])).numpy() for i in range(0, len(windows), BATCH)]
    ends = np.cumsum([len(example.windows) for example in examples])
    return np.split(np.concatenate(parts), ends[:-1])


def fit(
    embeddings: Sequence[np.ndarray],
    labels: Sequence[str],
    projection: RandomProjection,
    *,
    gamma_relative: float,
    examples_per_class: float | None = None,
) -> AnalyticClassifier:
    """Ridge regression (PACE 2.2) on clips of embeddings [windows, D], one example each.

    `gamma_relative` is in units of trace(G) / M. `examples_per_class`: weigh the clips so that every class counts as
    this many examples, whatever was collected of it; None weighs each clip 1.
    """
    collected = Counter(labels)
    phis = [projection(z) for z in embeddings]
    weights = np.array([examples_per_class / collected[c] if examples_per_class else 1.0 for c in labels])
    trace = sum(w * float(np.square(phi).sum()) / len(phi) for w, phi in zip(weights, phis, strict=True))
    M = projection.steps.shape[1]
    classifier = AnalyticClassifier.empty(M, gamma=gamma_relative * trace / M)
    for label in dict.fromkeys(labels):
        chosen = [phi for phi, c in zip(phis, labels, strict=True) if c == label]
        classifier.learn_all([(phi, label) for phi in chosen], weight=float(weights[labels.index(label)]))
    return classifier
