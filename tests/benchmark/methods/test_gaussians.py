"""Pseudo-features have the class's mean and variance, and a head that saw only them knows the classes."""

import torch

from pace_edge.benchmark.methods.gaussians import LEAST_VARIANCE, Gaussian, align

FEATURES = torch.tensor([1.0, -2.0, 0.5]) * torch.randn(200, 3, generator=torch.Generator().manual_seed(0)) + 4.0


def test_drawn_features_have_the_mean_and_the_variance_of_the_class():
    gaussian = Gaussian.of(FEATURES)
    drawn = gaussian.draw(20000, torch.Generator().manual_seed(1))
    assert torch.allclose(drawn.mean(0), FEATURES.mean(0), atol=0.05)
    assert torch.allclose(drawn.var(0), FEATURES.var(0), rtol=0.05)


def test_a_class_of_one_clip_has_the_least_variance():
    assert Gaussian.of(FEATURES[:1]).variance.tolist() == [torch.tensor(LEAST_VARIANCE).item()] * 3


def test_a_head_learns_the_classes_without_a_clip():
    generator = torch.Generator().manual_seed(2)
    centres = 2.0 * torch.randn(4, 8, generator=generator)
    clips = centres.repeat_interleave(20, 0) + 0.5 * torch.randn(80, 8, generator=generator)
    head, y = torch.nn.Linear(8, 4), torch.arange(4).repeat_interleave(20)
    align(head, [Gaussian.of(clips[y == c]) for c in range(4)], range(4), epochs=5, per_class=50, rate=0.05,
          generator=generator)  # fmt: skip
    assert (head(clips).argmax(1) == y).double().mean() > 0.95


def test_several_classes_may_share_a_row():
    generator = torch.Generator().manual_seed(3)
    classes = [Gaussian(torch.eye(3)[c] * 4, torch.full((3,), 0.1)) for c in range(3)]
    head = torch.nn.Linear(3, 2)
    align(head, classes, [0, 1, 0], epochs=10, per_class=50, rate=0.05, generator=generator)
    assert head(torch.stack([g.mean for g in classes])).argmax(1).tolist() == [0, 1, 0]
