"""What a device has learned becomes a file of its own, exactly."""

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from export.bake import bake
from pace_edge.errors import UsageError
from pace_edge.inspection import inspection, verify
from pace_edge.model_file import ModelInfo, open_model, read_model
from pace_edge.model_parts import parts
from streams.listening.learner import Learner, open_journal
from streams.teaching.teach import Teacher
from tests.checkpoints import exported
from tests.synthetic import RATE_HZ, WINDOW, tone


@pytest.fixture
def taught(any_model):
    """A file, and its classifier after three lessons, one of them of a new class."""
    model = read_model(any_model)
    rng = np.random.default_rng(3)
    for label in ("doorbell", "low", "doorbell"):
        model.classifier.learn(np.maximum(rng.standard_normal((4, model.classifier.width)), 0) / 8, label)
    return model


def test_the_new_file_has_the_learned_classifier_and_its_labels_in_order(any_model, taught, tmp_path):
    bake(open_model(any_model), taught.info, taught.classifier, tmp_path / "new.onnx", name="new")
    new = read_model(tmp_path / "new.onnx")
    assert new.info.labels == ("low", "high", "background", "doorbell")
    assert new.info.counts == (21.0, 20.0, 20.0, 2.0)
    for ours, theirs in ((new.classifier.W, taught.classifier.W), (new.classifier.R, taught.classifier.R)):
        assert np.abs(ours - theirs).max() < 1e-8
    assert (new.info.name, new.info.background, new.info.threshold) == ("new", "background", taught.info.threshold)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(st.sampled_from(["low", "high", "a", "b", "c"]), min_size=1, max_size=40))
def test_any_lessons_are_kept_exactly(any_model, tmp_path, labels):
    model, rng = read_model(any_model), np.random.default_rng(len(labels))
    model.classifier.learn_all(
        [(np.maximum(rng.standard_normal(model.classifier.width), 0) / 8, label) for label in labels]
    )
    bake(open_model(any_model), model.info, model.classifier, tmp_path / "new.onnx", name="new")
    new = read_model(tmp_path / "new.onnx").classifier
    assert new.labels == model.classifier.labels
    assert np.abs(new.W - model.classifier.W).max() < 1e-8


def test_the_graph_gives_the_new_scores(any_model, taught, tmp_path):
    bake(open_model(any_model), taught.info, taught.classifier, tmp_path / "new.onnx", name="new")
    onnx.checker.check_model(onnx.load(tmp_path / "new.onnx"), full_check=True)
    session = onnxruntime.InferenceSession(str(tmp_path / "new.onnx"), providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].shape == ["batch", 4]
    pcm = tone(900, WINDOW / RATE_HZ, rng=np.random.default_rng(0))[None]
    scores, features = session.run(["scores", "features"], {"pcm": pcm})
    assert np.abs(scores - taught.info.read_out.scores(taught.classifier, features)).max() < 1e-5


def test_what_was_not_learned_stays_byte_for_byte(any_model, taught, tmp_path):
    bake(open_model(any_model), taught.info, taught.classifier, tmp_path / "new.onnx", name="new")
    old, new = parts(onnx.load(any_model)), parts(onnx.load(tmp_path / "new.onnx"))
    assert [old[part] == new[part] for part in ("backbone", "projection", "classifier")] == [True, True, False]


def test_a_checked_file_is_sealed_again_and_says_what_it_was_made_from(tmp_path):
    source, parity = exported()
    file, model = open_model(source), read_model(source)
    phi = np.maximum(np.random.default_rng(0).standard_normal((2, model.classifier.width)), 0)
    model.classifier.learn(phi, "doorbell")
    bake(file, model.info, model.classifier, tmp_path / "new.onnx", name="new")
    new = open_model(tmp_path / "new.onnx")
    verify(new)
    found = inspection(new)
    (made_from,) = found["provenance"]["baked_from"]
    assert (made_from["name"], made_from["sha256"], made_from["taught"]) == ("tones", file.sha256, 1.0)
    assert found["provenance"]["checkpoint"]["backbone"] == "small"
    assert found["parity"]["windows"] == parity.windows


def test_the_new_model_needs_a_name_of_its_own(any_model, taught, tmp_path):
    name = taught.info.name
    with pytest.raises(UsageError, match=f"a name of its own: got '{name}'"):
        bake(open_model(any_model), taught.info, taught.classifier, tmp_path / "new.onnx", name=name)
    assert not list(tmp_path.iterdir())


def test_everything_that_was_done_to_the_labels_is_in_the_new_file(any_model, tmp_path):
    """Taught, undone, forgotten, renamed and hidden: a listener with the new file hears as the device did."""
    rng = np.random.default_rng(4)
    with Teacher(any_model) as teacher:
        for label, hz in (("bell", 900), ("bell", 920), ("hum", 150), ("wrong", 500)):
            teacher.learn_clip(label, tone(hz, 1, rng=rng), source="test")
        teacher.forget("wrong")
        teacher.forget("high")
        teacher.rename("low", "deep")
        teacher.hide("hum")
        teacher.undo()
        teacher.hide("bell")
        learner, taught = teacher._learner, read_model(any_model)
        bake(
            open_model(any_model), taught.info, learner.classifier, tmp_path / "new.onnx", name="new",
            hidden=sorted(learner.state.hidden), taught=len(learner.state.examples),
        )  # fmt: skip
        new = read_model(tmp_path / "new.onnx")
        assert new.info.labels == ("deep", "background", "bell", "hum")
        assert new.info.hidden == ("bell",)
        assert np.abs(new.classifier.W - learner.classifier.W).max() < 1e-8
        (made_from,) = inspection(open_model(tmp_path / "new.onnx"))["provenance"]["baked_from"]
        assert made_from["taught"] == 3
        with open_journal(new) as journal:
            opened = Learner(new, journal)
            for hz, label in ((900, "unknown"), (150, "hum"), (300, "deep")):
                embeddings = teacher._encoder(tone(hz, 1, rng=rng)[None])
                assert opened.best(embeddings)[0] == learner.best(embeddings)[0] == label


def test_a_file_of_before_there_were_hidden_classes_hides_none(any_model):
    metadata = dict(open_model(any_model).metadata)
    del metadata["pace_edge.hidden"]
    assert ModelInfo.from_metadata(metadata).hidden == ()
