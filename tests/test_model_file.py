"""A model file says all that a listener needs; a file that is not ours, or not whole, is refused with a reason."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from pace_edge.errors import ModelFileError
from pace_edge.model_file import ModelInfo, read_model
from pace_edge.model_parts import PREFIX, read_metadata
from tests.synthetic import GAMMA, NAMED_HZ, tone, with_info


def changed(source, target, change):
    model = onnx.load(source)
    change(model)
    onnx.save(model, target)
    return target


def set_metadata(model, key, value):
    for entry in model.metadata_props:
        if entry.key == PREFIX + key:
            entry.value = value


def test_what_was_written_is_read_back(small_model):
    model = read_model(small_model)
    assert model.info.labels == ("low", "high", "background")
    assert model.info.counts == (20.0, 20.0, 20.0)
    assert (model.info.rate_hz, model.info.window_samples, model.info.background) == (16000, 16000, "background")
    assert ModelInfo.from_metadata(model.info.to_metadata()) == model.info


def test_the_classifier_is_the_one_that_was_written(any_model):
    rule = onnx.load(any_model).training_info[0].algorithm
    (R,) = [onnx.numpy_helper.to_array(t) for t in rule.initializer if t.name == "classifier.R"]
    assert read_model(any_model).classifier.R.shape == R.shape
    assert np.abs(read_model(any_model).classifier.R - R).max() < 1e-9


def test_gamma_is_a_number_of_one_view_and_a_list_of_several(small_model, two_view_model):
    assert json.loads(read_metadata(onnx.load(small_model))["pace_edge.gamma"]) == GAMMA
    assert read_model(small_model).info.gamma == read_model(small_model).classifier.gamma == GAMMA
    said = read_model(two_view_model)
    assert json.loads(read_metadata(onnx.load(two_view_model))["pace_edge.gamma"]) == [GAMMA, 3 * GAMMA]
    assert said.info.gamma == said.classifier.gamma == (GAMMA, 3 * GAMMA)
    assert ModelInfo.from_metadata(said.info.to_metadata()) == said.info


def test_the_file_of_several_views_scores_as_its_classifier_does(any_model):
    model, pcm = read_model(any_model), tone(900, 1, rng=np.random.default_rng(0))[None]
    session = onnxruntime.InferenceSession(str(any_model), providers=["CPUExecutionProvider"])
    scores, phi = session.run(["scores", "features"], {"pcm": pcm})
    assert phi.shape == (1, model.classifier.width)
    assert np.abs(scores - model.info.read_out.scores(model.classifier, phi.astype(np.float64))).max() < 1e-6


@pytest.mark.parametrize("gamma", ["[0.01]", "[0.01, 0.03, 0.09]", '"high"', '["high", 1]', "[[1], [2]]"])
def test_gammas_that_are_not_the_views_are_damage(two_view_model, tmp_path, gamma):
    bad = changed(two_view_model, tmp_path / "bad.onnx", lambda model: set_metadata(model, "gamma", gamma))
    with pytest.raises(ModelFileError, match="damaged"):
        read_model(bad)


def test_labels_are_readable_by_other_tools_as_plain_json(small_model):
    metadata = {entry.key: entry.value for entry in onnx.load(small_model).metadata_props}
    assert json.loads(metadata["pace_edge.labels"]) == ["low", "high", "background"]
    assert metadata["pace_edge.name"] == "small"


def test_an_absent_file_is_said(tmp_path):
    with pytest.raises(ModelFileError, match=r"cannot read.*No such file.*starter"):
        read_model(tmp_path / "absent.onnx")


@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_half_a_file_is_refused(small_model, tmp_path, keep):
    content = small_model.read_bytes()
    (tmp_path / "half.onnx").write_bytes(content[: int(keep * len(content))])
    with pytest.raises(ModelFileError, match=r"not a whole one|damaged|not one of pace-edge"):
        read_model(tmp_path / "half.onnx")


def test_a_model_of_another_program_is_refused(small_model, tmp_path):
    path = changed(small_model, tmp_path / "m.onnx", lambda m: m.ClearField("metadata_props"))
    with pytest.raises(ModelFileError, match="not one of pace-edge's"):
        read_model(path)


def test_a_newer_schema_is_refused(small_model, tmp_path):
    path = changed(small_model, tmp_path / "m.onnx", lambda m: set_metadata(m, "schema", "99"))
    with pytest.raises(ModelFileError, match="expected schema 1, got schema 99"):
        read_model(path)


def test_a_model_may_have_no_background(small_model, tmp_path):
    path = changed(small_model, tmp_path / "m.onnx", lambda m: set_metadata(m, "background", ""))
    assert read_model(path).info.background == ""


def remove(model, name):
    model.graph.initializer.remove(next(tensor for tensor in model.graph.initializer if tensor.name == name))


def widen(model, name):
    """One row more in this tensor."""
    for graph in (model.graph, model.training_info[0].algorithm):
        for tensor in graph.initializer:
            if tensor.name == name:
                value = onnx.numpy_helper.to_array(tensor)
                tensor.CopyFrom(onnx.numpy_helper.from_array(np.concatenate([value, value[:1]]), name))


@pytest.mark.parametrize("name", ["classifier.R", "classifier.W", "classifier.counts"])
def test_a_tensor_that_does_not_fit_the_others_is_refused(any_model, tmp_path, name):
    with pytest.raises(ModelFileError, match="damaged"):
        read_model(changed(any_model, tmp_path / "m.onnx", lambda m: widen(m, name)))


@pytest.mark.parametrize("name", ["classifier.Q", "classifier.squares"])
def test_so_is_a_sum_that_does_not_fit_or_is_not_there(weighing_model, tmp_path, name):
    for change in (lambda m: widen(m, name), lambda m: remove(m, name)):
        with pytest.raises(ModelFileError, match="damaged"):
            read_model(changed(weighing_model, tmp_path / "m.onnx", change))


def test_a_sum_of_another_solution_is_refused(weighing_model, tmp_path):
    def change(model):
        (tensor,) = [tensor for tensor in model.graph.initializer if tensor.name == "classifier.Q"]
        tensor.CopyFrom(onnx.numpy_helper.from_array(1.001 * onnx.numpy_helper.to_array(tensor), tensor.name))

    with pytest.raises(ModelFileError, match="its Q is not that of its W"):
        read_model(changed(weighing_model, tmp_path / "m.onnx", change))


def test_the_sums_of_a_file_come_back_bit_for_bit(weighing_model):
    held = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(weighing_model).graph.initializer}
    classifier = read_model(weighing_model).classifier
    assert np.array_equal(classifier.Q, held["classifier.Q"])
    assert np.array_equal(classifier.squares, held["classifier.squares"])


def test_a_read_out_of_another_number_of_views_is_refused(weighing_model, small_model, tmp_path):
    said = json.loads(read_metadata(onnx.load(weighing_model))["pace_edge.read_out"])
    for wrong in ({"gains": [0.1]}, {"spreads": []}, {"leverage_median": [0.1, 0.1, 0.1]}, {"gains": 0.1}):
        text = json.dumps(said | wrong)
        bad = changed(weighing_model, tmp_path / "bad.onnx", lambda m, text=text: set_metadata(m, "read_out", text))
        with pytest.raises(ModelFileError, match="damaged"):
            read_model(bad)


def test_the_metadata_of_a_file_without_views_to_weigh_are_what_they_always_were(small_model):
    said = json.loads(read_metadata(onnx.load(small_model))["pace_edge.read_out"])
    assert said.keys() == {"power", "reference", "own_share", "leverage_weight", "leverage_median"}
    assert [output.name for output in onnx.load(small_model).graph.output] == ["scores", "features", "embedding"]


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.ClearField("training_info"),
        lambda m: set_metadata(m, "labels", '["low"]'),
        lambda m: set_metadata(m, "labels", "not json"),
        lambda m: set_metadata(m, "background", "elsewhere"),
        lambda m: m.graph.initializer.remove(next(t for t in m.graph.initializer if t.name == "classifier.W")),
    ],
)
def test_parts_that_do_not_fit_are_refused(small_model, tmp_path, change):
    with pytest.raises(ModelFileError, match="damaged"):
        read_model(changed(small_model, tmp_path / "m.onnx", change))


def test_a_file_says_what_its_backbone_has_names_for(named_model, small_model):
    assert read_model(named_model).info.names == tuple(NAMED_HZ)
    assert read_model(small_model).info.names == ()


def test_a_file_from_before_there_were_names_has_none(small_model, tmp_path):
    def without(model):
        model.metadata_props.remove(next(entry for entry in model.metadata_props if entry.key == PREFIX + "names"))

    assert read_model(changed(small_model, tmp_path / "m.onnx", without)).info.names == ()


@pytest.mark.parametrize("names", [["Dog"], ["Dog", "Cat", "Speech", "Siren"], []])
def test_every_column_of_the_output_for_names_has_one(named_model, tmp_path, names):
    with pytest.raises(ModelFileError, match=f"output for names is 3 wide and it has {len(names)} names"):
        read_model(with_info(named_model, tmp_path / "m.onnx", names=names))


def test_names_without_an_output_are_refused(small_model, tmp_path):
    with pytest.raises(ModelFileError, match="0 wide and it has 1 names"):
        read_model(with_info(small_model, tmp_path / "m.onnx", names=["Dog"]))
