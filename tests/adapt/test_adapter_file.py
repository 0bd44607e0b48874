"""A saved adapter comes back as it was, on its own backbone only; peft reads it; damage is named."""

import copy
import json
import sys
import warnings

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, safe_open, save_file

from pace_edge.adapt.adapter_file import PEFT_CONFIG, WEIGHTS, load_adapter, save_adapter
from pace_edge.adapt.lora import merge
from pace_edge.errors import PaceEdgeError
from tests.adapt.test_lora import KINDS, read_by_blocks, small, train, trained

COMBINATIONS = [("whisper", "kv"), ("fused", "kv"), ("fused", "all_linear"), ("convolutional", "qkv")]


@pytest.fixture
def saved(tmp_path):
    save_adapter(trained(small("fused"), blocks=[0, 2], alpha=6), tmp_path)
    return tmp_path


def rewrite(folder, change):
    """Change the tensors and the metadata in place."""
    with safe_open(folder / WEIGHTS, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(folder / WEIGHTS)
    change(tensors, metadata)
    save_file(tensors, folder / WEIGHTS, metadata)


def refused(folder, backbone, match):
    """Loading says so, and leaves the backbone alone."""
    before = list(backbone.state_dict())
    with pytest.raises(PaceEdgeError, match=match):
        load_adapter(folder, backbone)
    assert list(backbone.state_dict()) == before
    assert all(p.requires_grad for p in backbone.parameters())


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    kind=st.sampled_from(list(KINDS)),
    targets=st.sampled_from(["kv", "qkv", "all_linear"]),
    rank=st.integers(1, 5),
    alpha=st.none() | st.floats(0.01, 100),
)
def test_an_adapter_comes_back_as_it_was(tmp_path, kind, targets, rank, alpha):
    blocks = [2] if kind == "convolutional" else [0, 2]
    adapter = trained(small(kind), blocks=blocks, rank=rank, alpha=alpha, targets=targets)
    save_adapter(adapter, tmp_path)
    again = load_adapter(tmp_path, small(kind))
    assert (again.config, again.blocks, list(again.layers)) == (adapter.config, adapter.blocks, list(adapter.layers))
    for name, layer in adapter.layers.items():
        assert torch.equal(again.layers[name].A, layer.A)
        assert torch.equal(again.layers[name].B, layer.B)


def test_sessions_come_back_one_on_the_other_and_go_on_learning(tmp_path):
    backbone, x = small("whisper"), read_by_blocks("whisper")
    for i in range(3):
        save_adapter(trained(backbone, i), tmp_path / str(i))
    again = small("whisper")
    adapters = [load_adapter(tmp_path / str(i), again) for i in range(3)]
    assert torch.equal(again.from_block(0, x), backbone.from_block(0, x))
    assert {p for p in again.parameters() if p.requires_grad} == set(adapters[-1].parameters())
    train(again, adapters[-1], x)
    assert not torch.equal(again.from_block(0, x), backbone.from_block(0, x))


@pytest.mark.parametrize(("kind", "targets"), COMBINATIONS)
def test_peft_reads_the_folder_and_computes_the_same(tmp_path, monkeypatch, kind, targets):
    monkeypatch.setitem(sys.modules, "torchaudio", None)  # peft does without; a CUDA build may not load
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports' own
        peft = pytest.importorskip("peft")
    backbone, x, plain = small(kind), read_by_blocks(kind), small(kind)
    before = plain.from_block(0, x)
    blocks = [2, 4] if kind == "convolutional" else [0, 2]
    save_adapter(trained(backbone, blocks=blocks, alpha=6, targets=targets), tmp_path)
    theirs = peft.PeftModel.from_pretrained(plain, tmp_path)
    z = backbone.from_block(0, x)
    assert (z - before).abs().max() > 1e-3
    assert torch.allclose(theirs.base_model.model.from_block(0, x), z, atol=1e-5)
    merged = theirs.merge_and_unload()
    ours = merge(backbone).state_dict()
    assert merged.state_dict().keys() == ours.keys()
    assert all(torch.allclose(value, ours[name], atol=1e-6) for name, value in merged.state_dict().items())


def test_rows_that_were_not_adapted_are_zero_in_the_file(saved):
    tensors, config = load_file(saved / WEIGHTS), json.loads((saved / PEFT_CONFIG).read_text())
    B = tensors["base_model.model.blocks.0.attention.qkv.lora_B.weight"]
    assert B.shape == (48, 6)  # two parts of rank 3, side by side
    assert not B[:16].any() and B[16:32, :3].any() and B[32:, 3:].any()
    assert not B[16:32, 3:].any() and not B[32:, :3].any()
    assert config["r"] == 3 and config["rank_pattern"]["blocks.0.attention.qkv"] == 6
    assert config["lora_alpha"] == 6 and config["alpha_pattern"]["blocks.0.attention.qkv"] == 12


def test_saving_again_replaces_and_leaves_nothing_beside(saved):
    backbone = small("fused")
    save_adapter(trained(backbone, 5), saved)
    assert sorted(p.name for p in saved.iterdir()) == [PEFT_CONFIG, WEIGHTS]
    assert load_adapter(saved, small("fused")).blocks == (0, 1, 2)


def test_an_interrupted_save_keeps_the_adapter_that_was_there(saved, monkeypatch):
    before = (saved / WEIGHTS).read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(PaceEdgeError, match="No space left"):
        save_adapter(trained(small("fused"), 5), saved)
    assert (saved / WEIGHTS).read_bytes() == before
    assert sorted(p.name for p in saved.iterdir()) == [PEFT_CONFIG, WEIGHTS]


def test_an_adapter_that_is_not_finite_is_not_saved(tmp_path):
    adapter = trained(small("fused"))
    adapter.layers["blocks.1.attention.qkv.k"].B.data[0, 0] = float("nan")
    with pytest.raises(PaceEdgeError, match=r"blocks\.1\.attention\.qkv is not finite"):
        save_adapter(adapter, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_another_backbone_is_refused(saved):
    other = small("fused")
    other.blocks[2].attention.qkv.weight.data[0, 0] += 1e-3
    refused(saved, other, "another backbone")
    refused(saved, small("whisper"), "another backbone")
    fewer = small("fused")
    fewer.blocks = fewer.blocks[:2]
    refused(saved, fewer, "does not fit")


def test_an_adapter_is_not_put_on_what_it_is_merged_into(saved):
    backbone = small("fused")
    load_adapter(saved, backbone)
    plain = merge(backbone).requires_grad_(True)
    refused(saved, plain, "already merged")


K = "base_model.model.blocks.2.attention.qkv.lora_{}.weight"


def set_to(name, change):
    return lambda tensors, _: tensors.update({name: change(tensors[name].clone())})


def spoil(value, at):
    value[at] = float("nan") if value[at].any() else 1.0
    return value


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (set_to(K.format("A"), lambda A: A[:-1].contiguous()), "wrong shape"),
        (set_to(K.format("B"), lambda B: B[:, :3].contiguous()), "wrong shape"),
        (set_to(K.format("B"), lambda B: B.int()), "wrong shape"),
        (set_to(K.format("A"), lambda A: spoil(A, (0, 0))), "not finite"),
        (set_to(K.format("B"), lambda B: spoil(B, (0, 0))), "rows that it does not adapt"),
        (lambda tensors, _: tensors.pop(K.format("A")), "another backbone"),
        (lambda tensors, _: tensors.update(more=torch.ones(1)), "another backbone"),
        (lambda _, metadata: metadata.clear(), "no adapter"),
        (lambda _, metadata: metadata.update({"pace_edge.schema": "99"}), "upgrade"),
        (lambda _, metadata: metadata.pop("pace_edge.blocks"), "description"),
        (lambda _, metadata: metadata.update({"pace_edge.blocks": "[true"}), "description"),
        (lambda _, metadata: metadata.update({"pace_edge.config": '{"rank": 0}'}), "description"),
        (lambda _, metadata: metadata.update({"pace_edge.config": '{"rank": 4}'}), "wrong shape"),
    ],
)
def test_a_damaged_adapter_is_named_and_not_attached(saved, change, match):
    rewrite(saved, change)
    refused(saved, small("fused"), match)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(part=st.floats(0, 0.999))
def test_a_truncated_file_is_refused(saved, tmp_path_factory, part):
    content, folder = (saved / WEIGHTS).read_bytes(), tmp_path_factory.mktemp("cut")
    (folder / WEIGHTS).write_bytes(content[: int(part * len(content))])
    refused(folder, small("fused"), "damaged")


def test_a_folder_without_an_adapter_is_named(tmp_path):
    refused(tmp_path / "absent", small("fused"), "cannot read")
    (tmp_path / WEIGHTS).mkdir()
    refused(tmp_path, small("fused"), "cannot read")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    adapter = trained(small("fused"))
    with pytest.raises(PaceEdgeError, match="cannot write"):
        save_adapter(adapter, tmp_path / "file" / "below")


def test_a_copy_of_the_backbone_takes_the_adapter_too(saved):
    backbone = small("fused")
    twin, x = copy.deepcopy(backbone), read_by_blocks("fused")
    load_adapter(saved, backbone), load_adapter(saved, twin)
    assert torch.equal(backbone.from_block(0, x), twin.from_block(0, x))
