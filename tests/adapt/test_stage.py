"""A stage trains what it should and nothing else, goes on where it was, and keeping activations changes no result."""

import pytest
import torch

from pace_edge.adapt.lora import attach
from pace_edge.adapt.stage import fresh_head, train_adapter, warm_up_head
from pace_edge.adapt.subspace import leading_subspace
from pace_edge.adapt.watch import Watch
from tests.adapt.small import NOTHING, ROOMY, inputs_of, settings, small_encoder, stage_of, write_clips


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips"), classes=3, per_class=6)


def trained(clips, s, *, first=1, subspaces=None, room=ROOMY, **changes):
    """A small encoder's later blocks adapted to the clips: what was trained, the adapter and the head."""
    inputs = inputs_of(
        small_encoder(), clips, first=first, views=s.views if s.regulariser_weight else 0, max_masked=0.5, room=room
    )
    stage = stage_of(inputs, s, **changes)
    head = warm_up_head(stage) if s.staged else fresh_head(stage)
    adapter = attach(inputs.backbone, range(max(first, 1), 3), s.lora, generator=stage.generator("adapter"))
    U = {} if subspaces is None else {layer.A: subspaces for layer in adapter.layers.values()}
    return train_adapter(stage, adapter, head, subspaces=U), adapter, head, inputs


def learned(adapter):
    return torch.cat([parameter.detach().flatten() for parameter in adapter.parameters()])


def test_the_loss_falls_and_only_the_adapter_changes(clips):
    before = small_encoder().state_dict()
    done, adapter, head, inputs = trained(clips, settings(epochs=12, rate=0.05, head_epochs=3, regulariser_weight=0))
    assert done.losses[-1] < 0.9 * done.losses[0]
    assert torch.equal(
        head.weight, warm_up_head(stage_of(inputs_of(small_encoder(), clips), settings(head_epochs=3))).weight
    )
    adapter.detach()
    assert all(torch.equal(inputs.backbone.state_dict()[name], value) for name, value in before.items())


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("first", [0, 1])
def test_training_without_kept_activations_gives_the_same(clips, first, weight):
    s = settings(epochs=3, rho_p=0.01, regulariser_weight=weight)
    kept, anew = (trained(clips, s, first=first, room=room) for room in (ROOMY, NOTHING))
    assert kept[3].stored
    assert not anew[3].stored
    assert kept[0].losses == pytest.approx(anew[0].losses, rel=1e-4)
    assert torch.allclose(learned(kept[1]), learned(anew[1]), atol=1e-5)


def test_projected_training_leaves_nothing_outside_the_subspace(clips):
    U = leading_subspace(torch.diag(torch.arange(24.0) ** 3), 0.9).U
    assert 0 < U.shape[1] < 24
    _, adapter, _, _ = trained(clips, settings(), subspaces=U)
    for layer in adapter.layers.values():
        change = layer.delta()
        assert change.norm() > 0
        assert (change - change @ U @ U.T).norm() < 1e-6 * change.norm()


def test_the_regulariser_enters_after_the_first_epoch_and_changes_the_result(clips):
    plain, regularised = (
        trained(clips, settings(epochs=3, rho_p=0.01, regulariser_weight=weight))[0] for weight in (0.0, 1.0)
    )
    assert regularised.losses[0] == plain.losses[0]
    assert regularised.losses[1] > plain.losses[1] + 0.01


def test_unstaged_the_head_learns_too(clips):
    s = settings(epochs=3, staged=False, head_rate=0.05, regulariser_weight=0)
    _, _, head, inputs = trained(clips, s)
    assert not torch.equal(head.weight, fresh_head(stage_of(inputs, s)).weight)


def test_the_rates_fall_by_a_cosine_each_from_its_own(clips, monkeypatch):
    seen = []
    monkeypatch.setattr(
        torch.optim.SGD, "step", lambda self, *a: seen.append([group["lr"] for group in self.param_groups])
    )
    trained(clips, settings(epochs=4, batch=18, staged=False, rate=0.4, head_rate=0.1, regulariser_weight=0))
    adapters, heads = zip(*seen, strict=True)
    assert adapters == pytest.approx([0.4, 0.4 * 0.853553, 0.2, 0.4 * 0.146447], rel=1e-5)
    assert heads == pytest.approx([lr / 4 for lr in adapters])


@pytest.mark.parametrize("staged", [True, False])
def test_an_interrupted_stage_goes_on_to_the_same_result(clips, staged):
    s = settings(epochs=4, rho_p=0.01, staged=staged)
    states = []
    whole = trained(clips, s, save=lambda state: states.append(state))
    assert len(states) == 4
    for state in states:
        again = trained(clips, s, saved=state)
        assert again[0] == whole[0]
        assert torch.equal(learned(again[1]), learned(whole[1]))
        assert torch.equal(again[2].weight, whole[2].weight)


def test_a_person_sees_every_step_and_the_head_on_the_test_clips(clips):
    class Seen(Watch):
        def __init__(self):
            self.told = []

        def begin(self, stage, steps):
            self.told.append((stage, steps))

        def step(self):
            self.told.append("step")

        def epoch(self, *words):
            self.told.append(words)

    watch = Seen()
    inputs = inputs_of(small_encoder(), clips, watch=watch)
    stage = stage_of(inputs, settings())
    test = (inputs_of(small_encoder(), clips[:9]), stage.y[:9])
    stage = stage_of(inputs, settings(), test=test)
    adapter = attach(inputs.backbone, [2], settings().lora, generator=stage.generator())
    watch.told.clear()
    done = train_adapter(stage, adapter, warm_up_head(stage))
    assert watch.told[:4] == [("stage", 6), "step", "step", "step"]
    assert watch.told[4] == (1, 2, done.losses[0], done.held_out[0])
    assert all(9 * share == pytest.approx(round(9 * share)) for share in done.held_out)


def test_no_step_is_longer_than_the_rate_times_the_clipped_gradient(clips):
    def moved(clip_norm):
        s = settings(epochs=1, batch=18, rate=1.0, momentum=0.0, weight_decay=0.0, clip_norm=clip_norm,
                     regulariser_weight=0)  # fmt: skip
        _, adapter, _, inputs = trained(clips, s)
        fresh = attach(small_encoder(), [1, 2], s.lora, generator=stage_of(inputs, s).generator("adapter"))
        return (learned(adapter) - learned(fresh)).norm().item()

    whole = moved(None)
    assert moved(whole / 2) == pytest.approx(whole / 2, rel=1e-4)
    assert moved(2 * whole) == pytest.approx(whole, rel=1e-6)
