"""Sums made on the device, in any batches and by several processes, give the classifier that the edge would fit."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.adapt import products, statistics
from pace_edge.adapt.fit import fit
from pace_edge.adapt.processes import Processes
from pace_edge.adapt.statistics import GramSums
from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.errors import LearningError

D, M, N, LABELS = 12, 50, 60, ["a", "b", "c"]
PROJECTION = RandomProjection.random(D, M, seed=0)


@pytest.fixture(autouse=True)
def several_blocks_and_tiles(monkeypatch):
    """So that blocks of rows and tiles of G are many and the last ones short."""
    monkeypatch.setattr(statistics, "ROWS", 7)
    monkeypatch.setattr(products, "TILE", 16)


def embedded(seed=0, n=N):
    """Embeddings of length 1 around a common mean, float32 [n, D], and the column of each one's label."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(n, D, generator=generator) + 1.0
    return z / z.norm(dim=1, keepdim=True), torch.arange(n) % len(LABELS)


def summed(*batches):
    sums = GramSums(PROJECTION, LABELS)
    for z, columns in batches:
        sums.add(z, columns)
    return sums


def fitted(z, columns, gamma_relative=0.01):
    """What `fit` makes of the same embeddings, one clip each."""
    return fit(list(z.numpy()[:, None]), [LABELS[c] for c in columns], PROJECTION, gamma_relative=gamma_relative)


def assert_same(classifier, expected):
    """Equal up to the rounding of float64."""
    assert classifier.labels == expected.labels
    assert classifier.counts.tolist() == expected.counts.tolist()
    assert classifier.gamma == pytest.approx(expected.gamma, rel=1e-12)
    for name in ("G", "Q", "W"):
        a, b = getattr(classifier, name), getattr(expected, name)
        assert np.abs(a - b).max() < 1e-10 * np.abs(b).max(), name


def test_the_features_are_the_edge_s():
    z, _ = embedded()
    phi, expected = GramSums(PROJECTION, LABELS).features(z), PROJECTION(z.numpy())
    assert phi.dtype == torch.float64
    assert np.abs(phi.numpy() - expected).max() < 1e-12 * expected.max()


@pytest.mark.parametrize("gamma_relative", [1e-3, 1.0])
def test_the_classifier_is_the_one_that_fit_makes(gamma_relative):
    z, columns = embedded()
    assert_same(summed((z, columns)).classifier(gamma_relative), fitted(z, columns, gamma_relative))


@settings(deadline=None, max_examples=40)
@given(st.permutations(range(N)), st.lists(st.integers(0, N), max_size=6))
def test_neither_the_order_nor_the_batches_matter(order, cuts):
    z, columns = embedded()
    order = torch.tensor(order)
    batches = torch.tensor_split(order, sorted(cuts))  # some of them empty
    sums, whole = summed(*[(z[rows], columns[rows]) for rows in batches]), summed((z, columns))
    assert torch.allclose(sums.G, whole.G, rtol=1e-12, atol=1e-14)
    assert torch.allclose(sums.Q, whole.Q, rtol=1e-12, atol=1e-14)
    assert torch.equal(sums.counts, whole.counts)


def test_a_later_session_adds_to_the_classifier_what_fitting_all_would_give():
    (z1, columns1), (z2, columns2) = embedded(1, 40), embedded(2, 30)
    classifier = summed((z1, columns1)).classifier(0.01)
    later = GramSums(PROJECTION, ["d", "b"])
    later.add(z2, columns2 % 2)
    later.add_to(classifier)
    names = [LABELS[c] for c in columns1] + ["db"[c % 2] for c in columns2]
    z = np.concatenate([z1.numpy(), z2.numpy()])
    expected = fit(list(z[:, None]), names, PROJECTION, gamma_relative=1.0)
    expected = AnalyticClassifier(expected.G, expected.Q, expected.counts, expected.labels, classifier.gamma)
    assert_same(classifier, expected)


class With(Processes):
    """As if another process had these sums."""

    def __init__(self, other):
        super().__init__(0, 2)
        object.__setattr__(self, "waiting", [other._G, other.Q, other.counts, other.within.scatter])

    def sum_(self, *tensors):
        for tensor in tensors:
            tensor += self.waiting.pop(0)


@pytest.mark.parametrize("share", [0, 25])  # a process without a clip, and with some
def test_what_several_processes_summed_is_what_one_would_have(share):
    z, columns = embedded()
    ours, theirs, alone = summed((z[:share], columns[:share])), summed((z[share:], columns[share:])), summed()
    groups = torch.arange(N) // 3
    for sums, processes in ((ours, Processes(0, 2)), (theirs, Processes(1, 2)), (alone, Processes())):
        sums.add_groups(z, groups, processes)
    ours.sum_over(With(theirs))
    assert_same(ours.classifier(0.01), fitted(z, columns))
    assert torch.allclose(ours.within.scatter, alone.within.scatter, rtol=1e-10, atol=1e-12)
    assert ours.within.repeats == alone.within.repeats == N - N // 3


def test_sums_are_shared_once_and_end_there():
    sums = summed(embedded())
    sums.sum_over(Processes())
    with pytest.raises(ValueError, match="already"):
        sums.sum_over(Processes())
    with pytest.raises(ValueError, match="already"):
        sums.add(*embedded())


def test_g_is_symmetric_and_reading_it_does_not_end_the_sum():
    z, columns = embedded()
    sums = summed((z[:9], columns[:9]))
    assert torch.allclose(sums.G, sums.G.T, rtol=1e-14)
    sums.add(z[9:], columns[9:])
    assert_same(sums.classifier(0.01), fitted(z, columns))


def test_half_precision_around_the_sums_does_not_reach_them():
    z, columns = embedded()
    sums = summed()
    with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
        sums.add(z, columns)
    assert_same(sums.classifier(0.01), fitted(z, columns))


@pytest.mark.parametrize("value", [None, torch.nan, torch.inf])
def test_no_clips_and_embeddings_that_are_not_finite_are_explained(value):
    sums = GramSums(PROJECTION, LABELS)
    if value is not None:
        sums.add(torch.full((2, D), value), torch.tensor([0, 1]))
    with pytest.raises(LearningError, match=r"no classifier .* got \d clips .*lower the learning rate"):
        sums.classifier(0.1)
