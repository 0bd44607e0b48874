"""Weights in a file of one's own: every published way to name a Whisper, and one clear line for any other file."""

import re

import flatbuffers
import pytest
import tflite
import torch
from safetensors.torch import save_file

from pace_edge.adapt import backbones, whisper, yamnet
from pace_edge.adapt.backbones import open_backbone
from pace_edge.errors import PaceEdgeError, UsageError
from tests.adapt.small import small_encoder

WIDTH, BLOCKS, POSITIONS = 128, 2, 60
LAYERS = {  # in the order norm, q, k, v, out, norm, fc1, fc2; written out as the files have them
    "openai": ("attn_ln", "attn.query", "attn.key", "attn.value", "attn.out", "mlp_ln", "mlp.0", "mlp.2"),
    "hugging face": ("self_attn_layer_norm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                     "self_attn.out_proj", "final_layer_norm", "fc1", "fc2"),
    "plain": ("ln1", "q", "k", "v", "out", "ln2", "fc1", "fc2"),
}  # fmt: skip
BLOCK = {"openai": "encoder.blocks", "hugging face": "model.encoder.layers", "plain": "blocks"}
OUTSIDE = {  # convolutions, positions, the norm that we leave out
    "openai": ("encoder.conv1", "encoder.conv2", "encoder.positional_embedding", "encoder.ln_post"),
    "hugging face": ("model.encoder.conv1", "model.encoder.conv2", "model.encoder.embed_positions.weight",
                     "model.encoder.layer_norm"),
    "plain": ("conv1", "conv2", "pos", "ln"),
}  # fmt: skip
DECODER = {
    "openai": ("decoder.positional_embedding", "decoder.blocks.0.attn.query.weight"),
    "hugging face": ("model.decoder.embed_positions.weight", "model.decoder.layers.0.fc1.weight"),
    "plain": (),
}


def tensors(style, width=WIDTH, n_blocks=BLOCKS):
    """The same numbers under any style's names."""
    random = torch.Generator().manual_seed(0)

    def layer(name, *shape, bias=True):
        found[f"{name}.weight"] = torch.randn(shape, generator=random) * 0.05
        if bias:
            found[f"{name}.bias"] = torch.randn(shape[0], generator=random) * 0.05

    found = {}
    conv1, conv2, positions, last_norm = OUTSIDE[style]
    layer(conv1, width, 80, 3)
    layer(conv2, width, width, 3)
    found[positions] = torch.randn(POSITIONS, width, generator=random)
    for i in range(n_blocks):
        norm1, q, k, v, out, norm2, fc1, fc2 = (f"{BLOCK[style]}.{i}.{name}" for name in LAYERS[style])
        layer(norm1, width)
        layer(q, width, width)
        layer(k, width, width, bias=False)
        layer(v, width, width)
        layer(out, width, width)
        layer(norm2, width)
        layer(fc1, 4 * width, width)
        layer(fc2, width, 4 * width)
    layer(last_norm, width)
    return found | {name: torch.zeros(3) for name in DECODER[style]}


def write(path, style="plain", **changes):
    content = tensors(style) | changes
    content = {name: value for name, value in content.items() if value is not None}
    if style == "openai":
        torch.save({"dims": {"n_audio_head": 99}, "model_state_dict": content}, path)
    else:
        save_file(content, path)
    return path


def by_hand(content, pcm):
    """The mean over tokens after the last block, from the paper and the plain names."""
    from torch.nn.functional import conv1d, gelu, layer_norm, linear

    def at(name):
        return content[f"{name}.weight"], content.get(f"{name}.bias")

    x = whisper.LogMel(whisper.WHISPER_80)(pcm).transpose(1, 2)
    x = gelu(conv1d(x, *at("conv1"), padding=1))
    x = gelu(conv1d(x, *at("conv2"), stride=2, padding=1)).transpose(1, 2)
    x = x + content["pos"][: x.shape[1]]
    for i in range(BLOCKS):
        b = f"blocks.{i}"
        y = layer_norm(x, (WIDTH,), *at(f"{b}.ln1"))
        q, k, v = (linear(y, *at(f"{b}.{part}")).unflatten(-1, (WIDTH // 64, 64)) for part in "qkv")
        attention = torch.softmax(torch.einsum("bqhd,bkhd->bhqk", q, k) / 8, -1)
        x = x + linear(torch.einsum("bhqk,bkhd->bqhd", attention, v).flatten(2), *at(f"{b}.out"))
        y = layer_norm(x, (WIDTH,), *at(f"{b}.ln2"))
        x = x + linear(gelu(linear(y, *at(f"{b}.fc1"))), *at(f"{b}.fc2"))
    return layer_norm(x.mean(1), (WIDTH,)) / WIDTH**0.5


@torch.no_grad()
@pytest.mark.parametrize("style", LAYERS)
def test_a_whisper_is_read_under_the_names_of_every_publisher(tmp_path, style):
    pcm = 0.1 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(1))
    encoder = whisper.from_file(write(tmp_path / "w", style))
    assert not encoder.training
    assert len(encoder.positions) == POSITIONS
    assert torch.allclose(encoder(pcm), by_hand(tensors("plain"), pcm), atol=1e-5)


@torch.no_grad()
def test_half_precision_is_read_as_float32_and_every_block_is_pooled_if_asked(tmp_path):
    halves = {name: value.half() for name, value in tensors("plain").items()}
    save_file(halves, tmp_path / "half")
    encoder = whisper.from_file(tmp_path / "half", every_block=True)
    assert {value.dtype for value in encoder.state_dict().values()} == {torch.float32}
    assert encoder.pooled == (0, 1)
    assert encoder.embedding_size == 2 * WIDTH


@pytest.mark.parametrize(
    ("style", "changes", "message"),
    [
        ("plain", {"blocks.1.q.bias": None}, r"blocks\.1\.q\.bias is missing: got 34 others, such as blocks\.0"),
        ("openai", {"encoder.blocks.1.mlp.0.bias": None}, r"encoder\.blocks\.1\.mlp\.0\.bias is missing"),
        ("hugging face", {"model.encoder.conv2.bias": None}, r"model\.encoder\.conv2\.bias is missing"),
        ("plain", {"blocks.0.k.bias": torch.zeros(WIDTH)}, r"it has blocks\.0\.k\.bias, which Whisper has no place"),
        ("plain", {"blocks.7.q.bias": torch.zeros(WIDTH)}, r"blocks\.7\.q\.bias, which Whisper has no place for"),
        ("plain", {"conv1.weight": torch.zeros(WIDTH, 128, 3)}, r"conv1\.weight: expected 128 x 80 x 3, got 128 x 128"),
        ("plain", {"pos": torch.zeros(POSITIONS)}, r"pos: expected any x any, got 60"),
        ("plain", {"pos": torch.zeros(POSITIONS, 100)}, r"whole heads of 64, got 2 blocks, width 100"),
        ("plain", {"pos": None}, r"no positions: expected encoder\.positional_embedding or .* or pos, got blocks\.0"),
    ],
)
def test_what_is_missing_left_over_or_of_another_shape_is_named(tmp_path, style, changes, message):
    with pytest.raises(PaceEdgeError, match=rf"{tmp_path}/w is not of Whisper's shape: .*{message}"):
        whisper.from_file(write(tmp_path / "w", style, **changes))


def test_weights_that_are_not_finite_are_refused(tmp_path):
    path = write(tmp_path / "w", **{"blocks.1.q.bias": torch.full((WIDTH,), torch.nan)})
    with pytest.raises(PaceEdgeError, match=r"w is damaged: blocks\.1\.q\.bias is not finite"):
        whisper.from_file(path)


@pytest.mark.parametrize("read", [whisper.from_file, yamnet.from_tflite])
@pytest.mark.parametrize("content", [None, b"", b"half a download", b"\x1c\0\0\0TFL3" + b"\xff" * 60])
def test_a_file_that_holds_no_weights_is_refused(tmp_path, read, content):
    path = tmp_path / "w"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PaceEdgeError, match=rf"{path} (is no|is damaged|cannot be read)"):
        read(path)


class Harmful:
    def __reduce__(self):
        return print, ("a pickle ran",)


def test_nothing_in_a_checkpoint_is_run(tmp_path, capsys):
    torch.save({"model_state_dict": {"w": Harmful()}}, tmp_path / "w")
    with pytest.raises(PaceEdgeError, match="no torch checkpoint of plain tensors"):
        whisper.from_file(tmp_path / "w")
    assert capsys.readouterr().out == ""


def test_another_network_is_no_yamnet(tmp_path):
    """A whole TensorFlow Lite file with a graph of nothing."""
    builder = flatbuffers.Builder(0)
    tflite.SubGraphStart(builder)
    subgraph = tflite.SubGraphEnd(builder)
    tflite.ModelStartSubgraphsVector(builder, 1)
    builder.PrependUOffsetTRelative(subgraph)
    subgraphs = builder.EndVector()
    tflite.ModelStart(builder)
    tflite.ModelAddSubgraphs(builder, subgraphs)
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    (tmp_path / "w.tflite").write_bytes(builder.Output())
    with pytest.raises(
        PaceEdgeError, match=r"is not of YAMNet's shape: blocks\.0\.conv\.weight is missing: got nothing"
    ):
        yamnet.from_tflite(tmp_path / "w.tflite")


def test_a_backbone_opens_with_ones_own_file_instead_of_a_download(tmp_path, monkeypatch):
    own = backbones.Published(lambda folder: pytest.fail("no download"), backbones._whisper(BLOCKS, WIDTH))
    monkeypatch.setitem(backbones.BACKBONES, "small", own)
    encoder = open_backbone("small", weights=write(tmp_path / "w"))
    assert (len(encoder.blocks), encoder.pooled, encoder.embedding_size) == (2, (0, 1), 2 * WIDTH)


def test_without_ones_own_file_it_is_fetched_into_the_folder(tmp_path, monkeypatch):
    def fetch(folder):
        assert folder == tmp_path
        return write(tmp_path / "w")

    monkeypatch.setitem(backbones.BACKBONES, "small", backbones.Published(fetch, whisper.from_file))
    assert open_backbone("small", tmp_path).embedding_size == WIDTH


def test_a_file_of_another_backbone_is_refused(tmp_path):
    path = write(tmp_path / "w")
    for name, sizes in (("whisper-tiny.en", "4 blocks of width 384"), ("whisper-base", "6 blocks of width 512"),
                        ("whisper-small", "12 blocks of width 768")):  # fmt: skip
        with pytest.raises(PaceEdgeError, match=rf"{path} is a Whisper of another size: expected {sizes}, got 2 of"):
            open_backbone(name, weights=path)
    for name in ("eat", "sslam"):
        with pytest.raises(PaceEdgeError, match=rf"{path} is not of EAT's shape: model\.extra_tokens is missing"):
            open_backbone(name, weights=path)
    with pytest.raises(PaceEdgeError, match=rf"{path} is no TensorFlow Lite file"):
        open_backbone("yamnet", weights=path)
    with pytest.raises(UsageError, match="'starter' is made of several files"):
        open_backbone("starter", weights=path)


def test_an_unknown_name_is_answered_with_the_known_ones():
    names = "whisper-tiny.en, whisper-base, whisper-small, yamnet, eat, sslam, starter"
    with pytest.raises(UsageError, match=rf"no backbone 'ears': expected one of {re.escape(names)}"):
        open_backbone("ears")


def test_a_name_may_say_which_blocks_are_pooled(monkeypatch):
    monkeypatch.setitem(backbones.BACKBONES, "small", lambda folder: small_encoder(pooled=(0, 2)))
    pcm = torch.randn(2, 4000, generator=torch.Generator().manual_seed(0))
    for name, pooled in (("small", (0, 2)), ("small:last", (2,)), ("small:all", (0, 1, 2))):
        backbone = backbones.open_backbone(name)
        assert backbone.pooled == pooled
        assert backbone(pcm).shape == (2, backbone.embedding_size) == (2, 24 * len(pooled))
    assert torch.equal(backbones.open_backbone("small:last")(pcm), small_encoder()(pcm))


@pytest.mark.parametrize("name", ["small:first", "convolutions:all"])
def test_a_choice_of_blocks_that_there_is_not_is_refused(monkeypatch, name):
    monkeypatch.setitem(backbones.BACKBONES, "small", lambda folder: small_encoder())
    monkeypatch.setitem(backbones.BACKBONES, "convolutions", lambda folder: yamnet.YamNet())
    with pytest.raises(UsageError, match=f"no such choice of blocks.*got {name}"):
        backbones.open_backbone(name)
