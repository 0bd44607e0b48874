"""What adapting and exporting rely on holds for every kind of backbone: one contract, small instances of all."""

import copy
import re

import pytest
import torch

from pace_edge.adapt import eat, whisper, yamnet
from pace_edge.adapt.backbone import SideBySide, unit_norm
from pace_edge.adapt.lora import LoraConfig, attach
from pace_edge.errors import PaceEdgeError


def small_whisper():
    encoder = whisper.WhisperEncoder(width=32, n_blocks=3, heads=2, n_positions=50, pooled=(0, 2))
    torch.nn.init.normal_(encoder.positions, std=0.1)
    return encoder


def yamnet_that_hears():
    """Drawn large enough that not every ReLU6 is silent at the end."""
    net = yamnet.YamNet()
    for layer in net.blocks:
        torch.nn.init.kaiming_normal_(layer.conv.weight, nonlinearity="relu")
    return net


KINDS = {
    "whisper": small_whisper,
    "eat": lambda: eat.EAT(width=32, n_blocks=3, heads=2, n_positions=8, pooled=(1, 2)),
    "yamnet": yamnet_that_hears,
    "side by side": lambda: SideBySide([small_whisper(), yamnet_that_hears()], [0.7, 0.3]),
}
WHISPER_NAMES = {"positions", *(f"{layer}.{part}" for layer in ("conv1", "conv2") for part in ("weight", "bias"))} | {
    f"blocks.N.{layer}.{part}"
    for layer in ("norm1", "norm2", "attention.q", "attention.k", "attention.v", "attention.out", "fc1", "fc2")
    for part in ("weight", "bias")
} - {"blocks.N.attention.k.bias"}  # fmt: skip
YAMNET_NAMES = {"blocks.N.conv.weight", "blocks.N.conv.bias"}
NAMES = {
    "whisper": WHISPER_NAMES,
    "eat": {"class_token", "positions", *(f"{layer}.{part}" for layer in ("patch", "pre_norm")
                                          for part in ("weight", "bias"))} | {
        f"blocks.N.{layer}.{part}"
        for layer in ("norm1", "norm2", "attention.qkv", "attention.out", "fc1", "fc2") for part in ("weight", "bias")
    },
    "yamnet": YAMNET_NAMES,
    "side by side": {f"backbones.0.{name}" for name in WHISPER_NAMES} | {f"backbones.1.{n}" for n in YAMNET_NAMES},
}  # fmt: skip
LONGEST_S = {"whisper": 1.0, "eat": 1.28, "yamnet": None, "side by side": 1.0}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def backbone(kind):
    torch.manual_seed(0)
    return KINDS[kind]().eval().requires_grad_(False)


def sounds(n=3, seconds=1.0):
    return 0.1 * torch.randn(n, round(16000 * seconds), generator=torch.Generator().manual_seed(1))


def test_the_embedding_is_the_spectrogram_the_stem_and_the_blocks_in_their_order(backbone):
    pcm = sounds()
    z = backbone(pcm)
    assert z.shape == (3, backbone.embedding_size)
    assert torch.allclose(z.norm(dim=1), torch.ones(3), atol=1e-2)
    assert not torch.allclose(z[0], z[1], atol=1e-3)
    x, before = backbone.stem_from(backbone.spectrogram(pcm)), list(backbone.beside(pcm))
    assert torch.equal(x, backbone.stem(pcm))
    for i in range(backbone.pooled[-1] + 1):
        assert torch.allclose(backbone.from_block(i, x, before), z, atol=1e-6), i
        x = backbone.blocks[i](x)
        if i in backbone.pooled:
            before.append(unit_norm(backbone.pool(x)))
    assert backbone.pool(x).shape[0] == 3
    assert backbone.pool(x).ndim == 2


def test_a_clip_is_heard_the_same_in_any_company(backbone):
    pcm = sounds()
    one_by_one = torch.cat([backbone(clip[None]) for clip in pcm])
    assert torch.allclose(backbone(pcm), one_by_one, atol=1e-5)


def test_a_copy_stands_alone(backbone):
    pcm = sounds()
    z, twin = backbone(pcm), copy.deepcopy(backbone)
    assert torch.equal(twin(pcm), z)
    for block in twin.blocks:
        for parameter in block.parameters():
            parameter.zero_()
    assert not torch.allclose(twin(pcm), z, atol=1e-3)
    assert torch.equal(backbone(pcm), z)


def test_every_weight_has_one_name_that_stays(kind, backbone):
    """Adapters, checkpoints and checksums hold these names."""
    state = backbone.state_dict()
    inner = [re.sub(r"blocks\.\d+", "blocks.N", name) for name in state]
    assert set(inner) == NAMES[kind]
    assert len({value.data_ptr() for value in state.values()}) == len(state)
    torch.manual_seed(1)
    other = KINDS[kind]().eval()
    other.load_state_dict(state)
    with torch.no_grad():
        assert torch.equal(other(sounds()), backbone(sounds()))


def test_adapters_on_its_blocks_learn_and_leave_what_stands_beside(kind, backbone):
    pcm = sounds()
    adapter = attach(
        backbone, range(backbone.pooled[-1] + 1), LoraConfig(rank=2), generator=torch.Generator().manual_seed(0)
    )
    first = "backbones.0.blocks." if kind == "side by side" else "blocks."
    assert all(name.startswith(first) for name in adapter.layers)
    beside = backbone.beside(pcm)
    assert not any(part.requires_grad for part in beside)
    x, target = backbone.stem(pcm), torch.randn(backbone.embedding_size, generator=torch.Generator().manual_seed(2))
    optimiser = torch.optim.SGD(adapter.parameters(), lr=0.01)
    losses = []
    for _ in range(3):
        loss = (backbone.from_block(0, x, beside) * target).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > losses[1] > losses[2]
    assert all(layer.B.any() for layer in adapter.layers.values())
    assert all(torch.equal(a, b) for a, b in zip(beside, backbone.beside(pcm), strict=True))


def test_a_clip_that_is_too_long_says_so_and_the_longest_is_heard(kind, backbone):
    longest_s = backbone.longest_s
    assert longest_s == LONGEST_S[kind]
    backbone(sounds(1, longest_s or 3.0))
    backbone(sounds(1, 0.5))
    backbone.check_seconds(longest_s or 1000.0)
    if longest_s is not None:
        with pytest.raises(PaceEdgeError, match=rf"expected up to {longest_s:g} s, got 1\.5 s\. Cut it into windows"):
            backbone.check_seconds(1.5)
        with pytest.raises(PaceEdgeError, match=r"too long for .*expected up to"):
            backbone(sounds(1, 1.5))


def test_the_shortest_reach_of_all_parts_counts():
    whisper_1_s, eat_640_ms = small_whisper(), eat.EAT(width=32, n_blocks=1, heads=2, n_positions=4)
    for parts in ([whisper_1_s, eat_640_ms], [eat_640_ms, whisper_1_s]):
        assert SideBySide([*parts, yamnet.YamNet()], [0.4, 0.3, 0.3]).longest_s == 0.64
    assert SideBySide([yamnet.YamNet()], [1.0]).longest_s is None


def test_a_backbone_that_cuts_every_clip_to_its_length_reads_any():
    cutting = eat.EAT(width=32, n_blocks=1, heads=2, n_positions=8, frames=64).eval()
    assert cutting.longest_s is None
    assert cutting(sounds(1, 3.0)).shape == (1, 32)
