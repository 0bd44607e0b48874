"""Adapters start as nothing, learn alone, add up, can be subtracted, and leave plain weights behind."""

import copy
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pace_edge.adapt import eat, whisper
from pace_edge.adapt.backbone import Backbone, SideBySide
from pace_edge.adapt.lora import LoraConfig, attach, find_places, merge
from pace_edge.adapt.yamnet import SameConv
from pace_edge.errors import PaceEdgeError

WIDTH = 16


class ConvNet(Backbone):
    """A stem, then a depthwise and a 1x1 convolution twice: YAMNet, small."""

    rate_hz, embedding_size, pooled = 16000, WIDTH, (4,)

    def __init__(self):
        super().__init__()
        layers = [SameConv(1, 4, 3, stride=2)]
        for n_in, n_out in pairwise((4, 8, WIDTH)):
            layers += [SameConv(n_in, n_in, 3, groups=n_in), SameConv(n_in, n_out, 1)]
        self.blocks = nn.ModuleList(layers)

    def pool(self, x):
        return x.mean((2, 3))


KINDS = {
    "whisper": lambda: whisper.WhisperEncoder(width=WIDTH, n_blocks=3, heads=2, n_positions=50),
    "fused": lambda: eat.EAT(width=WIDTH, n_blocks=3, heads=2, n_positions=4),
    "convolutional": ConvNet,
}


def seeded(number):
    return torch.Generator().manual_seed(number)


def small(kind):
    torch.manual_seed(0)
    return KINDS[kind]().eval()


def read_by_blocks(kind):
    return torch.randn((4, 1, 8, 8) if kind == "convolutional" else (4, 6, WIDTH), generator=seeded(1))


def new(backbone, seed=0, blocks=None, **options):
    """An adapter of rank 3, on all blocks if none are named."""
    blocks = range(len(backbone.blocks)) if blocks is None else blocks
    return attach(backbone, blocks, LoraConfig(**{"rank": 3} | options), generator=seeded(seed))


def trained(backbone, seed=0, blocks=None, **options):
    """An adapter that is no longer zero."""
    adapter = new(backbone, seed, blocks, **options)
    for layer in adapter.layers.values():
        layer.B.data = torch.randn(layer.B.shape, generator=seeded(seed + 100)) / WIDTH
    return adapter


def train(backbone, adapter, x, steps=3):
    optimiser = torch.optim.SGD(adapter.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    for _ in range(steps):
        optimiser.zero_grad()
        (backbone.from_block(0, x) * torch.linspace(-1, 1, WIDTH)).sum().backward()
        optimiser.step()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("targets", ["kv", "qkv", "all_linear"])
def test_a_new_adapter_changes_nothing(kind, targets):
    backbone, x = small(kind), read_by_blocks(kind)
    before, adapter = backbone.from_block(0, x), new(backbone, targets=targets)
    assert all(layer.A.any() and not layer.B.any() for layer in adapter.layers.values())
    assert torch.equal(backbone.from_block(0, x), before)


def test_targets_choose_layers_by_what_a_block_holds():
    def names(kind, targets, blocks=(1,)):
        return [name.removeprefix("blocks.1.") for name in find_places(small(kind), blocks, targets)]

    for kind, at in (("whisper", "attention."), ("fused", "attention.qkv.")):
        assert set(names(kind, "kv")) == {at + "k", at + "v"}
        assert set(names(kind, "qkv")) == {at + "q", at + "k", at + "v"}
        assert set(names(kind, "all_linear")) == {at + "q", at + "k", at + "v", "attention.out", "fc1", "fc2"}
    for targets in ("kv", "qkv", "all_linear"):
        assert names("convolutional", targets, range(5)) == ["blocks.2.conv", "blocks.4.conv"]


def test_a_layer_says_its_width_and_its_rows():
    adapter = new(small("fused"), blocks=[0], targets="all_linear")
    layer, fc2 = (adapter.layers["blocks.0." + name] for name in ("attention.qkv.v", "fc2"))
    assert (layer.input_width, layer.A.shape, layer.B.shape) == (WIDTH, (3, WIDTH), (WIDTH, 3))
    assert (fc2.input_width, fc2.delta().shape, fc2.delta().dtype) == (4 * WIDTH, (WIDTH, 4 * WIDTH), torch.float64)
    place = adapter.places["blocks.0.attention.qkv.v"]
    assert (place.path, place.rows) == ("blocks.0.attention.qkv", slice(2 * WIDTH, 3 * WIDTH))


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_newest_adapter_learns(kind):
    backbone, x = small(kind), read_by_blocks(kind)
    before = copy.deepcopy(backbone.state_dict())
    first = trained(backbone)
    second = new(backbone, 2, rank=2)
    kept = [p.clone() for p in first.parameters()]
    train(backbone, second, x)
    learning = {p for p in backbone.parameters() if p.requires_grad}
    assert learning == set(second.parameters())
    assert {p for p in backbone.parameters() if p.grad is not None} == learning
    assert all(layer.B.any() for layer in second.layers.values())
    assert all(torch.equal(p, k) for p, k in zip(first.parameters(), kept, strict=True))
    second.freeze()
    assert not any(p.requires_grad for p in backbone.parameters())
    second.detach(), first.detach()
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())


@pytest.mark.parametrize("targets", ["kv", "qkv"])
def test_training_leaves_the_rows_of_a_fused_weight_that_were_not_chosen(targets):
    backbone = small("fused")
    before = [block.attention.qkv.weight.detach().clone() for block in backbone.blocks]
    train(backbone, new(backbone, targets=targets), read_by_blocks("fused"))
    for W, W_0 in zip((block.attention.qkv.weight for block in merge(backbone).blocks), before, strict=True):
        moved = [(W[i : i + WIDTH] != W_0[i : i + WIDTH]).any() for i in (0, WIDTH, 2 * WIDTH)]
        assert moved == [targets == "qkv", True, True]


def fuse(apart):
    """Whisper's attention as EAT's."""
    joint = eat.Attention(WIDTH, apart.heads)
    joint.qkv.weight.data = torch.cat([apart.q.weight, apart.k.weight, apart.v.weight]).detach()
    joint.qkv.bias.data = torch.cat([apart.q.bias, torch.zeros(WIDTH), apart.v.bias]).detach()
    joint.out = apart.out
    return joint


def test_a_fused_weight_learns_what_separate_weights_learn():
    apart, joint, x = small("whisper"), small("whisper"), read_by_blocks("whisper")
    for block in joint.blocks:
        block.attention = fuse(block.attention)
    one, other = (new(backbone) for backbone in (apart, joint))
    for name, layer in other.layers.items():
        layer.A.data.copy_(one.layers[name.replace("qkv.", "")].A)
    before = apart.from_block(0, x)
    train(apart, one, x), train(joint, other, x)
    assert (apart.from_block(0, x) - before).abs().max() > 1e-3
    assert torch.allclose(apart.from_block(0, x), joint.from_block(0, x), atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(list(KINDS)),
    targets=st.sampled_from(["kv", "qkv", "all_linear"]),
    sessions=st.lists(st.tuples(st.integers(1, 5), st.floats(0.1, 8), st.sampled_from([1, 0, -1])), max_size=4),
)
def test_adapters_add_up_and_merging_keeps_the_output(kind, targets, sessions):
    backbone, x = small(kind), read_by_blocks(kind)
    blocks = [2] if kind == "convolutional" else [0, 2]
    names = backbone.state_dict().keys()
    expected = {p.path: p.module.weight.detach().double() for p in find_places(backbone, blocks, targets).values()}
    for seed, (rank, alpha, factor) in enumerate(sessions):
        adapter = trained(backbone, seed, blocks, rank=rank, alpha=alpha, targets=targets)
        for name, place in adapter.places.items():
            layer, W = adapter.layers[name], expected[place.path].clone()
            layer.factor = float(factor)
            by_hand = alpha / rank * (layer.B.double() @ layer.A.double()).detach()
            assert torch.allclose(layer.delta(), by_hand, atol=1e-12)
            W[place.rows] += factor * by_hand.reshape(-1, *W.shape[1:])
            expected[place.path] = W
    plain = merge(backbone)
    assert plain.state_dict().keys() == names
    assert not any(p.requires_grad for p in plain.parameters()) or not sessions
    for path, W in expected.items():
        assert torch.equal(plain.get_submodule(path).weight, W.float())
    assert torch.allclose(plain.from_block(0, x), backbone.from_block(0, x), atol=1e-5)


def test_merging_a_whole_encoder_keeps_its_embedding_and_the_original():
    backbone, pcm = small("whisper"), 0.1 * torch.randn(2, 8000, generator=seeded(3))
    names, before = backbone.state_dict().keys(), backbone(pcm)
    adapter = trained(backbone)
    with torch.no_grad():
        z = backbone(pcm)
        plain = merge(backbone)
        assert (z - before).abs().max() > 1e-2
        assert torch.allclose(plain(pcm), z, atol=1e-6)
        assert type(plain.blocks[0].attention.k) is nn.Linear
        assert plain.state_dict().keys() == names
        plain.blocks[0].attention.k.weight.zero_()
        assert torch.equal(backbone(pcm), z)
    adapter.detach()
    assert torch.equal(backbone(pcm), before)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e38])
def test_merging_refuses_what_is_not_finite(bad):
    backbone = small("whisper")
    adapter = trained(backbone)
    layer = adapter.layers["blocks.1.attention.v"]
    layer.A.data[:], layer.B.data[:] = 10.0, bad  # 1e38 is finite, but its products are not in float32
    with pytest.raises(PaceEdgeError, match=r"blocks\.1\.attention\.v are not finite"):
        merge(backbone)


@torch.no_grad()
def test_subtracting_gives_the_unlearned_model_and_ends_with_its_context():
    backbone, x = small("fused"), read_by_blocks("fused")
    plain = backbone.from_block(0, x)
    W_0 = backbone.blocks[1].attention.qkv.weight.clone()
    first, second = trained(backbone, 0), trained(backbone, 1)
    both, W = backbone.from_block(0, x), backbone.blocks[1].attention.qkv.weight.clone()
    with pytest.raises(RuntimeError, match="stop"), first.subtracted(), second.subtracted():
        assert torch.allclose(backbone.blocks[1].attention.qkv.weight, 2 * W_0 - W, atol=1e-6)
        raise RuntimeError("stop")
    assert torch.equal(backbone.from_block(0, x), both)
    with first.switched_off(), second.switched_off():
        assert torch.equal(backbone.from_block(0, x), plain)
        with first.subtracted():
            assert not torch.equal(backbone.from_block(0, x), plain)
        assert torch.equal(backbone.from_block(0, x), plain)
    with second.switched_off():
        without = backbone.from_block(0, x)
    second.detach(), second.detach()  # twice is as once
    assert torch.equal(backbone.from_block(0, x), without)


@torch.no_grad()
def test_a_copy_and_its_original_do_not_share_their_adapters():
    """Torch's copies share the class that holds the parametrization; taking it off one must not break the other."""
    backbone, x = small("whisper"), read_by_blocks("whisper")
    plain = backbone.from_block(0, x)
    adapter = trained(backbone)
    z, twin = backbone.from_block(0, x), copy.deepcopy(backbone)
    adapter.detach()
    assert torch.equal(backbone.from_block(0, x), plain) and torch.equal(twin.from_block(0, x), z)
    trained(backbone, 7)
    assert torch.equal(twin.from_block(0, x), z)


def test_of_backbones_side_by_side_the_first_is_adapted():
    both = SideBySide([small("whisper"), small("fused")], [0.5, 0.5])
    adapter = trained(both, blocks=[0, 2])
    assert {name.split(".attention")[0] for name in adapter.layers} == {"backbones.0.blocks.0", "backbones.0.blocks.2"}
    names = merge(both).state_dict().keys()
    adapter.detach()
    assert names == both.state_dict().keys()


def test_the_seed_alone_decides_the_start():
    first, again, other = (new(small("fused"), seed).layers for seed in (3, 3, 4))
    assert all(torch.equal(first[name].A, again[name].A) for name in first)
    assert not any(torch.equal(first[name].A, other[name].A) for name in first)


def test_bf16_autocast_trains_float32_adapters():
    backbone, x = small("fused"), read_by_blocks("fused")
    adapter = trained(backbone)
    reference = backbone.from_block(0, x)
    with torch.autocast("cpu", torch.bfloat16):
        z = backbone.from_block(0, x)
    (z * torch.linspace(-1, 1, WIDTH)).sum().backward()
    assert torch.allclose(z.float(), reference, atol=0.05)
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() and p.grad.any() for p in adapter.parameters())


def test_a_compiled_backbone_sees_the_adapters_in_one_graph():
    backbone, x = small("whisper"), read_by_blocks("whisper")
    adapter = trained(backbone)
    compiled = torch.compile(backbone.from_block, backend="eager", fullgraph=True)
    assert torch.allclose(compiled(0, x), backbone.from_block(0, x), atol=1e-6)
    with adapter.subtracted():
        assert torch.allclose(compiled(0, x), backbone.from_block(0, x), atol=1e-6)


@pytest.mark.parametrize("options", [{"rank": 0}, {"rank": 1.5}, {"alpha": 0.0}, {"alpha": 1e999}, {"targets": "k"}])
def test_a_config_that_means_nothing_is_refused(options):
    with pytest.raises(PaceEdgeError, match="expected"):
        LoraConfig(**options)


@pytest.mark.parametrize(
    ("kind", "blocks", "match"),
    [("whisper", blocks, "0 to 2") for blocks in ([], [3], [-1], [1, 1])] + [("convolutional", [0, 3], "nothing to")],
)
def test_blocks_that_cannot_be_adapted_are_refused(kind, blocks, match):
    backbone = small(kind)
    with pytest.raises(PaceEdgeError, match=match):
        new(backbone, blocks=blocks)
    assert all(p.requires_grad for p in backbone.parameters())
