"""gamma is the one of the grid that errs least: on clips held out, or by generalised cross-validation from the sums."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from pace_edge.adapt.gamma import cross_validated, held_out_gamma, learn_sums
from pace_edge.adapt.processes import Processes
from pace_edge.adapt.statistics import GramSums
from pace_edge.analytic import RandomProjection
from pace_edge.errors import LearningError
from tests.adapt.small import settings

GRID = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


def clusters(per_class, M, noise, seed=0):
    rng = np.random.default_rng(seed)
    columns = np.repeat([0, 1], per_class)
    return np.eye(2, M)[columns] + noise * rng.standard_normal((2 * per_class, M)), columns


class Sums(GramSums):
    """Of features phi [n, M] themselves."""

    def __init__(self, phi, columns):
        super().__init__(RandomProjection.random(1, phi.shape[1], seed=0), "ab")
        self._G, self.Q = torch.tensor(phi.T @ phi), torch.tensor(phi.T @ np.eye(2)[columns])
        self.counts = torch.tensor(np.bincount(columns), dtype=torch.float64)


def by_the_formula(phi, Y, grid):
    """Golub, Heath, Wahba 1979, eq. 1.4, with the n x n matrix that nobody has on a device."""
    n, M = phi.shape
    G, errors = phi.T @ phi, []
    for gamma in grid:
        H = phi @ np.linalg.inv(G + gamma * np.trace(G) / M * np.eye(M)) @ phi.T
        errors.append(np.square(Y - H @ Y).sum() / (1 - np.trace(H) / n) ** 2)
    return grid[int(np.argmin(errors))]


@examples(max_examples=60, deadline=None)
@given(st.integers(3, 40), st.integers(4, 30), st.floats(0.05, 3), st.integers(0, 9))
def test_cross_validation_from_the_sums_is_that_from_the_clips(per_class, M, noise, seed):
    phi, columns = clusters(per_class, M, noise, seed)
    Y = np.eye(2)[columns]
    classifier, chosen = cross_validated(Sums(phi, columns), GRID)
    assert chosen == by_the_formula(phi, Y, GRID)
    A = phi.T @ phi + chosen * np.square(phi).sum() / M * np.eye(M)
    assert np.abs(classifier.W - np.linalg.solve(A, phi.T @ Y)).max() < 1e-8
    assert np.abs(classifier.R - np.linalg.inv(A)).max() < 1e-8 * np.abs(classifier.R).max()
    assert classifier.counts.tolist() == [per_class] * 2 and classifier.labels == ["a", "b"]


def by_the_formula_of_groups(phi, Y, groups, grid):
    """The same with H = Phi R Phi' in two parts: between the groups' means, and within groups."""
    M, errors = phi.shape[1], []
    members = np.eye(groups.max() + 1)[groups]
    mean = members / members.sum(0) @ members.T  # of each clip's group
    for gamma in grid:
        H = phi @ np.linalg.inv(phi.T @ phi + gamma * np.square(phi).sum() / M * np.eye(M)) @ phi.T
        error, left = 0.0, Y - H @ Y
        for part in (mean, np.eye(len(mean)) - mean):
            if np.trace(part) > 0.5:
                error += np.square(part @ left).sum() / (1 - np.trace(part @ H @ part) / np.trace(part)) ** 2
        errors.append(error)
    return grid[int(np.argmin(errors))]


def of_recordings(recordings, slices, noise, seed, *, within, width=6):
    """z [n, width] of `recordings` a class, each of `slices` clips that differ by `within`; columns and groups."""
    rng = np.random.default_rng(seed)
    centres = np.eye(2, width)[np.repeat([0, 1], recordings)] + noise * rng.standard_normal((2 * recordings, width))
    groups = np.repeat(np.arange(2 * recordings), slices)
    z = centres[groups] + within * rng.standard_normal((len(groups), width))
    return z, np.repeat([0, 1], recordings * slices), groups


@examples(max_examples=60, deadline=None)
@given(st.integers(2, 9), st.integers(1, 5), st.floats(0.1, 2), st.floats(0, 1), st.integers(0, 9))
def test_a_group_is_left_out_whole(recordings, slices, noise, within, seed):
    z, columns, groups = of_recordings(recordings, slices, noise, seed, within=within)
    order = np.random.default_rng(seed).permutation(len(z))  # groups need not lie together
    sums = sums_of(z[order], columns[order], "ab")
    phi = sums.features(torch.tensor(z, dtype=torch.float32)).numpy()
    sums.add_groups(torch.tensor(z[order], dtype=torch.float32), torch.tensor(groups[order]), Processes())
    assert cross_validated(sums, GRID)[1] == by_the_formula_of_groups(phi, np.eye(2)[columns], groups, GRID)


@examples(max_examples=30, deadline=None)
@given(st.integers(3, 9), st.integers(2, 6), st.floats(0.1, 2), st.integers(0, 9))
def test_slices_that_are_alike_count_as_one_clip(recordings, slices, noise, seed):
    z, columns, groups = of_recordings(recordings, slices, noise, seed, within=0.0)
    sums, one_each = sums_of(z, columns, "ab"), sums_of(z[::slices], columns[::slices], "ab")
    sums.add_groups(torch.tensor(z, dtype=torch.float32), torch.tensor(groups), Processes())
    (with_slices, gamma), (alone, expected) = cross_validated(sums, GRID), cross_validated(one_each, GRID)
    assert gamma == expected
    assert np.abs(with_slices.W - alone.W).max() < 1e-6 * np.abs(alone.W).max()


def test_searched_from_the_choice_before_it_is_the_same_one():
    phi, columns = clusters(12, 20, 0.7)
    found = {cross_validated(Sums(phi, columns), GRID, near=near)[1] for near in (*GRID, 1e-9, 0.02, 1e9)}
    assert found == {cross_validated(Sums(phi, columns), GRID)[1]}


def test_a_gamma_that_rounding_swallows_is_never_chosen():
    phi = np.repeat(np.eye(1, 300) + 1e-3, 4, 0)  # rank 1: G + 1e-30 I is singular in float64
    assert cross_validated(Sums(phi, [0, 1, 0, 1]), (1e-30, 0.1))[1] == 0.1
    with pytest.raises(LearningError, match=r"no gamma of the grid can be used: .* got 1e-30\. Change the setting"):
        cross_validated(Sums(phi, [0, 1, 0, 1]), (1e-30,))


def test_clips_without_a_sound_make_no_classifier():
    with pytest.raises(LearningError, match="no classifier comes of these clips"):
        cross_validated(Sums(np.zeros((4, 6)), [0, 1, 0, 1]), GRID)


def sums_of(z, columns, labels):
    sums = GramSums(RandomProjection.random(z.shape[1], 32, seed=0), labels)
    sums.add(torch.tensor(z, dtype=torch.float32), torch.tensor(columns))
    return sums


@pytest.mark.parametrize("of_one_recording", ["", "ade"])
def test_after_the_last_session_neither_the_order_nor_the_sessions_matter(of_one_recording):
    rng = np.random.default_rng(3)
    of_class = {label: rng.standard_normal((9, 6)) + rng.standard_normal(6) for label in "abcdef"}
    found = []
    for sessions in (("ab", "cd", "ef"), ("fc", "ea", "db"), ("abc", "def")):
        classifier, gamma, within = None, 0.0, None
        for labels in sessions:
            z, columns = np.concatenate([of_class[label] for label in labels]), np.repeat(range(len(labels)), 9)
            sums = sums_of(z, columns, labels)
            if set(labels) & set(of_one_recording):  # three slices of each recording in some classes
                slices = np.repeat([3 if label in of_one_recording else 1 for label in labels], 9)
                groups = torch.tensor(np.arange(len(z)) // slices * 10 + slices)
                sums.add_groups(torch.tensor(z, dtype=torch.float32), groups, Processes())
            classifier, gamma = learn_sums(
                classifier, sums, gamma, settings(gamma_by="gcv"), lambda: pytest.fail("asked"), within
            )
            within = sums.within
        found.append((gamma, classifier.W[:, [classifier.labels.index(label) for label in "abcdef"]], within))
    for gamma, W, within in found:
        assert gamma == found[0][0]
        assert np.abs(W - found[0][1]).max() < 1e-8
        if of_one_recording:
            assert within.repeats == 3 * 6
            assert (within.scatter - found[0][2].scatter).abs().max() < 1e-10


@pytest.mark.parametrize("follows", [True, False])
def test_held_out_it_is_asked_for_once_and_kept(follows):
    z, columns = np.random.default_rng(4).standard_normal((12, 6)), np.repeat([0, 1], 6)
    s, asked = settings(gamma_by="held_out", gamma_follows=follows), []
    one, gamma = learn_sums(None, sums_of(z, columns, "ab"), 0.0, s, lambda: asked.append(1) or 0.05)
    first = one.gamma
    two, after = learn_sums(one, sums_of(z, columns, "cd"), gamma, s, lambda: pytest.fail("asked"))
    assert asked == [1] and gamma == after == 0.05 and two is one
    assert two.gamma == pytest.approx(0.05 * np.trace(two.G) / 32 if follows else first)
    assert first == pytest.approx(0.05 * np.trace(two.G) / 64)


def test_noise_asks_for_more_of_it():
    s = settings(gamma_grid=(1e-4, 1.0))
    assert held_out_gamma(*clusters(40, 30, 0.01), s) == 1e-4
    assert held_out_gamma(*clusters(12, 30, 3.0), s) == 1.0


@pytest.mark.parametrize("per_class", [8, 30])  # fewer clips than features, and more
def test_held_out_the_choice_is_that_of_ridge_regression_by_the_formula(per_class):
    phi, columns = clusters(per_class, 24, 0.7)
    s = settings(gamma_grid=GRID, gamma_held_out=0.25)
    rng, held = np.random.default_rng(s.seed), np.zeros(len(phi), bool)
    for c in (0, 1):
        mine = np.flatnonzero(columns == c)
        held[rng.permutation(mine)[: round(0.25 * len(mine))]] = True
    Y, P = np.eye(2)[columns], phi[~held]
    G = P.T @ P
    errors = {}
    for gamma in s.gamma_grid:
        W = np.linalg.inv(G + gamma * np.trace(G) / 24 * np.eye(24)) @ P.T @ Y[~held]
        errors[gamma] = np.square(phi[held] @ W - Y[held]).mean()
    assert held_out_gamma(phi, columns, s) == min(errors, key=errors.get)


def test_with_too_few_clips_to_hold_any_out_it_is_the_grids_median():
    assert held_out_gamma(np.eye(2, 8), np.array([0, 1]), settings(gamma_grid=(0.1, 0.2, 9.0))) == 0.2
