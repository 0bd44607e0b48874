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
    gamma_relative: float | Sequence[float],
    examples_per_class: float | None = None,
    views: int = 1,
) -> AnalyticClassifier:
    """`fit_features` of embeddings [windows, D], one array for each clip."""
    phis = [projection(z) for z in embeddings]
    return fit_features(phis, labels, gamma_relative=gamma_relative, examples_per_class=examples_per_class, views=views)


def fit_features(
    phis: Sequence[np.ndarray],
    labels: Sequence[str],
    *,
    gamma_relative: float | Sequence[float],
    examples_per_class: float | None = None,
    views: int = 1,
) -> AnalyticClassifier:
    """Ridge regression (PACE 2.2) on clips of features [windows, V M], one example each, in each of V `views`.

    `gamma_relative`, one for all views or one each, is in units of the view's trace(G) / M. `examples_per_class`: weigh
    the clips so that every class counts as this many examples, whatever was collected of it; None weighs each clip 1.
    """
    collected = Counter(labels)
    classes = list(dict.fromkeys(labels))
    weight = np.array([examples_per_class / collected[c] if examples_per_class else 1.0 for c in labels])  # of a clip
    windows = np.array([len(rows) for rows in phis])
    phi = np.concatenate(list(phis))  # [windows of all clips, M]
    w = np.repeat(weight / windows, windows)
    column = np.repeat([classes.index(label) for label in labels], windows)
    G = [(part.T * w) @ part for part in np.split(phi, views, axis=1)]
    Q = np.stack([phi[column == c].T @ w[column == c] for c in range(len(classes))], 1)
    counts = np.array([examples_per_class or float(collected[c]) for c in classes])
    squares, y = np.zeros((views, len(classes))), [classes.index(label) for label in labels]
    for c, rows, weighs in zip(y, phis, weight, strict=True):
        squares[:, c] += [weighs * (part @ part) for part in np.split(rows.mean(0), views)]
    relative = np.broadcast_to(gamma_relative, views)
    gamma = [float(r) * float(np.trace(part)) / len(part) for r, part in zip(relative, G, strict=True)]
    return AnalyticClassifier(np.stack(G), Q, counts, classes, gamma, squares=squares)
