"""Rows are kept in memory, then on disk, then not; a store gives its room back and leaves no file."""

import tempfile
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from pace_edge.adapt import store as module
from pace_edge.adapt.store import Budget, Store
from pace_edge.errors import PaceEdgeError


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("on_disk", [False, True])
def test_rows_come_back_as_they_were_put(here, on_disk):
    store, values = Store(7, (3, 2), torch.float32, on_disk=on_disk), torch.randn(7, 3, 2)
    for rows in torch.randperm(7).split(3):
        store[rows] = values[rows]
    assert torch.equal(store[torch.tensor([6, 0, 6])], values[[6, 0, 6]])
    assert torch.equal(store[torch.arange(7)], values)


def test_memory_is_taken_first_then_the_disk_then_there_is_no_room(here):
    budget = Budget(memory=40, disk=40)
    stores = [budget.store(5, (2,), torch.float32) for _ in range(3)]
    assert [s and s.on_disk for s in stores] == [False, True, None]
    assert len(list(here.rglob("rows"))) == 1


def test_a_store_gives_its_room_back_and_leaves_no_file(here):
    budget = Budget(memory=0, disk=40)
    store = budget.store(5, (2,), torch.float32)
    assert store is not None
    assert budget.store(5, (2,), torch.float32) is None
    del store
    assert budget.disk == 40
    assert not list(here.iterdir())


def test_a_disk_without_room_is_told_before_it_is_used(here, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: usage(10))
    with pytest.raises(PaceEdgeError, match=r"no room for the activations.*TMPDIR"):
        Store(5, (2,), torch.float32, on_disk=True)
    assert not list(Path(here).iterdir())
