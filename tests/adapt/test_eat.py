"""EAT computes what its paper and its published program compute, from a checkpoint under its published names.

The checkpoint is generated: names and shapes are written out here as the hub's file has them, the numbers are random.
"""

import math

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import save_file

from export.onnx_file import export_embedder
from pace_edge.adapt import eat
from pace_edge.adapt.backbone import unit_norm
from pace_edge.adapt.frontend import KALDI_128, LogMel
from pace_edge.errors import PaceEdgeError

WIDTH, BLOCKS, HEADS, POSITIONS = 128, 2, 2, 40


def published_shapes(width, n_blocks, n_positions):
    """What the hub's model.safetensors holds."""
    shapes = {
        "model.extra_tokens": (1, 1, width),
        "model.fixed_positional_encoder.positions": (1, n_positions * 8, width),
        "model.local_encoder.proj.weight": (width, 1, 16, 16),
        "model.local_encoder.proj.bias": (width,),
        "model.pre_norm.weight": (width,),
        "model.pre_norm.bias": (width,),
    }
    for i in range(n_blocks):
        for layer, rows, columns in (
            ("attn.qkv", 3 * width, width), ("attn.proj", width, width),
            ("mlp.fc1", 4 * width, width), ("mlp.fc2", width, 4 * width),
        ):  # fmt: skip
            shapes |= {f"model.blocks.{i}.{layer}.weight": (rows, columns), f"model.blocks.{i}.{layer}.bias": (rows,)}
        for norm in ("norm1", "norm2"):
            shapes |= {f"model.blocks.{i}.{norm}.{part}": (width,) for part in ("weight", "bias")}
    return shapes


@pytest.fixture
def checkpoint():
    random = torch.Generator().manual_seed(0)
    shapes = published_shapes(WIDTH, BLOCKS, POSITIONS)
    return {
        name: torch.randn(shape, generator=random) * (0.05 if len(shape) == 2 else 0.3)
        + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
        for name, shape in shapes.items()
    }


@pytest.fixture
def load(tmp_path):
    def load(checkpoint, **options):
        save_file(checkpoint, tmp_path / "model.safetensors")
        return eat.from_safetensors(tmp_path / "model.safetensors", **options)

    return load


def micro(**options):
    torch.manual_seed(0)
    return eat.EAT(width=WIDTH, n_blocks=BLOCKS, heads=HEADS, n_positions=POSITIONS, **options).eval()


def sounds(n, seconds, seed=1):
    return 0.1 * torch.randn(n, int(16000 * seconds), generator=torch.Generator().manual_seed(seed)) + 0.05


def encode_by_hand(weights, spectrogram):
    """The class token after each block, from the paper and the file's own names, without torch's layers."""

    def norm(x, name):
        return torch.nn.functional.layer_norm(x, (WIDTH,), weights[f"{name}.weight"], weights[f"{name}.bias"], eps=1e-6)

    def linear(x, name):
        return torch.einsum("btc,dc->btd", x, weights[f"{name}.weight"]) + weights[f"{name}.bias"]

    batch, frames, bands = spectrogram.shape
    patches = spectrogram.reshape(batch, frames // 16, 16, bands // 16, 16)
    kernel = weights["model.local_encoder.proj.weight"][:, 0]
    x = torch.einsum("btfmg,cfg->btmc", patches, kernel).flatten(1, 2) + weights["model.local_encoder.proj.bias"]
    x = x + weights["model.fixed_positional_encoder.positions"][:, : x.shape[1]]
    x = norm(torch.cat([weights["model.extra_tokens"].repeat(batch, 1, 1), x], 1), "model.pre_norm")
    classes = []
    for i in range(BLOCKS):
        block = f"model.blocks.{i}"
        q, k, v = linear(x, f"{block}.attn.qkv").reshape(batch, -1, 3, HEADS, WIDTH // HEADS).unbind(2)
        weight = torch.einsum("bqhd,bkhd->bhqk", q, k).div(math.sqrt(WIDTH // HEADS)).softmax(-1)
        mixed = torch.einsum("bhqk,bkhd->bqhd", weight, v).flatten(2)
        x = x + linear(mixed, f"{block}.attn.proj")
        r = x = norm(x, f"{block}.norm1")
        x = norm(
            r + linear(torch.nn.functional.gelu(linear(x, f"{block}.mlp.fc1")), f"{block}.mlp.fc2"), f"{block}.norm2"
        )
        classes.append(x[:, 0])
    return classes


@torch.no_grad()
def test_a_published_checkpoint_gives_what_the_paper_says(checkpoint, load):
    model, pcm = load(checkpoint, pooled=(0, 1)), sounds(2, 1.0)
    assert not model.training
    classes = encode_by_hand(checkpoint, model.spectrogram(pcm))
    x = model.stem(pcm)
    for block, expected in zip(model.blocks, classes, strict=True):
        x = block(x)
        assert torch.allclose(model.pool(x), expected, atol=1e-5)
    z = model(pcm)
    assert z.shape == (2, model.embedding_size) == (2, 2 * WIDTH)
    assert torch.allclose(z, torch.cat([unit_norm(c) for c in classes], 1) / 2**0.5, atol=1e-6)


@torch.no_grad()
def test_the_embedding_is_the_last_blocks_class_token_unless_told(checkpoint, load):
    model, pcm = load(checkpoint), sounds(1, 0.5)
    last = encode_by_hand(checkpoint, model.spectrogram(pcm))[-1]
    assert torch.allclose(model(pcm), unit_norm(last), atol=1e-6)


def test_the_base_model_has_the_published_names_shapes_and_size():
    with torch.device("meta"):
        model = eat.EAT()
    shapes = {eat.published_name(name): tuple(value.shape) for name, value in model.state_dict().items()}
    assert shapes == published_shapes(768, 12, 768)
    # 85.3 M are learned; the hub's page counts the fixed positions of 123 s too: 89 972 736, 344 MiB of float32
    assert sum(p.numel() for p in model.parameters()) == 85_254_144
    assert sum(math.prod(shape) for shape in shapes.values()) == 89_972_736


def test_a_missing_weight_is_named(checkpoint, load):
    for name in ("model.extra_tokens", "model.pre_norm.bias", "model.blocks.0.norm2.weight"):
        without = {key: value for key, value in checkpoint.items() if key != name}
        with pytest.raises(PaceEdgeError, match=rf"{name} is missing"):
            load(without)


def test_a_weight_of_another_shape_is_named(checkpoint, load):
    name = "model.blocks.1.attn.qkv.weight"
    with pytest.raises(PaceEdgeError, match=rf"{name}: expected 384 x 128, got 128 x 128"):
        load(checkpoint | {name: torch.zeros(128, 128)})


def test_a_weight_that_would_be_left_out_is_named(checkpoint, load):
    with pytest.raises(PaceEdgeError, match=r"model\.blocks\.0\.attn\.logit_scale, which EAT has no place for"):
        load(checkpoint | {"model.blocks.0.attn.logit_scale": torch.zeros(HEADS)})


def test_blocks_with_a_gap_are_refused(checkpoint, load):
    renamed = {name.replace("blocks.1.", "blocks.5."): value for name, value in checkpoint.items()}
    with pytest.raises(PaceEdgeError, match=r"model\.blocks\.5\."):
        load(renamed)


def test_a_fine_tuned_checkpoint_loads_without_its_classifier(checkpoint, load):
    head = {"model.head.weight": torch.zeros(527, WIDTH), "model.fc_norm.weight": torch.ones(WIDTH)}
    with torch.no_grad():
        assert torch.equal(load(checkpoint | head)(sounds(1, 0.5)), load(checkpoint)(sounds(1, 0.5)))


def test_a_file_that_is_no_safetensors_is_refused(tmp_path):
    (tmp_path / "half").write_bytes(b"half a download")
    for name in ("half", "absent"):
        with pytest.raises(PaceEdgeError, match=rf"{name} is no safetensors file"):
            eat.from_safetensors(tmp_path / name)


def test_positions_are_the_2d_sin_cos_formula_band_first():
    positions, width = eat.sin_cos_positions(768, 8, 64).double().reshape(768, 8, 64), 64
    for time, band, i in [(0, 0, 0), (3, 5, 2), (767, 7, 15), (100, 1, 9)]:
        w = 10000 ** (-i / (width / 4))
        expected = [math.sin(band * w), math.cos(band * w), math.sin(time * w), math.cos(time * w)]
        assert positions[time, band, i :: width // 4].tolist() == pytest.approx(expected, abs=1e-6)


@torch.no_grad()
def test_tokens_run_through_the_bands_of_a_time_before_the_next_time():
    """A sound changed in frames 16..31 and bands 48..63 changes token 1 * 8 + 3, and after the class token comes 0."""
    model = micro()
    spectrogram = torch.randn(1, 48, 128, generator=torch.Generator().manual_seed(2))
    changed = spectrogram.clone()
    changed[:, 16:32, 48:64] += 1.0
    difference = (model.stem_from(changed) - model.stem_from(spectrogram)).abs().amax((0, 2))
    assert difference.nonzero().flatten().tolist() == [1 + 1 * 8 + 3]


@torch.no_grad()
def test_the_class_token_has_no_position():
    model, pcm = micro(), sounds(1, 0.5)
    before = model.stem(pcm)
    model.positions += 1.0 + torch.arange(WIDTH)
    after = model.stem(pcm)
    assert torch.equal(after[:, 0], before[:, 0])
    assert torch.equal(after[:, 0], model.pre_norm(model.class_token)[:, 0])
    assert (after[:, 1:] - before[:, 1:]).abs().amax(2).min() > 0.1


@torch.no_grad()
def test_a_clip_is_padded_with_zeros_before_it_is_normalised():
    pcm = sounds(2, 1.0)
    raw = LogMel(KALDI_128)(pcm - pcm.mean(1, keepdim=True))
    assert raw.shape[1] == 98
    for frames, target in ((None, 112), (512, 512), (64, 64)):
        padded = torch.zeros(2, target, 128)
        padded[:, : min(98, target)] = raw[:, :target]
        expected = (padded + 4.268) / (2 * 4.569)
        assert torch.allclose(micro(frames=frames).spectrogram(pcm), expected, atol=1e-6)


@torch.no_grad()
def test_a_model_for_one_length_holds_the_positions_of_that_length(checkpoint, load):
    any_length, one_length, pcm = load(checkpoint), load(checkpoint, frames=96), sounds(1, 0.97)
    assert one_length.positions.shape == (1, 6 * 8, WIDTH)
    assert torch.equal(one_length(pcm), any_length(pcm))


@torch.no_grad()
def test_a_constant_offset_does_not_matter():
    model, pcm = micro(), sounds(1, 0.5)
    assert torch.allclose(model.spectrogram(pcm + 0.2), model.spectrogram(pcm), atol=1e-3)


def test_a_clip_beyond_the_positions_says_so():
    with pytest.raises(PaceEdgeError, match=r"too long for EAT: expected up to 6\.4 s, got 6\.98 s"):
        micro()(torch.zeros(1, 7 * 16000))


@pytest.mark.parametrize("frames", [0, 100, 41 * 16])
def test_a_length_that_is_not_whole_patches_is_refused(frames):
    with pytest.raises(PaceEdgeError, match="multiple of 16 frames up to 640"):
        micro(frames=frames)


def test_it_exports_to_onnx_with_any_batch():
    model = micro()
    session = onnxruntime.InferenceSession(
        export_embedder(model, 8000).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for batch in (1, 3):
        pcm = sounds(batch, 0.5, seed=batch)
        with torch.no_grad():
            expected = model(pcm).numpy()
        assert np.abs(session.run(None, {"pcm": pcm.numpy()})[0] - expected).max() < 1e-4
