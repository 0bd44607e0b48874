"""A small model without a backbone, its journal, and the batch solution that every classifier must equal."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.model_file import Model, ModelInfo
from pace_edge.operations import beginning, effective
from streams.listening.learner import Learner
from tests.synthetic import READ_OUT

D, M, GAMMA = 6, 24, 0.05
BUILT_IN = ("low", "high", "background")


@cache
def model(views: int = 1) -> Model:
    """Classes low, high and background, of 20 examples each, from embeddings of D numbers."""
    projection = RandomProjection.random(D, views * M, seed=1)
    classifier = AnalyticClassifier.empty(M, gamma=[GAMMA * 2.0**view for view in range(views)], views=views)
    for label in BUILT_IN:
        for seed in range(20):
            classifier.learn(projection(embeddings(label, seed)), label)
    classifier.fold()
    info = ModelInfo(
        name="taught", labels=BUILT_IN, counts=tuple(classifier.counts), background="background", rate_hz=16000,
        window_samples=16000, hop_samples=8000, gamma=classifier.gamma, read_out=READ_OUT, threshold=0.3,
        projection_seed=1, backbone="none", backbone_sha256="0" * 64, licence="MIT",
    )  # fmt: skip
    return Model(Path("taught.onnx"), "a" * 64, info, projection, classifier, False)


def embeddings(label: str, seed: int, windows: int = 2) -> np.ndarray:
    """Of a sound of this class: float32 [windows, D]."""
    centre = np.random.default_rng(sum(label.encode())).standard_normal(D)
    spread = np.random.default_rng(seed + 7919 * sum(label.encode())).standard_normal((windows, D))
    return (centre + 0.4 * spread).astype(np.float32)


def assert_exact(learner: Learner, tolerance: float = 1e-8) -> None:
    """Its classifier is ridge regression on the model's sums and what the journal comes to, solved by the textbook."""
    views = len(learner.classifier.views)
    base, journal = model(views), learner.journal
    state = effective(journal.operations(), beginning(BUILT_IN))
    labels = state.labels
    A = [view.G + view.gamma * np.eye(M) for view in base.classifier.views]
    Q, counts = np.zeros((views * M, len(labels))), np.zeros(len(labels))
    for c, own in enumerate(BUILT_IN):
        if (name := state.built_in[own]) is not None:
            Q[:, labels.index(name)] += base.classifier.Q[:, c]
            counts[labels.index(name)] += base.classifier.counts[c]
    for id, windows in journal.embeddings(state.examples):
        phi = base.projection(windows)
        for view, part in enumerate(base.classifier.blocks(phi)):
            A[view] += part.T @ part / len(phi)
        Q[:, labels.index(state.examples[id])] += phi.mean(0)
        counts[labels.index(state.examples[id])] += 1.0
    assert learner.classifier.labels == labels
    assert learner.state == state
    assert np.abs(learner.classifier.counts - counts).max(initial=0.0) < tolerance
    for view, G, own in zip(learner.classifier.views, A, np.split(Q, views), strict=True):
        assert np.abs(view.W - np.linalg.solve(G, own)).max(initial=0.0) < tolerance
        assert np.abs(view.R - np.linalg.inv(G)).max() < tolerance
