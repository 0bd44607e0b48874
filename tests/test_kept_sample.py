"""A sample of other sounds in a model file: whole, or the file is damaged; and nothing else of the file notices it."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner
from onnx import numpy_helper

from export.bake import bake
from export.sample import put_sample
from pace_edge.cli import cli
from pace_edge.errors import ModelFileError
from pace_edge.kept_sample import NAMES, Sample
from pace_edge.model_file import open_model, read_model
from pace_edge.model_parts import changed_parts, parts, seal, set_metadata
from tests.synthetic import hiss, tone, with_sample

NAMED = ("whistle", "whistle", "rain")


@pytest.fixture
def keeping(any_model, tmp_path):
    rng = np.random.default_rng(0)
    sounds = {"whistle": [tone(1200, 1, rng=rng), tone(1300, 1, rng=rng)], "rain": [hiss(1, rng=rng)]}
    return with_sample(any_model, tmp_path / "keeping.onnx", sounds)


def test_what_is_kept_is_read_as_it_was_to_within_a_127th(keeping):
    model = read_model(keeping)
    embeddings = np.random.default_rng(1).standard_normal((200, model.embedding_size)).astype(np.float32)
    embeddings *= np.logspace(-4, 0, model.embedding_size, dtype=np.float32)  # parts of very different sizes
    embeddings[:, 0] = 0
    proto = onnx.load(keeping)
    put_sample(proto, Sample(embeddings, ("rain",) * 200))
    onnx.save(proto, keeping)
    read = read_model(keeping).sample
    assert read.names == ("rain",) * 200 and read.embeddings.dtype == np.float32
    assert (np.abs(read.embeddings - embeddings) <= np.abs(embeddings).max(0) / 250).all()


def test_a_file_without_one_is_read_as_before(any_model):
    assert read_model(any_model).sample is None


def test_the_runtime_and_the_learning_rule_do_not_notice_it(any_model, keeping, capfd):
    pcm = tone(900, 1, rng=np.random.default_rng(2))[None]
    without, beside = (
        onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"pcm": pcm})
        for path in (any_model, keeping)
    )
    assert all(np.array_equal(a, b) for a, b in zip(without, beside, strict=True))
    assert "sample" not in capfd.readouterr().err  # a tensor that no operator uses would be warned of
    onnx.checker.check_model(onnx.load(keeping), full_check=True)
    plain, kept = parts(onnx.load(any_model)), parts(onnx.load(keeping))
    assert {name for name in kept if kept[name] != plain.get(name)} == {"sample", "metadata"}


def test_what_a_device_has_learned_is_written_with_the_same_sample(keeping, tmp_path):
    model = read_model(keeping)
    model.classifier.learn(np.maximum(np.random.default_rng(3).standard_normal(model.classifier.width), 0), "bell")
    bake(open_model(keeping), model.info, model.classifier, tmp_path / "new.onnx", name="new")
    new = read_model(tmp_path / "new.onnx")
    assert new.sample.names == NAMED and np.array_equal(new.sample.embeddings, model.sample.embeddings)


def first_step_changed(model):
    tensor = model.training_info[0].initialization.initializer[0]
    steps = numpy_helper.to_array(tensor).copy()
    steps.flat[0] -= 1
    tensor.CopyFrom(numpy_helper.from_array(steps, tensor.name))


@pytest.mark.parametrize(
    "change", [first_step_changed, lambda m: m.training_info[0].ClearField("initialization")], ids=["changed", "gone"]
)
def test_of_a_sealed_file_a_sample_that_changed_or_is_gone_is_named(keeping, tmp_path, change):
    model = onnx.load(keeping)
    seal(model)
    assert changed_parts(model) == []
    change(model)
    assert changed_parts(model) == ["sample"]
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(ModelFileError, match="damaged: its sample changed after it was written"):
        read_model(tmp_path / "m.onnx")


@pytest.mark.parametrize("change", [
    lambda m: set_metadata(m, {NAMES: json.dumps(["rain"])}),
    lambda m: set_metadata(m, {NAMES: json.dumps([1, 2, 3])}),
    lambda m: set_metadata(m, {NAMES: "5"}),
    lambda m: set_metadata(m, {NAMES: json.dumps(["a\x00b", "c", "d"])}),
    lambda m: m.training_info[0].ClearField("initialization"),
    lambda m: m.training_info[0].initialization.initializer.pop(),
    lambda m: m.training_info[0].initialization.initializer[1].CopyFrom(
        numpy_helper.from_array(np.full(40, np.nan, np.float32), "sample.scale")),
    lambda m: m.training_info[0].initialization.initializer[0].CopyFrom(
        numpy_helper.from_array(np.zeros((3, 7), np.int8), "sample.embeddings")),
], ids=["too few", "numbers", "no list", "unreadable", "gone", "half", "not finite", "width"])  # fmt: skip
def test_one_that_is_not_whole_is_damage(keeping, tmp_path, change):
    model = onnx.load(keeping)
    change(model)
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(ModelFileError, match="damaged"):
        read_model(tmp_path / "m.onnx")


def test_inspect_says_what_is_kept(keeping):
    words = CliRunner().invoke(cli, ["inspect", str(keeping)]).output
    assert "keeps 3 windows of other sounds, to say what is taken for a class: rain 1, whistle 2" in words
    found = json.loads(CliRunner().invoke(cli, ["inspect", str(keeping), "--json"]).stdout)
    assert found["sample"] == {"rain": 1, "whistle": 2} and "sample" in found["parts"]


def test_a_model_of_other_embeddings_takes_none(keeping):
    with pytest.raises(ValueError, match="takes no sample"):
        put_sample(onnx.load(keeping), Sample(np.zeros((1, 3), np.float32), ("rain",)))
