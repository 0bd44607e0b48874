"""Backbones compute what their papers say; with the published weights, what the published programs compute."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pace_edge.adapt import whisper, yamnet
from pace_edge.adapt.backbone import SideBySide, unit_norm
from pace_edge.audio import read_audio
from pace_edge.errors import PaceEdgeError
from tests.synthetic import MelStatistics

SHARED = Path(__file__).parents[3] / "shared"


def small_whisper(**options):
    torch.manual_seed(0)
    encoder = whisper.WhisperEncoder(width=32, n_blocks=3, heads=4, n_positions=50, **options)
    torch.nn.init.normal_(encoder.positions)
    return encoder.eval()


def attention_by_hand(layer, x):
    """softmax(q k' / sqrt(d)) v, head by head, without torch's own attention."""
    heads, width = layer.heads, x.shape[-1]
    d = width // heads
    parts = []
    for h in range(heads):
        q, k, v = (part(x)[..., h * d : (h + 1) * d] for part in (layer.q, layer.k, layer.v))
        parts.append(torch.softmax(q @ k.transpose(-1, -2) / d**0.5, -1) @ v)
    return layer.out(torch.cat(parts, -1))


def test_attention_is_the_textbook_one():
    layer, x = small_whisper().blocks[0].attention, torch.randn(2, 7, 32, generator=torch.Generator().manual_seed(1))
    assert layer.k.bias is None
    assert torch.allclose(layer(x), attention_by_hand(layer, x), atol=1e-5)


@torch.no_grad()
def test_blocks_are_pre_norm_and_their_means_stand_side_by_side():
    encoder, pcm = small_whisper(pooled=(0, 2)), 0.1 * torch.randn(2, 16000, generator=torch.Generator().manual_seed(2))
    x, expected = encoder.stem(pcm), []
    assert x.shape == (2, 50, 32)
    for i, block in enumerate(encoder.blocks):
        x = x + block.attention(block.norm1(x))
        x = x + block.fc2(torch.nn.functional.gelu(block.fc1(block.norm2(x))))
        if i in (0, 2):
            expected.append(unit_norm(x.mean(1)))
    z = encoder(pcm)
    assert z.shape == (2, encoder.embedding_size) == (2, 64)
    assert torch.allclose(z, torch.cat(expected, 1) / 2**0.5, atol=1e-6)
    assert torch.allclose(z.norm(dim=1), torch.ones(2), atol=1e-3)


@torch.no_grad()
def test_a_short_window_crops_the_positions_and_is_not_padded():
    encoder, pcm = small_whisper(), 0.1 * torch.randn(1, 8000, generator=torch.Generator().manual_seed(3))
    assert encoder.stem(pcm).shape[1] == 25
    before = encoder(pcm)
    encoder.positions.data[25:] = 1e3
    assert torch.equal(encoder(pcm), before)


def test_convolutions_pad_as_tensorflow_same():
    """With stride 2 and an even input the odd row goes to the end: output 0 reads input 0, 1, 2."""
    layer = yamnet.SameConv(1, 1, 3, stride=2)
    torch.nn.init.ones_(layer.conv.weight)
    torch.nn.init.zeros_(layer.conv.bias)
    out = layer(torch.arange(8.0)[None, None, :, None].expand(1, 1, 8, 4) / 100)
    assert out.shape == (1, 1, 4, 2)
    column = out[0, 0, :, 0] * 100 / 3  # three equal columns
    assert torch.allclose(column, torch.tensor([0.0 + 1 + 2, 2 + 3 + 4, 4 + 5 + 6, 6 + 7]), atol=1e-4)


@torch.no_grad()
def test_backbones_side_by_side_get_their_shares():
    a, b = MelStatistics(), small_whisper()
    both, pcm = SideBySide([a, b], [0.9, 0.1]), 0.1 * torch.randn(2, 16000, generator=torch.Generator().manual_seed(4))
    z = both(pcm)
    assert z.shape == (2, both.embedding_size) == (2, 40 + 32)
    assert torch.allclose(z[:, :40].square().sum(1), torch.full((2,), 0.9), atol=1e-4)
    assert torch.allclose(z[:, 40:], 0.1**0.5 * b(pcm), atol=1e-6)


@torch.no_grad()
def test_what_stands_beside_may_be_side_by_side_itself():
    a, b, c = MelStatistics(), small_whisper(), small_whisper(pooled=(1,))
    pcm = 0.1 * torch.randn(2, 16000, generator=torch.Generator().manual_seed(6))
    both = SideBySide([SideBySide([a, b], [0.5, 0.5]), c], [0.6, 0.4])
    expected = torch.cat([0.3**0.5 * a(pcm), 0.3**0.5 * b(pcm), 0.4**0.5 * c(pcm)], 1)
    assert torch.allclose(both(pcm), expected, atol=1e-6)
    assert both.blocks is a.blocks


@torch.no_grad()
def test_a_window_in_patches_is_each_patch_alone():
    """The network runs once over them all, and what one holds is not heard in the other."""
    net = yamnet.PatchedYamNet().eval()
    pcm = 0.1 * torch.randn(2, 32000, generator=torch.Generator().manual_seed(5))
    patches = net.patches(pcm)
    assert patches.shape == (2, 2, 1024)
    first, second = pcm[:, : 95 * 160 + 400], pcm[:, 96 * 160 :][:, : 95 * 160 + 400]
    assert torch.allclose(patches[:, :1], net.patches(first), atol=1e-5)
    assert torch.allclose(patches[:, 1:], net.patches(second), atol=1e-5)
    assert torch.allclose(net(pcm), unit_norm(patches.mean(1).sqrt()), atol=1e-6)
    assert torch.allclose(net.names_of(patches), net.head(patches).sigmoid().max(1).values)


@torch.no_grad()
def test_a_window_shorter_than_a_patch_is_filled_up_with_silence():
    net = yamnet.PatchedYamNet().eval()
    pcm = 0.1 * torch.randn(1, 8000, generator=torch.Generator().manual_seed(6))
    assert net.patches(pcm).shape == (1, 1, 1024)


@pytest.mark.skipif(not (SHARED / "weights/yamnet/yamnet.tflite").exists(), reason="YAMNet's weights are not here")
@torch.no_grad()
def test_the_published_head_names_what_it_hears_and_does_not_call_everything_music():
    net = yamnet.patched_from_tflite(SHARED / "weights/yamnet/yamnet.tflite")
    assert len(net.names) == 521
    right = {"rooster": {"Chicken, rooster", "Fowl", "Crowing, cock-a-doodle-doo"}, "dog_bark": {"Dog", "Bark"},
             "chainsaw": {"Chainsaw"}, "sea_waves": {"Ocean", "Waves, surf"}}  # fmt: skip
    hits = 0
    for sound, expected in right.items():
        clips = sorted((SHARED / "data/esc10/audio" / sound).glob("*.flac"))[:5]
        pcm = torch.from_numpy(np.stack([read_audio(clip, 16000)[:32000] for clip in clips]))
        best = net.names_of(net.patches(pcm)).argsort(1, descending=True)[:, :5].tolist()
        hits += sum(bool(expected & {net.names[i] for i in row}) for row in best)
        assert not any(net.names[row[0]] == "Music" for row in best), sound
    assert hits >= 10, f"{hits} of 20"


def test_a_yamnet_without_names_is_refused(tmp_path):
    (tmp_path / "yamnet.tflite").write_bytes(b"\0\0\0\0TFL3" + bytes(100))
    with pytest.raises(PaceEdgeError, match="does not hold the names of its classes: expected 521"):
        yamnet.patched_from_tflite(tmp_path / "yamnet.tflite")


@pytest.mark.skipif(not (SHARED / "weights/yamnet/yamnet.tflite").exists(), reason="YAMNet's weights are not here")
def test_the_published_yamnet_hears_an_animal_in_a_rooster():
    tflite, path = pytest.importorskip("tflite"), SHARED / "weights/yamnet/yamnet.tflite"
    graph = tflite.Model.GetRootAsModel(path.read_bytes(), 0)
    subgraph = graph.Subgraphs(0)

    def head(shape, dtype):
        """The part of the classifier of this shape, which our backbone leaves out, dequantised."""
        tensors = map(subgraph.Tensors, range(subgraph.TensorsLength()))
        tensor = next(t for t in tensors if t.ShapeAsNumpy().tolist() == shape)
        raw = np.frombuffer(graph.Buffers(tensor.Buffer()).DataAsNumpy().tobytes(), dtype).reshape(shape)
        return (raw.T * tensor.Quantization().ScaleAsNumpy()).T

    weight, bias = head([521, 1024], "<i1"), head([521], "<i4")
    names = (path.parent / "yamnet_label_list.txt").read_text().splitlines()
    net, found = yamnet.from_tflite(path), []
    for clip in sorted((SHARED / "data/esc10/audio/rooster").glob("*.flac"))[:5]:
        with torch.no_grad():
            x = net.stem(torch.from_numpy(read_audio(clip, 16000)[:15600])[None])
            for block in net.blocks:
                x = block(x)
            activations = net.pool(x)[0].numpy()
        found.append(names[int((weight @ activations + bias).argmax())])
    assert sum(name in ("Animal", "Bird", "Fowl", "Chicken, rooster") for name in found) >= 4, found
