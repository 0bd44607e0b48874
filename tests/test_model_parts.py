"""Checksums: whatever part of a sealed file changes is named; a file without them is read as before."""

import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pace_edge.errors import ModelFileError
from pace_edge.model_file import read_model
from pace_edge.model_parts import PREFIX, R, W, changed_parts, checksums, parts, read_metadata, seal, set_metadata


@pytest.fixture
def sealed(small_model):
    model = onnx.load(small_model)
    seal(model)
    return model


def nudge(graph, name):
    """The tensor's first value, a little off."""
    (tensor,) = [tensor for tensor in graph.initializer if tensor.name == name]
    value = numpy_helper.to_array(tensor).copy()
    value.flat[0] += np.array(1, value.dtype) if value.dtype.kind == "i" else 1e-6
    tensor.CopyFrom(numpy_helper.from_array(value, name))


CHANGES = {
    "graph": lambda m: setattr(m.graph.node[5], "op_type", "Sqrt"),
    "backbone": lambda m: nudge(m.graph, next(t.name for t in m.graph.initializer if t.name.startswith("log_mel"))),
    "projection": lambda m: nudge(m.graph, "projection.steps"),
    "classifier": lambda m: nudge(m.graph, W),
    "learning rule": lambda m: nudge(m.training_info[0].algorithm, R),
    "metadata": lambda m: set_metadata(m, {PREFIX + "threshold": "0.01"}),
}


@pytest.mark.parametrize("part", CHANGES)
def test_a_part_that_changed_is_named_and_the_file_is_refused(sealed, tmp_path, part):
    CHANGES[part](sealed)
    assert changed_parts(sealed) == [part]
    onnx.save(sealed, tmp_path / "m.onnx")
    with pytest.raises(ModelFileError, match=f"damaged: its {part} changed after it was written"):
        read_model(tmp_path / "m.onnx")


def test_every_part_is_named_in_the_checksums(sealed):
    assert set(checksums(read_metadata(sealed))) == set(parts(sealed)) == set(CHANGES)


def test_a_sealed_file_is_read_and_other_programs_may_add_metadata(sealed, small_model, tmp_path):
    set_metadata(sealed, {"onnx.infer": "by another program"})
    onnx.save(sealed, tmp_path / "m.onnx")
    assert read_model(tmp_path / "m.onnx").info == read_model(small_model).info


def test_a_file_without_checksums_is_read_as_before(small_model):
    model = onnx.load(small_model)
    CHANGES["metadata"](model)
    assert changed_parts(model) == []


def test_a_checksum_that_is_missing_counts_as_a_change(sealed):
    said = checksums(read_metadata(sealed))
    del said["backbone"]
    set_metadata(sealed, {PREFIX + "sha256": json.dumps(said)})
    assert changed_parts(sealed) == ["backbone"]


@pytest.mark.parametrize("text", ["[1]", "no json"])
def test_checksums_that_are_unreadable_are_damage(sealed, tmp_path, text):
    set_metadata(sealed, {PREFIX + "sha256": text})
    onnx.save(sealed, tmp_path / "m.onnx")
    with pytest.raises(ModelFileError, match="damaged"):
        read_model(tmp_path / "m.onnx")


def test_a_tensor_moved_to_another_name_is_a_change(sealed):
    tensors = {tensor.name: tensor for tensor in sealed.graph.initializer}
    tensors["read_out.power"].name, tensors["read_out.reference"].name = "read_out.reference", "read_out.power"
    assert changed_parts(sealed) == ["classifier"]


def test_text_moved_from_one_key_to_another_is_a_change(sealed):
    said = read_metadata(sealed)
    one, two = sorted(key for key in said if key in (PREFIX + "licence", PREFIX + "name"))
    between = sorted(key for key in said if one < key < two)
    moved = said[one] + "".join(f"{key}={said[key]}" for key in [*between, two])
    del sealed.metadata_props[:]
    set_metadata(sealed, {key: value for key, value in said.items() if key not in (*between, two)} | {one: moved})
    assert changed_parts(sealed) == ["metadata"]


def test_sizes_add_up_to_nearly_the_file(sealed):
    found = parts(sealed)
    assert 0.95 * sealed.ByteSize() < sum(part.size for part in found.values()) <= sealed.ByteSize()
    assert found["learning rule"].values >= 128 * 128
