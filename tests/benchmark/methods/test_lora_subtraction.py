"""LoRA subtraction: what a session changes answers to the directions that W_0 minus the earlier adapters sees."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from pace_edge.adapt.lora import merge
from pace_edge.adapt.subspace import InputCovariance, leading_subspace
from pace_edge.benchmark.methods.lora_subtraction import MARGIN, LoraSubtraction, triplet_loss
from pace_edge.benchmark.methods.own_backbone import attach_to_all, inputs_of
from tests.adapt.small import load_pcm, write_clips
from tests.benchmark.small import sessions_in, task_of


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    return sessions_in(write_clips(tmp_path_factory.mktemp("tones"), classes=6, per_class=6))


@pytest.fixture(scope="module")
def learned(sessions):
    """A method after all sessions, and each session's subspaces by the name of the layer."""
    method, found = LoraSubtraction(task_of()), []
    original = method.subspaces

    def watched(adapter, inputs):
        of_A = original(adapter, inputs)
        found.append({name: of_A[layer.A] for name, layer in adapter.layers.items() if layer.A in of_A})
        return of_A

    method.subspaces = watched
    for session in sessions:
        method.learn(session)
    return method, found


def test_every_session_has_an_adapter_that_stays_in_its_subspace(learned):
    method, found = learned
    assert found[0] == {}  # the first session is free
    assert len(method.adapters) == 3
    for adapter, subspaces in zip(method.adapters[1:], found[1:], strict=True):
        assert subspaces.keys() == adapter.layers.keys()
        for name, layer in adapter.layers.items():
            change, U = layer.delta(), subspaces[name]
            assert U.shape[1] < len(U)  # else it holds nothing back
            assert change.norm() > 1e-6
            assert (change - change @ U @ U.T).norm() < 1e-5 * change.norm()


def test_the_subspace_is_seen_through_the_pretrained_weights_minus_the_earlier_adapters(sessions):
    method = LoraSubtraction(task_of())
    method.learn(sessions[0])
    (earlier,) = method.adapters
    with torch.no_grad():
        for layer in earlier.layers.values():
            layer.B.normal_(generator=torch.Generator().manual_seed(1))  # a change that cannot be overlooked
    with earlier.subtracted():
        unlearned = merge(method.backbone)
    keys = {f"blocks.{i}.attention.k": block.attention.k for i, block in enumerate(unlearned.blocks)}
    with torch.no_grad(), InputCovariance(keys) as covariance:
        unlearned(load_pcm(sessions[1].train))
    later = attach_to_all(method.task, method.backbone, "later")
    found = method.subspaces(later, inputs_of(method.task, method.backbone, sessions[1].train))
    for name, C in covariance.sums.items():
        expected, got = leading_subspace(C).U, found[later.layers[name].A]
        assert torch.allclose(got @ got.T, expected @ expected.T, atol=1e-4), name


def test_earlier_adapters_and_class_means_do_not_change(sessions):
    method, kept = LoraSubtraction(task_of()), []
    for session in sessions:
        method.learn(session)
        assert all(old.equal(new) for old, new in kept)
        now = [parameter for adapter in method.adapters for parameter in adapter.parameters()]
        kept += [(parameter.detach().clone(), parameter) for parameter in now[len(kept) :]]
        assert not any(parameter.requires_grad for parameter in now)
    assert method.means.norm(dim=1).tolist() == pytest.approx([1.0] * 6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), old=st.integers(0, 3))
def test_the_triplet_loss_is_that_of_the_hardest_clips_and_means(seed, old):
    generator = torch.Generator().manual_seed(seed)
    z, means = torch.randn(7, 4, generator=generator), torch.randn(old, 4, generator=generator)
    y = torch.tensor([0, 0, 1, 1, 1, 2, 2])
    f, m = normalize(z, dim=1), normalize(means, dim=1)
    expected = 0.0
    for i in range(7):
        positive = max((f[i] - f[j]).norm().item() for j in range(7) if y[j] == y[i])
        negative = min([(f[i] - f[j]).norm().item() for j in range(7) if y[j] != y[i]]
                       + [(f[i] - m[j]).norm().item() for j in range(old)])  # fmt: skip
        expected += max(0.0, positive - negative + MARGIN) / 7
    assert triplet_loss(z, y, means).item() == pytest.approx(expected, abs=1e-4)


def test_a_batch_of_one_class_alone_teaches_nothing_and_breaks_nothing():
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    loss = triplet_loss(z, torch.zeros(3, dtype=torch.int64), torch.zeros(0, 4))
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
    assert z.grad.isfinite().all()


def test_clips_that_are_all_the_same_have_a_finite_gradient():
    z = torch.ones(4, 3, requires_grad=True)
    triplet_loss(z, torch.tensor([0, 0, 1, 1]), torch.ones(1, 3)).backward()
    assert z.grad.isfinite().all()


def test_it_tells_its_classes_apart(learned, sessions):
    method, _ = learned
    clips = [clip for session in sessions for clip in session.train]
    right = [a == clip.label for a, clip in zip(method.call(clips), clips, strict=True)]
    assert sum(right) > 0.5 * len(right)  # chance: 1 of 6
