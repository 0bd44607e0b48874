"""The picture of embeddings is the plane of their most variance."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pace_edge.plane import principal_plane, share_of_variance

embeddings = hnp.arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 6)), elements=st.floats(-100, 100))


def test_the_plane_is_that_of_the_covariances_leading_eigenvectors():
    z = np.random.default_rng(0).normal(5.0, [3.0, 0.1, 1.0, 2.0], (200, 4))
    values, vectors = np.linalg.eigh(np.cov(z.T, bias=True))
    plane = principal_plane(z)
    expected = (z - z.mean(0)) @ vectors[:, [-1, -2]]
    np.testing.assert_allclose(np.abs(plane), np.abs(expected), atol=1e-9)
    np.testing.assert_allclose(plane.var(0), values[[-1, -2]])
    assert share_of_variance(plane, z) == pytest.approx(values[-2:].sum() / values.sum())


def test_the_largest_component_of_a_direction_points_upwards():
    for z in (np.array([[0.0, 0.0], [1.0, -3.0], [2.0, -6.0]]), np.array([[0.0, 0.0], [-1.0, 3.0], [-2.0, 6.0]])):
        along = principal_plane(z)[:, 0]
        assert np.sign(along[2] - along[0]) == np.sign(z[2, 1] - z[0, 1])


@given(embeddings)
def test_the_picture_is_centred_ordered_the_same_each_time_and_stretches_nothing(z):
    plane = principal_plane(z)
    assert plane.shape == (len(z), 2)
    assert (plane == principal_plane(z.copy())).all()
    np.testing.assert_allclose(plane.mean(0), 0.0, atol=1e-9)
    assert plane[:, 0].var() >= plane[:, 1].var() - 1e-9
    between = np.linalg.norm(z[:, None] - z[None], axis=-1)
    assert (np.linalg.norm(plane[:, None] - plane[None], axis=-1) <= between + 1e-6).all()
    assert 0.0 <= share_of_variance(plane, z) <= 1.0


@given(embeddings, st.floats(-100, 100))
def test_a_shift_of_all_embeddings_changes_nothing(z, shift):
    spread = np.linalg.svd(z - z.mean(0), compute_uv=False)
    assume(all(a - b > 1e-3 for a, b in zip(spread, [*spread[1:], 0.0], strict=True)))  # directions of their own
    np.testing.assert_allclose(np.abs(principal_plane(z + shift)), np.abs(principal_plane(z)), atol=1e-6)


def test_embeddings_with_fewer_dimensions_than_a_picture_lie_on_a_line_or_a_point():
    assert principal_plane(np.array([[1.0], [3.0]])).tolist() == [[-1.0, 0.0], [1.0, 0.0]]
    assert principal_plane(np.full((3, 4), 7.0)).tolist() == [[0.0, 0.0]] * 3
    assert principal_plane(np.ones((1, 4))).tolist() == [[0.0, 0.0]]
    assert share_of_variance(np.zeros((3, 2)), np.full((3, 4), 7.0)) == 1.0


@pytest.mark.parametrize("z", [np.zeros((0, 3)), np.array([[1.0, np.nan]]), np.zeros(3)])
def test_embeddings_that_cannot_be_drawn_are_an_error(z):
    with pytest.raises(ValueError, match="finite and not empty"):
        principal_plane(z)
