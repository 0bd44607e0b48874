"""The regulariser's state is that of its definition: the wrong views of prone clips, the centres, the right views."""

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize

from pace_edge.adapt.near_boundary import Boundary, boundary_now, wrong_views
from tests.adapt.small import inputs_of, settings, small_encoder, stage_of, write_clips

VIEWS = 6


@pytest.fixture
def seen(tmp_path):
    """Inputs with strongly masked views, a head that calls some of them wrong, and every view's embedding."""
    clips, encoder, s = write_clips(tmp_path, classes=3, per_class=4), small_encoder(), settings(views=VIEWS)
    inputs = inputs_of(encoder, clips, first=1, views=VIEWS, max_masked=0.9)
    y = stage_of(inputs, s).y
    z = inputs.embed_all()
    head = nn.Linear(z.shape[1], 3)
    with torch.no_grad():
        head.weight.copy_(torch.stack([z[y == c].mean(0) for c in range(3)]) - z.mean(0))
        head.bias.zero_()
        pairs = torch.cartesian_prod(torch.arange(len(y)), torch.arange(VIEWS))
        ((_, views),) = inputs.read_views([torch.arange(len(y))], [pairs])
        z_views = inputs.embed(views).view(len(y), VIEWS, -1)
    return inputs, y, s, head, z, z_views


def test_wrong_views_are_those_that_the_head_calls_another_class(seen):
    inputs, y, s, head, _, z_views = seen
    wrong = wrong_views(inputs, head, y, s)
    assert torch.equal(wrong, head(s.feature_length * z_views).argmax(-1) != y[:, None])
    assert 0 < wrong.sum() < wrong.numel()


def test_B_t_and_mu_are_those_of_their_definition(seen):
    inputs, y, s, head, z, z_views = seen
    wrong = wrong_views(inputs, head, y, s)
    now = boundary_now(inputs, wrong, y, s, torch.Generator().manual_seed(0))
    prone = wrong.double().mean(1) > s.rho_p
    expected = normalize(z_views[prone[:, None] & wrong], dim=-1)
    assert len(expected)
    assert torch.allclose(now.B_t, expected, atol=1e-5)
    mu = torch.stack([normalize(z[y == c], dim=-1).mean(0) for c in range(3)])
    assert torch.allclose(now.mu, mu, atol=1e-5)


def test_right_views_enter_first_and_wrong_ones_never_count(seen):
    inputs, y, s, head, _, _ = seen
    wrong = wrong_views(inputs, head, y, s)
    now = boundary_now(inputs, wrong, y, s, torch.Generator().manual_seed(0))
    assert now.right.shape == (len(y), s.views_in_loss)
    assert torch.equal(now.right, ~wrong.gather(1, now.views))
    assert torch.equal(now.right.sum(1), (~wrong).sum(1).clamp_max(s.views_in_loss))


def test_the_loss_of_a_group_is_the_formulas(seen):
    inputs, y, _, head, z, z_views = seen
    s = settings(views=VIEWS, views_in_loss=None)
    wrong = wrong_views(inputs, head, y, s)
    now = boundary_now(inputs, wrong, y, s, torch.Generator().manual_seed(0))
    group = torch.tensor([5, 0, 9, 2])
    pairs = now.pairs(group)
    ((_, views),) = inputs.read_views([group], [pairs])
    got = now.loss(z[group], inputs.embed(views).detach(), group, y, 0.25)
    for i, value in zip(group.tolist(), got, strict=True):
        members = torch.cat([z[i][None], z_views[i][~wrong[i]]])
        pull = (normalize(members, dim=-1) - now.mu[y[i]]).square().sum(1).mean()
        push = (normalize(z[i], dim=0) - now.B_t).square().sum(1).min()
        assert value.item() == pytest.approx(max(0.0, (0.25 + pull - push).item()), abs=1e-5)


def test_a_group_without_right_views_has_a_loss_of_its_clips_alone():
    nobody = Boundary(torch.eye(2), torch.eye(2), torch.zeros(1, 2, dtype=torch.long), torch.zeros(1, 2).bool())
    group, y = torch.tensor([0]), torch.tensor([1])
    assert nobody.pairs(group).shape == (0, 2)
    loss = nobody.loss(torch.tensor([[0.0, 1.0]]), torch.zeros(0, 2), group, y, 0.25)
    assert loss.tolist() == [pytest.approx(0.25)]  # at its centre, and on a boundary feature
