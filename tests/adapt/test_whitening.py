"""The starter's projection is mirrored, orthogonal and as much whitened as it says, whatever it is made of."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.adapt.whitening import second_moment, whitened_projection
from pace_edge.analytic import RandomProjection


def clips(seed, D, *, decay=1.0, n=40):
    """n clips of 1 to 3 windows of two classes; the k-th of D hidden directions has variance (k + 1) ** -decay."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.standard_normal((D, D)))[0]
    scale = (1.0 + np.arange(D)) ** (-decay / 2)
    return [(rng.standard_normal((1 + i % 3, D)) * scale) @ turn.T for i in range(n)], ["ab"[i % 2] for i in range(n)]


def made(seed, D, M, *, power=0.5, shrinkage=0.3, **kind):
    moment = second_moment(*clips(seed, D, **kind))
    return moment, whitened_projection(moment, M, seed=seed, power=power, shrinkage=shrinkage)


def unfolded(projection, z):
    """x of phi = relu([x, -x]), in units of its root mean square."""
    left, right = np.split(projection(z), 2, axis=-1)
    return (left - right) / np.sqrt(np.mean((left - right) ** 2))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 99), st.integers(2, 40), st.integers(1, 60))
def test_the_second_half_mirrors_the_first_and_nothing_is_lost_by_the_relu(seed, D, half):
    _, projection = made(seed, D, 2 * half)
    steps = projection.steps.astype(int)
    assert steps.shape == (D, 2 * half)
    assert np.array_equal(steps[:, half:], -steps[:, :half])
    assert np.abs(steps).max() == 127
    z = np.random.default_rng(seed).standard_normal((5, D))
    left, right = np.split(projection(z), 2, axis=-1)
    assert np.allclose(left - right, z @ (steps[:, :half] * projection.scale))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 99), st.integers(2, 32), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.3, 1.0]))
def test_with_all_directions_its_inner_products_are_the_whitened_ones(seed, D, power, shrinkage):
    """Also the loss of rounding to eight bits: 1 % of a length."""
    moment, projection = made(seed, D, 2 * D, power=power, shrinkage=shrinkage)
    z = np.random.default_rng(seed + 1).standard_normal((30, D)) @ np.linalg.cholesky(moment + 1e-12 * np.eye(D)).T
    values, vectors = np.linalg.eigh(moment)
    lifted = (1 - shrinkage) * values + shrinkage * values.mean()
    expected = z @ (vectors * lifted ** (-power / 2))
    expected /= np.sqrt(np.mean(expected**2))
    x = unfolded(projection, z)
    assert np.abs(x @ x.T - expected @ expected.T).max() < 0.05 * D


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 99), st.integers(8, 40), st.integers(2, 8))
def test_without_whitening_its_directions_are_orthogonal(seed, D, half):
    _, projection = made(seed, D, 2 * half, power=0.0)
    columns = projection.steps[:, :half].astype(float)
    gram = columns.T @ columns
    assert np.abs(gram / gram[0, 0] - np.eye(half)).max() < 0.05


def test_it_looks_only_where_the_embeddings_lead():
    moment, projection = made(1, 24, 16, decay=4.0)
    vectors = np.linalg.eigh(moment)[1]
    lengths = np.linalg.norm(projection(vectors.T), axis=1)
    assert lengths[:16].max() < 0.03 * lengths[16:].min()


@pytest.mark.parametrize(("D", "M"), [(12, 8), (12, 24), (12, 60)])
def test_it_is_the_same_whichever_way_round_its_directions_were_found(monkeypatch, D, M):
    moment, projection = made(2, D, M)
    eigh, signs = np.linalg.eigh, np.where(np.arange(D) % 3 == 0, -1.0, 1.0)
    monkeypatch.setattr(np.linalg, "eigh", lambda S: (eigh(S)[0], eigh(S)[1] * signs))
    again = whitened_projection(moment, M, seed=2, power=0.5, shrinkage=0.3)
    assert np.abs(again.steps.astype(int) - projection.steps).max() <= 1
    other = whitened_projection(moment, M, seed=3, power=0.5, shrinkage=0.3)
    assert np.abs(other.steps.astype(int) - projection.steps).max() > 20


def test_the_length_of_features_does_not_grow_with_their_number():
    lengths = []
    for M in (128, 512, 1024):
        _, projection = made(4, 64, M)
        lengths.append(np.linalg.norm(projection(np.concatenate(clips(4, 64)[0])), axis=1).mean())
    assert max(lengths) < 1.6 * min(lengths)


def test_every_class_and_every_clip_of_it_counts_the_same():
    embeddings, labels = clips(5, 6, n=10)
    moment = second_moment(embeddings, labels)
    assert moment == pytest.approx(sum(z.T @ z / len(z) for z in embeddings) / 10)
    windows_twice = [np.concatenate([z, z]) if i % 2 else z for i, z in enumerate(embeddings)]
    assert second_moment(windows_twice, labels) == pytest.approx(moment)
    of_a = [i for i, label in enumerate(labels) if label == "a"]
    a_twice = [*embeddings, *(embeddings[i] for i in of_a)]
    assert second_moment(a_twice, [*labels, *["a"] * len(of_a)]) == pytest.approx(moment)


def test_entries_too_large_for_a_model_file_are_cut():
    assert RandomProjection.rounded(np.array([[9.0, -9.0, 0.5, -0.02]])).steps.tolist() == [[127, -127, 16, -1]]
