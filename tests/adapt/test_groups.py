"""Clips of one label and one group are together; their scatter within groups is summed whole, by any processes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.adapt import statistics
from pace_edge.adapt.data import Clip
from pace_edge.adapt.groups import group_numbers, whole_groups
from pace_edge.adapt.processes import Processes
from pace_edge.adapt.statistics import GramSums
from pace_edge.analytic import RandomProjection


def clips_of(*names):
    return [Clip(f"{i}.wav", label, 1, group) for i, (label, group) in enumerate(names)]


def test_clips_of_one_label_and_one_group_are_together():
    clips = clips_of(("dog", "r1"), ("dog", "r2"), ("cat", "r1"), ("dog", "r1"), ("cat", "r3"))
    assert group_numbers(clips).tolist() == [0, 1, 2, 0, 3]


def test_where_every_clip_is_a_group_of_its_own_there_are_none():
    assert group_numbers(clips_of(("dog", "r1"), ("dog", "r2"), ("cat", "r1"))) is None


def test_the_clips_of_a_class_that_is_one_group_stand_alone():
    clips = clips_of(("dog", "r1"), ("dog", "r1"), ("cat", "r2"), ("cat", "r2"), ("cat", "r3"))
    assert group_numbers(clips).tolist() == [0, 1, 2, 2, 3]
    assert group_numbers(clips[:2]) is None


@settings(deadline=None)
@given(st.lists(st.integers(0, 12), max_size=40), st.integers(1, 10))
def test_groups_of_two_and_more_come_once_whole_and_few_at_a_time(groups, most):
    groups, seen = torch.tensor(groups, dtype=torch.int64), []
    for rows, members in whole_groups(groups, most):
        assert len(rows) <= most or members.shape[1] == 1
        assert members.sum(1).eq(1).all()
        for own in members.T.bool():
            (number,) = groups[rows[own]].unique()
            assert sorted(rows[own].tolist()) == (groups == number).nonzero().flatten().tolist()
            seen.append(number.item())
    assert sorted(seen) == [i for i, n in enumerate(groups.bincount().tolist()) if n > 1]


@pytest.mark.parametrize("world", [1, 3])
def test_the_scatter_is_that_around_each_groups_mean_whoever_sums_it(monkeypatch, world):
    monkeypatch.setattr(statistics, "ROWS", 7)
    rng = np.random.default_rng(0)
    z, groups = rng.standard_normal((40, 6)).astype(np.float32), rng.integers(0, 11, 40)
    projection = RandomProjection.random(6, 20, seed=0)
    parts = []
    for rank in range(world):
        sums = GramSums(projection, "ab")
        sums.add_groups(torch.from_numpy(z), torch.from_numpy(groups), Processes(rank, world))
        parts.append(sums.within)
    phi = GramSums(projection, "ab").features(torch.from_numpy(z)).numpy()
    centred = phi - np.stack([phi[groups == g].mean(0) for g in groups])
    assert np.abs(sum(part.scatter for part in parts).numpy() - centred.T @ centred).max() < 1e-10
    assert {part.repeats for part in parts} == {40 - len(set(groups.tolist()))}
