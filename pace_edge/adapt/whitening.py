"""A projection made for one backbone: orthogonal, mirrored, and half whitened by what the backbone has heard.

Random normal directions repeat each other, and most of them look where the backbone says little. Here M / 2 directions
are orthogonal (orthogonal random features, arXiv 1610.09072) within the M / 2 leading ones of the embeddings; each
stands beside its negative, so that relu loses nothing (CReLU, arXiv 1603.05201); and directions that vary little are
brought half way up to the others. docs/few_shots.md has what each is worth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from pace_edge.analytic import LARGEST, RandomProjection


def second_moment(embeddings: Sequence[np.ndarray], labels: Sequence[str]) -> np.ndarray:
    """E[z z'], [D, D], of clips of embeddings [windows, D]: every class counts the same, and every clip of it."""
    clips, windows = Counter(labels), np.array([len(z) for z in embeddings])
    weight = np.repeat([1.0 / clips[label] for label in labels], windows) / np.repeat(windows, windows) / len(clips)
    rows = np.concatenate(list(embeddings)).astype(np.float64)
    return (rows.T * weight) @ rows


def whitened_projection(moment: np.ndarray, M: int, *, seed: int, power: float, shrinkage: float) -> RandomProjection:
    """phi = relu([x, -x]) with x = (S^(-power / 2) z) Q, S the second moment `moment` [D, D] drawn to its mean diagonal
    by `shrinkage` from 0 to 1, Q [D, M / 2] random and orthogonal. M is even.

    `power` 0 leaves the scale of each direction, 1 makes all equal, 0.5 is half way. Rounded to what a model file
    holds, and scaled so that its largest entry is the largest one there: gamma is relative, so |phi| does not matter.
    """
    values, vectors = np.linalg.eigh(moment)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    lifted = ((1 - shrinkage) * values + shrinkage * values.mean()) ** (-power / 2)
    k = min(len(values), M // 2)
    rng, blocks = np.random.default_rng(seed), []
    for start in range(0, M // 2, k):
        # the orthogonal matrix nearest to a random one seen in the leading directions: it does not depend on which way
        # round each of them came out
        left, _, right = np.linalg.svd(vectors[:, :k].T @ rng.standard_normal((len(values), k)))
        blocks.append((vectors[:, :k] * lifted[:k]) @ (left @ right)[:, : M // 2 - start])
    half = np.hstack(blocks)
    half *= LARGEST / np.abs(half).max()
    return RandomProjection.rounded(np.hstack([half, -half]))
