"""Naive fine-tuning goes on where it was; joint training is the same on all classes at once; a head keeps its rows."""

import pytest
import torch

from pace_edge.benchmark.learning import joined, learn_and_test
from pace_edge.benchmark.methods.fine_tuning import FineTuning
from pace_edge.benchmark.methods.head import columns_of, grown
from pace_edge.benchmark.methods.ranpac import RanPACAdapted
from tests.adapt.small import write_clips
from tests.benchmark.small import sessions_in, task_of


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    return sessions_in(write_clips(tmp_path_factory.mktemp("tones"), classes=6, per_class=6))


def test_the_one_adapter_and_the_one_head_learn_in_every_session(sessions):
    method = FineTuning(task_of())
    method.learn(sessions[0])
    before = [parameter.detach().clone() for parameter in method.adapter.parameters()]
    old_rows = method.head.weight.detach().clone()
    method.learn(sessions[1])
    assert all(not old.equal(new) for old, new in zip(before, method.adapter.parameters(), strict=True))
    assert method.head.weight.shape == (4, 24)
    assert not method.head.weight[:2].equal(old_rows)  # nothing keeps them: this is the lower bound


def test_all_classes_at_once_are_told_apart_and_one_session_after_the_other_they_are_forgotten(sessions):
    one_by_one = learn_and_test(FineTuning(task_of(epochs=12)), sessions)
    at_once = learn_and_test(FineTuning(task_of(epochs=12)), joined(sessions))
    assert at_once.accuracies[-1] > 0.9
    assert one_by_one.matrix[0][0] > 0.9
    assert one_by_one.matrix[-1][0] < 0.5


def test_a_grown_head_keeps_its_rows_and_draws_new_ones():
    generator = torch.Generator().manual_seed(0)
    old = grown(None, 8, 2, generator=generator)
    new = grown(old, 8, 5, generator=generator)
    assert new.weight[:2].equal(old.weight)
    assert new.bias[2:].tolist() == [0.0] * 3
    assert 0 < new.weight[2:].abs().max() <= 8**-0.5


def test_columns_are_places_in_the_list_of_labels(sessions):
    labels = ["none", *sessions[1].labels, *sessions[0].labels]
    columns = columns_of(sessions[0].train, labels)
    assert [labels[c] for c in columns] == [clip.label for clip in sessions[0].train]


def test_ranpac_adapts_in_the_first_session_and_then_never_again(sessions):
    method = RanPACAdapted(task_of())
    method.learn(sessions[0])
    before = [parameter.detach().clone() for parameter in method.adapter.parameters()]
    assert any(layer.delta().norm() > 0 for layer in method.adapter.layers.values())
    method.learn(sessions[1])
    assert all(old.equal(new) for old, new in zip(before, method.adapter.parameters(), strict=True))
    clips = sessions[0].train
    assert not torch.allclose(torch.from_numpy(method._embed(clips)), torch.from_numpy(method.task.embed(clips)))
