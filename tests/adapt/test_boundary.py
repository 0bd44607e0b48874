"""The boundary-aware regulariser is the paper's formula; on a plane one sees what it pulls and what it pushes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.adapt.boundary import (
    boundary_features,
    boundary_loss,
    boundary_prone,
    class_centres,
    draw_masks,
    masked_views,
)


def normal(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# Views


def views_of(mel, seed=0, n=20, **options):
    return masked_views(mel, draw_masks(len(mel), n, generator=torch.Generator().manual_seed(seed)), **options)


def test_each_view_masks_one_time_band_and_one_frequency_band_with_the_clips_mean():
    mel = normal(0, 3, 40, 30)
    views = views_of(mel)
    assert views.shape == (3, 20, 40, 30)
    for clip, of_clip in zip(mel, views, strict=True):
        for view in of_clip:
            masked = view != clip
            assert torch.allclose(view[masked], clip.mean())
            frames, bands = masked.all(1), masked.all(0)
            assert torch.equal(masked, frames[:, None] | bands[None, :])  # two bands and nothing else
            for band, most in ((frames, 8), (bands, 6)):
                inside = band.nonzero().flatten()
                assert 1 <= len(inside) <= most
                assert inside[-1] - inside[0] == len(inside) - 1


def test_bands_take_every_allowed_length_and_reach_both_ends():
    masked = (views_of(normal(1, 1, 20, 50), n=2000) != normal(1, 1, 20, 50)[:, None])[0]
    frames = masked.all(2)
    assert set(frames.sum(1).tolist()) == {1, 2, 3, 4}
    assert frames.any(0).all()


def test_a_view_is_the_same_made_alone_or_among_others():
    mel, masks = normal(5, 3, 40, 30), draw_masks(3, 20, generator=torch.Generator().manual_seed(0))
    alone = masked_views(mel[1:2], masks[1:2, 7:8])
    assert torch.equal(alone[0, 0], masked_views(mel, masks)[1, 7])


def test_views_differ_follow_their_generator_and_leave_the_clip_alone():
    mel = normal(2, 2, 40, 30)
    before = mel.clone()
    assert torch.equal(views_of(mel, 1), views_of(mel, 1))
    assert not torch.equal(views_of(mel, 1), views_of(mel, 2))
    assert len({tuple(view.flatten().tolist()) for view in views_of(mel)[0]}) > 15
    assert torch.equal(mel, before)


def test_an_axis_too_short_for_a_band_is_left_whole():
    mel = normal(3, 2, 4, 30)
    masked = views_of(mel) != mel[:, None]
    assert not masked.all(-1).any()
    assert masked.all(-2).any()
    assert torch.equal(views_of(mel, max_fraction=0.0), mel[:, None].expand(2, 20, 4, 30))


# Prone clips, their features, the centres


def test_a_clip_is_prone_when_more_than_rho_p_of_its_views_are_wrong():
    wrong = torch.arange(20)[None] < torch.tensor([[0], [6], [7], [20]])  # 0, 30, 35 and 100 %
    assert boundary_prone(wrong).tolist() == [False, False, True, True]
    assert boundary_prone(wrong, 0.35).tolist() == [False, False, False, True]


def test_exactly_rho_p_is_never_more_whatever_the_rounding():
    for n in range(1, 61):  # 1 / 49 * 49 < 1
        for k in range(n + 1):
            assert not boundary_prone(torch.arange(n)[None] < k, k / n), (k, n)


def test_boundary_features_are_the_wrong_views_of_prone_clips_at_length_1():
    features = normal(4, 3, 4, 2).requires_grad_()
    wrong = torch.tensor([[1, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]]).bool()
    B_t = boundary_features(features, wrong, torch.tensor([True, False, False]))
    assert torch.allclose(B_t, (features / features.norm(dim=-1, keepdim=True))[0, [0, 3]])
    assert not B_t.requires_grad
    assert boundary_features(features, wrong, torch.zeros(3).bool()).shape == (0, 2)


def test_class_centres_are_means_of_directions():
    centres = class_centres(torch.tensor([[2.0, 0.0], [0.0, 9.0], [-1.0, 0.0]]), torch.tensor([0, 0, 2]))
    assert torch.allclose(centres, torch.tensor([[0.5, 0.5], [0.0, 0.0], [-1.0, 0.0]]))


# The loss


def loss_by_hand(f_views, right, f_clip, mu, B_t, delta):
    """L_reg clip by clip and view by view, as the paper writes it."""

    def unit(x):
        return x / x.norm()

    losses = []
    for views, is_right, clip, centre in zip(f_views, right, f_clip, mu, strict=True):
        S = [clip] + [view for view, ok in zip(views, is_right, strict=True) if ok]
        pull = sum(((unit(u) - centre) ** 2).sum() for u in S) / len(S)
        push = min(((unit(clip) - unit(b)) ** 2).sum() for b in B_t)
        losses.append(max(torch.zeros(()), delta + pull - push))
    return torch.stack(losses)


def case(seed, B=5, n=6, D=4, K=7):
    right = torch.rand(B, n, generator=torch.Generator().manual_seed(seed)) < 0.5
    return normal(seed, B, n, D), right, normal(seed + 1, B, D), 0.5 * normal(seed + 2, B, D), normal(seed + 3, K, D)


seeds = st.integers(0, 10_000)


@given(seeds, st.floats(0, 2))
def test_the_loss_is_the_papers_formula_and_never_negative(seed, delta):
    loss = boundary_loss(*case(seed), delta)
    assert (loss >= 0).all()
    assert torch.allclose(loss, loss_by_hand(*case(seed), delta), atol=1e-5)


@settings(max_examples=30)
@given(seeds, st.permutations(range(6)), st.permutations(range(7)), st.floats(0.1, 10))
def test_the_order_of_views_and_boundaries_and_the_length_of_features_do_not_matter(seed, views, boundaries, scale):
    f_views, right, f_clip, mu, B_t = case(seed)
    shuffled = boundary_loss(scale * f_views[:, views], right[:, views], scale * f_clip, mu, scale * B_t[boundaries])
    assert torch.allclose(shuffled, boundary_loss(*case(seed)), atol=1e-5)


@given(seeds)
def test_a_tight_class_far_from_the_boundary_costs_nothing(seed):
    mu = torch.nn.functional.normalize(normal(seed, 1, 4), dim=-1)
    f_clip, f_views = mu + 0.05 * normal(seed + 1, 1, 4), mu[:, None] + 0.05 * normal(seed + 2, 1, 6, 4)
    assert boundary_loss(f_views, torch.ones(1, 6).bool(), f_clip, mu, -mu).item() == 0.0


def test_without_a_boundary_there_is_no_loss_and_no_gradient():
    f_views, right, f_clip, mu, _ = case(0)
    f_views.requires_grad_(), f_clip.requires_grad_()
    loss = boundary_loss(f_views, right, f_clip, mu, torch.zeros(0, 4))
    loss.sum().backward()
    assert not loss.any()
    assert not f_clip.grad.any()
    assert not f_views.grad.any()


def test_half_precision_features_under_autocast_keep_a_float32_loss():
    f_views, right, f_clip, mu, B_t = case(1)
    expected = boundary_loss(f_views.bfloat16().float(), right, f_clip.bfloat16().float(), mu, B_t)
    with torch.autocast("cpu", torch.bfloat16):
        loss = boundary_loss(f_views.bfloat16(), right, f_clip.bfloat16(), mu, B_t)
    assert loss.dtype == torch.float32
    assert torch.allclose(loss, expected)


def at(*degrees):
    """Points of the unit circle."""
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees])


def turning(points, gradient):
    """How gradient descent turns each point: the step's part along growing angle."""
    return (-gradient * torch.stack([-points[..., 1], points[..., 0]], -1)).sum(-1).detach()


def test_on_a_plane_the_class_is_pulled_together_and_clips_are_pushed_off_the_boundary():
    """The class centre is at 0 degrees, boundaries at 28 and at -160. Clip 0 is at 15, clip 1 AT the centre's angle,
    clip 2 at -30. Views: one each at -10 (right), 35 (wrong), 10 (right)."""
    f_clip = at(15, 0, -30).requires_grad_()
    f_views = at(-10, 35, 10).expand(3, 3, 2).clone().requires_grad_()
    right = torch.tensor([True, False, True]).expand(3, 3)
    mu, B_t = (0.9 * at(0, 0, 0)).requires_grad_(), at(28, -160).requires_grad_()
    loss = boundary_loss(f_views, right, f_clip, mu, B_t)
    loss.sum().backward()
    assert (loss[:2] > 0).all()
    assert loss[2] == 0

    clip, views = turning(f_clip, f_clip.grad), turning(f_views, f_views.grad)
    assert clip[0] < 0  # pulled to the centre and pushed off 28
    assert clip[1] < 0  # nothing to pull; pushed off 28 all the same
    assert clip[2] == 0  # far from both boundaries: left alone
    for i in (0, 1):
        assert views[i, 0] > 0 > views[i, 2]  # right views: pulled to the centre from either side
        assert views[i, 1] == 0  # the wrong view is not asked
    assert not views[2].any()
    assert mu.grad is None
    assert B_t.grad is None


def test_a_clip_is_pushed_off_the_nearest_boundary_only():
    f_clip, views, right = at(0).requires_grad_(), torch.zeros(1, 0, 2), torch.zeros(1, 0).bool()
    for nearest, turned in ((20, -1), (-20, 1)):
        f_clip.grad = None
        boundary_loss(views, right, f_clip, at(0), torch.cat([at(nearest), at(-2 * nearest)])).sum().backward()
        assert math.copysign(1, turning(f_clip, f_clip.grad).item()) == turned


def test_descent_on_the_loss_ends_where_the_clip_is_nearer_to_its_class_than_to_the_boundary():
    f_clip, mu, B_t = at(38).requires_grad_(), at(0), at(40)
    optimizer = torch.optim.SGD([f_clip], 0.05)
    for _ in range(200):
        optimizer.zero_grad()
        loss = boundary_loss(torch.zeros(1, 0, 2), torch.zeros(1, 0).bool(), f_clip, mu, B_t)
        loss.sum().backward()
        optimizer.step()
    f = torch.nn.functional.normalize(f_clip.detach(), dim=-1)
    assert loss.item() == pytest.approx(0.0, abs=1e-3)
    assert (f - B_t).square().sum() >= 0.25 + (f - mu).square().sum() - 1e-3
