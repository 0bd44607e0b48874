"""What training fits is the batch ridge solution, with every class counting as much as it was given."""

import numpy as np
import pytest
import torch

from pace_edge.adapt.fit import BATCH, Example, embed, fit, fit_features
from pace_edge.analytic import RandomProjection
from tests.synthetic import MelStatistics

D, M = 6, 16


def clips(seed=0):
    rng = np.random.default_rng(seed)
    labels = ["a"] * 5 + ["b"] * 3
    return [rng.standard_normal((1 + i % 3, D)) for i in range(len(labels))], labels


def test_fit_is_weighted_ridge_regression_on_clips():
    embeddings, labels = clips()
    projection = RandomProjection.random(D, M, seed=0)
    classifier = fit(embeddings, labels, projection, gamma_relative=0.1, examples_per_class=40)
    G, Q = np.zeros((M, M)), np.zeros((M, 2))
    for z, label in zip(embeddings, labels, strict=True):
        w = 40 / labels.count(label) / len(z)
        for phi in projection(z):
            G += w * np.outer(phi, phi)
            Q[:, "ab".index(label)] += w * phi
    gamma = 0.1 * np.trace(G) / M
    assert classifier.gamma == pytest.approx(gamma)
    assert np.abs(classifier.W - np.linalg.solve(G + gamma * np.eye(M), Q)).max() < 1e-9
    assert classifier.counts == pytest.approx([40, 40])


def test_each_view_is_fitted_to_its_features_with_a_gamma_in_its_own_units():
    embeddings, labels = clips()
    projection = RandomProjection.random(D, 2 * M, seed=0)
    both = fit(embeddings, labels, projection, gamma_relative=[0.1, 0.3], examples_per_class=40, views=2)
    assert both.counts == pytest.approx([40, 40])
    for view, relative in enumerate((0.1, 0.3)):
        phis = [both.blocks(projection(z))[view] for z in embeddings]
        alone = fit_features(phis, labels, gamma_relative=relative, examples_per_class=40)
        assert both.views[view].gamma == pytest.approx(alone.gamma)
        assert np.abs(both.views[view].W - alone.W).max() < 1e-9


def test_without_a_count_each_clip_is_one_example():
    embeddings, labels = clips()
    classifier = fit(embeddings, labels, RandomProjection.random(D, M, seed=0), gamma_relative=0.1)
    assert classifier.counts == pytest.approx([5, 3])


def test_embeddings_come_back_clip_by_clip():
    rng, backbone = np.random.default_rng(1), MelStatistics()
    examples = [Example("x", 0.1 * rng.standard_normal((n, 4000)).astype(np.float32)) for n in (1, BATCH, 3)]
    embeddings = embed(backbone, examples)
    assert [len(z) for z in embeddings] == [1, BATCH, 3]
    with torch.no_grad():
        expected = backbone(torch.from_numpy(examples[2].windows)).numpy()
    assert np.abs(embeddings[2] - expected).max() < 1e-5
