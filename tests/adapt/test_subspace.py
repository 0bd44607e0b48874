"""A session's update answers nothing outside its subspace, whatever the optimiser does."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrize

from pace_edge.adapt.subspace import InputCovariance, adapts, leading_subspace, null_space, project_steps
from pace_edge.errors import LearningError


def normal(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# The covariance


def test_the_covariance_is_uncentred_and_over_all_tokens_of_linear_layers_and_1x1_convolutions():
    net = nn.Sequential(nn.Linear(5, 4), Image(), nn.Conv2d(4, 3, 1, stride=2))
    x = 2.0 + normal(0, 3, 6, 5)  # [B, tokens, D], far from zero mean
    with InputCovariance({"fc": net[0], "conv": net[2]}) as covariance:
        net(x)
        net(x[:1])
    tokens = torch.cat([x, x[:1]]).double().flatten(0, 1)
    assert torch.allclose(covariance.sums["fc"], tokens.T @ tokens)
    assert covariance.tokens["fc"] == 24
    image = torch.cat([net[1](net[0](y)) for y in (x, x[:1])])[:, :, ::2, ::2]  # what stride 2 reads
    tokens = image.detach().double().movedim(1, -1).flatten(0, -2)
    assert torch.allclose(covariance.sums["conv"], tokens.T @ tokens)
    assert covariance.tokens["conv"] == len(tokens) == 4 * 2 * 1
    assert all(C.dtype == torch.float64 for C in covariance.sums.values())


class Image(nn.Module):
    """[B, tokens 6, D] as an image of 3 x 2."""

    def forward(self, x):
        return x.transpose(1, 2).unflatten(-1, (3, 2))


def test_blocks_of_tokens_and_several_processes_add_up(monkeypatch):
    layer, x = nn.Linear(5, 2), normal(1, 4, 9, 5)
    with InputCovariance({"a": layer}) as whole:
        layer(x)
    monkeypatch.setattr("pace_edge.adapt.subspace.ROWS", 7)
    parts = []
    for half in (x[:1], x[1:]):
        with InputCovariance({"a": layer}) as part:
            layer(half)
        parts.append(part)
    with InputCovariance({"a": layer}) as idle:
        pass
    parts.append(idle)  # a process without clips has its zeros to add
    assert torch.allclose(sum(part.sums["a"] for part in parts), whole.sums["a"])
    assert sum(part.tokens["a"] for part in parts) == whole.tokens["a"] == 36


def test_hooks_are_gone_after_the_context_even_after_an_error():
    layer = nn.Linear(5, 2)
    with pytest.raises(ZeroDivisionError), InputCovariance({"a": layer}) as covariance:
        raise ZeroDivisionError
    layer(torch.ones(1, 5))
    assert not layer._forward_pre_hooks
    assert not covariance.sums["a"].any()


def test_a_layer_of_another_kind_is_refused_by_name():
    for layer in (nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 1, groups=2), nn.Embedding(3, 4)):
        with pytest.raises(TypeError, match="the_layer"):
            InputCovariance({"the_layer": layer})


# The subspace


def covariance_with(energies, seed=0):
    """A covariance with these eigenvalues in random directions."""
    V = torch.linalg.qr(normal(seed, len(energies), len(energies)).double()).Q
    return V @ torch.diag(torch.tensor(energies, dtype=torch.float64)) @ V.T, V


def test_the_leading_directions_are_the_fewest_that_hold_more_than_rho():
    C, V = covariance_with([90.0, 9.5, 0.4, 0.1])
    U, energy = leading_subspace(C, 0.99)
    assert U.shape == (4, 2)
    assert energy == pytest.approx(0.995)
    assert torch.allclose(U @ U.T, V[:, :2] @ V[:, :2].T)
    assert leading_subspace(torch.diag(torch.tensor([1.0, 3.0])), 0.75).U.shape == (2, 2)  # 0.75 is not MORE


def test_the_null_space_is_the_rest():
    C, V = covariance_with([90.0, 9.5, 0.4, 0.1])
    U, energy = null_space(C, 0.99)
    assert energy == pytest.approx(0.005)
    assert torch.allclose(U @ U.T, V[:, 2:] @ V[:, 2:].T)
    assert null_space(torch.eye(3)).U.shape == (3, 0)  # all directions lead, none is left


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8).filter(lambda e: sum(e) > 1e-3), st.floats(0.5, 0.999))
def test_leading_and_null_directions_share_the_space_and_the_energy(energies, rho):
    C, _ = covariance_with(energies)
    leading, null = leading_subspace(C, rho), null_space(C, rho)
    whole = torch.cat([leading.U, null.U], 1)
    assert torch.allclose(whole.T @ whole, torch.eye(len(C), dtype=torch.float64), atol=1e-9)
    assert leading.energy > rho or leading.U.shape[1] == len(C)
    assert leading.energy + null.energy == pytest.approx(1.0)


@pytest.mark.parametrize("C", [torch.zeros(3, 3), torch.full((3, 3), torch.nan)])
def test_no_clips_or_a_diverged_model_are_named(C):
    with pytest.raises(LearningError, match="no subspace"):
        leading_subspace(C)


# The steps


class LowRank(nn.Module):
    """W + B A on a linear layer or a 1x1 convolution, both factors random, so that nothing is zero by chance."""

    def __init__(self, weight, rank=3):
        super().__init__()
        rest = weight.shape[2:]
        self.A = nn.Parameter(normal(3, rank, weight.shape[1], *rest))
        self.B = nn.Parameter(normal(4, weight.shape[0], rank))

    def change(self):
        return (self.B @ self.A.flatten(1)).detach()  # [out, D]

    def forward(self, weight):
        return weight + (self.B @ self.A.flatten(1)).view_as(weight)


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, weight_decay=5e-4),
    "adamw": lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1),
}
LAYERS = {"linear": lambda: nn.Linear(12, 5), "conv": lambda: nn.Conv2d(12, 5, 1)}


def adapted(kind):
    torch.manual_seed(0)
    layer = LAYERS[kind]().requires_grad_(False)
    adapter = LowRank(layer.weight)
    parametrize.register_parametrization(layer, "weight", adapter)
    return layer, adapter


def train(layer, optimizer, steps=40):
    for i in range(steps):
        x = normal(100 + i, 8, 12) if isinstance(layer, nn.Linear) else normal(100 + i, 8, 12, 2, 2)
        optimizer.zero_grad()
        (layer(x) - 1.0).square().mean().backward()
        optimizer.step()


def outside(change, U):
    """The share of the weight's change that answers inputs orthogonal to U."""
    change = change.double()
    return float((change - change @ U @ U.T).norm() / change.norm())


@pytest.mark.parametrize("choice", [leading_subspace, null_space])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kind", LAYERS)
def test_a_trained_adapter_changes_nothing_outside_the_subspace(kind, optimizer, choice):
    layer, adapter = adapted(kind)
    U = choice(covariance_with([2.0**-i for i in range(12)], seed=5)[0], 0.97).U
    optimizer = OPTIMIZERS[optimizer](adapter.parameters())
    project_steps(optimizer, {adapter.A: U})
    before = adapter.change()
    train(layer, optimizer)
    assert (adapter.change() - before).norm() > 0.1  # it did learn
    assert outside(adapter.change(), U) < 1e-6
    assert outside(adapter.change() - before, U) < 1e-6


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_projecting_gradients_alone_would_leave_the_subspace(optimizer):
    """Why the step is projected. SGD leaves only by what its state brings along: here, momentum from before."""
    layer, adapter = adapted("linear")
    U = leading_subspace(covariance_with([2.0**-i for i in range(12)], seed=5)[0], 0.97).U
    P = (U @ U.T).float()
    optimizer = OPTIMIZERS[optimizer](adapter.parameters())
    train(layer, optimizer, 2)
    with torch.no_grad():
        adapter.A.copy_(adapter.A @ P)
    adapter.A.register_hook(lambda gradient: gradient @ P)
    train(layer, optimizer)
    assert outside(adapter.change(), U) > 1e-3


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_a_step_becomes_is_the_projected_step_and_b_is_free(optimizer):
    (layer, adapter), (plain_layer, plain) = adapted("linear"), adapted("linear")
    U = leading_subspace(covariance_with([2.0**-i for i in range(12)], seed=5)[0], 0.97).U
    optimizer, plain_optimizer = (OPTIMIZERS[optimizer](a.parameters()) for a in (adapter, plain))
    project_steps(optimizer, {adapter.A: U})
    for step in range(5):
        plain.load_state_dict(adapter.state_dict())
        plain_optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        before = adapter.A.detach().clone()
        train(layer, optimizer, 1)
        train(plain_layer, plain_optimizer, 1)
        projected = before + (plain.A.detach() - before) @ (U @ U.T).float()
        assert torch.allclose(adapter.A, projected, atol=1e-6), step
        assert torch.equal(adapter.B, plain.B)


def test_an_adapter_starts_in_the_subspace_and_is_let_go_by_its_handle():
    layer, adapter = adapted("linear")
    U = leading_subspace(covariance_with([2.0**-i for i in range(12)], seed=5)[0], 0.97).U
    optimizer = OPTIMIZERS["sgd"](adapter.parameters())
    handle = project_steps(optimizer, {adapter.A: U})
    assert outside(adapter.change(), U) < 1e-6
    handle.remove()
    train(layer, optimizer)
    assert outside(adapter.change(), U) > 1e-3


def test_an_empty_subspace_lets_nothing_change():
    layer, adapter = adapted("linear")
    optimizer = OPTIMIZERS["adamw"](adapter.parameters())
    project_steps(optimizer, {adapter.A: null_space(torch.eye(12)).U})
    train(layer, optimizer)
    assert not adapter.change().any()


def test_a_parameter_that_no_step_would_reach_or_of_another_width_is_refused():
    _, adapter = adapted("linear")
    optimizer = torch.optim.SGD([adapter.B], 0.1)
    with pytest.raises(ValueError, match="not one of the optimiser's"):
        project_steps(optimizer, {adapter.A: torch.eye(12)})
    with pytest.raises(ValueError, match="no directions of length 12"):
        project_steps(optimizer, {adapter.B: torch.eye(12)})


# The stop rule


def last_adapted(clips_a_session, sessions):
    return max(t for t in range(1, sessions + 1) if adapts((t - 1) * clips_a_session))


def test_the_stop_rule_gives_the_published_t3():
    """Training clips a session: 8 of a speaker's 10; VocalSet 0.8 * 1520 over 8 sessions of 2 techniques (PACE 3)."""
    assert last_adapted(2 * 8, 315) == 14  # TIMIT-2
    assert last_adapted(3 * 8, 210) == 10  # TIMIT-3
    assert last_adapted(1520 * 8 // 10 // 8, 8) == 2  # VocalSet


def test_the_limit_itself_still_adapts():
    assert adapts(0)
    assert adapts(220)
    assert not adapts(221)
    assert not adapts(100, n_stop=99)
