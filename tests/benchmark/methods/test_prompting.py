"""Prompts are tokens that the clip's may attend to: they take no place, and where there are none nothing changes."""

import pytest
import torch

from pace_edge.adapt.backbone import SideBySide
from pace_edge.adapt.eat import EAT
from pace_edge.adapt.inputs import Frozen
from pace_edge.benchmark.methods.prompting import prompted, token_width
from pace_edge.errors import PaceEdgeError
from tests.adapt.small import small_encoder
from tests.synthetic import MelStatistics


def small_eat() -> EAT:
    torch.manual_seed(0)
    return EAT(width=24, n_blocks=3, heads=2, n_positions=8, pooled=[0, 2]).eval().requires_grad_(False)


BACKBONES = {"whisper": small_encoder(pooled=[0, 2]), "eat": small_eat()}
each_backbone = pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)


def pcm(clips=3) -> torch.Tensor:
    return 0.1 * torch.randn(clips, 8000, generator=torch.Generator().manual_seed(1))


def draw(*shape) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(2))


@each_backbone
def test_without_prompts_the_clips_embedding_is_the_backbones(backbone):
    of_tokens, _ = prompted(backbone, Frozen(backbone.stem(pcm()), ()), {0: torch.zeros(3, 0, 24)})
    assert torch.allclose(of_tokens, backbone(pcm()), atol=1e-6)


@each_backbone
def test_it_is_the_same_whether_prompts_stand_before_the_clips_tokens_or_behind_them(backbone):
    x, prompts = backbone.stem(pcm()), draw(3, 5, 24)
    _, of_prompts = prompted(backbone, Frozen(x, ()), {0: prompts})
    y, parts = torch.cat([prompts, x], 1), []
    for i, block in enumerate(backbone.blocks):
        y = block(y)
        if i in backbone.pooled:
            part = y[:, :5].mean(1)
            parts.append(torch.nn.functional.layer_norm(part, (24,)) / 24**0.5)
    assert torch.allclose(of_prompts, torch.cat(parts, 1) / 2**0.5, atol=1e-5)


@each_backbone
def test_each_clip_has_prompts_of_its_own(backbone):
    x, prompts = Frozen(backbone.stem(pcm()), ()), draw(3, 2, 24)
    before = prompted(backbone, x, {0: prompts})
    prompts[1] = -prompts[1]
    for old, new in zip(before, prompted(backbone, x, {0: prompts}), strict=True):
        assert torch.allclose(old[[0, 2]], new[[0, 2]], atol=1e-6)
        assert not torch.allclose(old[1], new[1], atol=1e-3)


@each_backbone
def test_later_prompts_join_those_before_them(backbone):
    x, first, second = Frozen(backbone.stem(pcm()), ()), draw(3, 2, 24), draw(3, 1, 24) + 1.0
    alone, _ = prompted(backbone, x, {0: first})
    both, _ = prompted(backbone, x, {0: first, 1: second})
    none, _ = prompted(backbone, x, {1: second})
    assert not torch.allclose(alone, both, atol=1e-4)
    assert not torch.allclose(none, both, atol=1e-4)
    assert token_width(backbone) == 24


@pytest.mark.parametrize("backbone", [MelStatistics(), SideBySide([small_encoder(), MelStatistics()], [0.5, 0.5])])
def test_a_backbone_that_is_no_transformer_alone_is_refused(backbone):
    x = backbone.stem(pcm())
    frozen = Frozen(x[:, None] if isinstance(backbone, MelStatistics) else x, backbone.beside(pcm()))
    with pytest.raises(PaceEdgeError, match="prompts need a backbone that is one transformer"):
        prompted(backbone, frozen, {})
