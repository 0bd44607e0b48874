"""A checkpoint's model file hears what its backbone heard in torch; what is not so is never written."""

import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from export import checkpoint as exporting
from export.checkpoint import Options, clips_of, export_checkpoint
from pace_edge.errors import ModelFileError, PaceEdgeError
from pace_edge.model_file import read_model
from pace_edge.model_parts import PARITY, PROVENANCE, checksums, read_metadata
from pace_edge.parity import Parity
from streams.listening.encoder import Encoder
from tests.adapt.small import load_pcm, small_encoder
from tests.checkpoints import cached_embedder, exported, finished

OPTIONS = Options(name="tones")


@pytest.fixture(autouse=True)
def quick_export(monkeypatch):
    monkeypatch.setattr(exporting, "export_embedder", cached_embedder)


def export(target, checkpoint=None, options=OPTIONS, **changes):
    done = finished()
    return export_checkpoint(checkpoint or done.checkpoint, target, options, **{"clips": done.session, **changes})


def test_the_file_gives_the_scores_of_torch_with_its_adapters_on():
    done, (path, _) = finished(), exported()
    c, model = done.checkpoint, read_model(path)
    pcm = load_pcm(done.session.test)
    with torch.no_grad():
        z = c.backbone(pcm).numpy()
        assert np.abs(small_encoder()(pcm).numpy() - z).max() > 1e-3  # the adapters do something
    expected = model.info.read_out.scores(c.classifier, c.projection(z))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert np.abs(session.run(["scores"], {"pcm": pcm.numpy()})[0] - expected).max() < 1e-4


def test_the_file_has_the_checkpoints_labels_and_classifier_and_no_background():
    c, model = finished().checkpoint, read_model(exported()[0])
    assert list(model.info.labels) == c.classifier.labels
    assert model.info.counts == tuple(c.classifier.counts) == (4.0,) * 4
    assert np.abs(model.classifier.W - c.classifier.W).max() < 1e-9
    assert np.abs(model.classifier.R - c.classifier.R).max() < 1e-9 * np.abs(c.classifier.R).max()
    assert (model.info.background, model.info.window_samples, model.info.hop_samples) == ("", 8000, 8000)


def test_the_table_has_every_way_and_is_in_the_file():
    path, parity = exported()
    assert [row.name for row in parity.rows] == [
        "torch, adapters", "torch, merged", "ONNX float32", "ONNX fp16", "ONNX int8",
    ]  # fmt: skip
    assert (parity.windows, parity.rows[0].score_difference, parity.rows[2].time_ratio) == (8, 0.0, 1.0)
    assert parity.rows[1].score_difference < 1e-5
    assert parity.rows[2].score_difference < 1e-4 < parity.rows[3].score_difference < 1e-2
    assert (parity.fp16_offered, parity.fp16.startswith("fp16: offered for a GPU")) == (True, True)
    assert all(row.ms > 0 and row.bytes > 0 for row in parity.rows)
    assert Parity.from_json(read_metadata(onnx.load(path))[PARITY]) == parity


def test_the_threshold_lets_nearly_all_pass_that_is_called_right():
    done, model = finished(), read_model(exported()[0])
    with torch.no_grad():
        z = done.checkpoint.backbone(load_pcm(done.session.test)).numpy()
    heard = [model.info.read_out.best(model.classifier, model.projection(row[None])) for row in z]
    right = [s for (label, s), clip in zip(heard, done.session.test, strict=True) if label == clip.label]
    assert min(right) - 1e-3 <= model.info.threshold <= max(right)


def test_the_file_says_where_it_comes_from_and_names_no_folder():
    path, _ = exported()
    made = json.loads(read_metadata(onnx.load(path))[PROVENANCE])
    assert made["checkpoint"]["backbone"] == "small"
    assert made["checkpoint"]["settings"]["M"] == 64
    assert len(made["checkpoint"]["pace_json_sha256"]) == 64
    assert {"torch", "onnx", "numpy"} <= set(made["packages"])
    assert (made["clips"]["training"], made["clips"]["held_out"], made["classifier"]) == (16, 8, "the checkpoint's")
    assert str(finished().folder.parent).encode() not in path.read_bytes()


def test_the_same_checkpoint_gives_the_same_parts(tmp_path):
    export(tmp_path / "again.onnx")
    one, two = (checksums(read_metadata(onnx.load(path))) for path in (exported()[0], tmp_path / "again.onnx"))
    parts = ("graph", "backbone", "projection", "classifier", "learning rule")
    assert [one[part] for part in parts] == [two[part] for part in parts]


def test_without_clips_the_file_is_written_unchecked(tmp_path):
    assert export(tmp_path / "m.onnx", clips=None) is None
    measured, guessed = read_model(exported()[0]).info.read_out, read_model(tmp_path / "m.onnx").info.read_out
    assert PARITY not in read_metadata(onnx.load(tmp_path / "m.onnx"))
    assert 0.2 < guessed.leverage_median / measured.leverage_median < 5


def test_a_file_that_is_not_what_torch_computes_is_not_written(tmp_path, monkeypatch):
    def other_weights(backbone, window_samples):
        return cached_embedder(small_encoder(), window_samples)

    monkeypatch.setattr(exporting, "export_embedder", other_weights)
    said = []
    with pytest.raises(PaceEdgeError, match=r"does not give torch's scores: expected a difference up to 0.0001, got"):
        export(tmp_path / "m.onnx", say=said.append)
    assert "ONNX float32" in said[-1]  # the table
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("points", "ratio", "reason"), [(0.0, 1.2, "no faster"), (0.01, 0.5, "loses more than 0.5")])
def test_an_int8_file_that_is_not_worth_having_is_not_written_and_said(tmp_path, monkeypatch, points, ratio, reason):
    compare = exporting.compare

    def judged(*arguments, **options):
        *rows, int8 = compare(*arguments, **options)
        return (*rows, replace(int8, accuracy=rows[2].accuracy - points, time_ratio=ratio))

    monkeypatch.setattr(exporting, "compare", judged)
    table = export(tmp_path / "m.onnx", int8=tmp_path / "int8.onnx")
    assert not table.int8_offered
    assert reason in table.int8
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]
    assert Parity.from_json(read_metadata(onnx.load(tmp_path / "m.onnx"))[PARITY]) == table


def test_a_backbone_with_nothing_to_quantise_has_no_int8_row(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "backbone_products", lambda graph: [])  # of convolutions alone, as YAMNet
    table = export(tmp_path / "m.onnx", int8=tmp_path / "int8.onnx")
    assert (len(table.rows), table.int8_offered) == (4, False)
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_the_int8_classifier_heard_the_training_clips_through_the_int8_file_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "int8_in_words", lambda *rows: (True, "int8: offered"))
    export(tmp_path / "m.onnx", int8=tmp_path / "int8.onnx")
    done, model = finished(), read_model(tmp_path / "int8.onnx")
    session = onnxruntime.InferenceSession(str(model.path), providers=["CPUExecutionProvider"])
    G = np.zeros_like(model.classifier.G)
    for pcm in load_pcm(done.session.train):
        phi = model.projection(session.run(["embedding"], {"pcm": pcm[None].numpy()})[0][0])
        G += np.outer(phi, phi)
    assert np.abs(model.classifier.G - G).max() < 1e-5 * np.abs(G).max()
    assert model.info.name == "tones-int8"
    assert {node.op_type for node in onnx.load(model.path).graph.node} >= {"MatMulInteger", "DynamicQuantizeLinear"}
    assert onnx.load(model.path).training_info[0].algorithm.node
    pcm = load_pcm(done.session.test).numpy()
    alone = [session.run(["embedding"], {"pcm": row[None]})[0][0] for row in pcm]
    assert np.array_equal(Encoder(model)(pcm), alone)  # a clip of many windows teaches what a listener hears


def test_many_features_are_said_to_be_slow(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "QUICK_TO_READ", 63)
    said = []
    export(tmp_path / "m.onnx", clips=None, say=said.append)
    assert "with 64 features" in said[0]
    assert "keep fewer" in said[0]


def test_another_window_length_is_heard_and_one_that_the_backbone_cannot_hear_is_refused(tmp_path):
    for seconds, message in ((5.0, "too long for the backbone"), (0.001, "too short for the backbone")):
        with pytest.raises(PaceEdgeError, match=message):
            export(tmp_path / "m.onnx", options=replace(OPTIONS, window_seconds=seconds))
    options = replace(OPTIONS, window_seconds=0.8, hop_seconds=0.2)
    export(tmp_path / "m.onnx", options=options)
    model, said = read_model(tmp_path / "m.onnx"), []
    assert (model.info.window_samples, model.info.hop_samples) == (12800, 3200)
    done = finished()
    with torch.no_grad():
        z = done.checkpoint.backbone(load_pcm(done.session.train, seconds=0.8)).numpy()
    phi = model.projection(z)
    assert np.abs(model.classifier.G - phi.T @ phi).max() < 1e-5  # fitted to clips of this length
    export(tmp_path / "m.onnx", options=options, clips=None, say=said.append)
    assert any("the classifier is of clips of 0.5 s" in words for words in said)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    c = finished().checkpoint
    with torch.no_grad():
        c.backbone.conv1.weight[0, 0, 0] = torch.nan
    with pytest.raises(PaceEdgeError, match=r"weights of conv1.weight are not finite"):
        export(tmp_path / "m.onnx", c)
    c = finished().checkpoint
    with torch.no_grad():
        c.backbone.blocks[1].attention.k.parametrizations["weight"][0].B[0, 0] = torch.inf
    with pytest.raises(PaceEdgeError, match=r"blocks.1.attention.k are not finite"):
        export(tmp_path / "m.onnx", c)
    assert not list(tmp_path.iterdir())


def test_an_operator_that_the_runtime_lacks_is_one_clear_error(tmp_path, monkeypatch):
    def strange(backbone, window_samples):
        model = onnx.ModelProto()
        model.CopyFrom(cached_embedder(backbone, window_samples))
        next(node for node in model.graph.node if node.op_type == "LayerNormalization").domain = "of.others"
        model.opset_import.append(onnx.helper.make_opsetid("of.others", 1))
        return model

    monkeypatch.setattr(exporting, "export_embedder", strange)
    with pytest.raises(ModelFileError, match=r"ONNX Runtime .* cannot run this model"):
        export(tmp_path / "m.onnx", clips=None)
    assert not list(tmp_path.iterdir())


def test_data_without_a_class_of_the_checkpoint_is_refused():
    done = finished()
    for fold, where in ((1, "in fold 1"), (2, "in fold 2")):
        fewer = [clip for clip in done.clips if clip.label != "tone2" or clip.fold != fold]
        with pytest.raises(PaceEdgeError, match=f"no clip of 'tone2' {where}.*--test-fold"):
            clips_of(done.checkpoint, fewer, fold)
    only_test = [clip for clip in done.clips if clip.fold == 1]
    with pytest.raises(PaceEdgeError, match="outside fold 1"):
        clips_of(done.checkpoint, only_test, 1)
