"""A model whose last class was forgotten hears on, and can be taught everything again; so does one of one class."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from pace_edge.cli import cli
from pace_edge.model_file import read_model
from streams.heard import Event, Window
from streams.listening.learner import Learner, open_journal
from streams.listening.listener import Listener
from streams.listening.options import Options
from streams.teaching.labels import check_health, count_labels
from streams.teaching.review import questions
from streams.teaching.teach import Teacher
from tests.streams.web.serving import serving
from tests.synthetic import hiss, tone, with_info

OWN = ("low", "high", "background")


@pytest.fixture
def rng():
    return np.random.default_rng(23)


@pytest.fixture
def path(small_model, tmp_path):
    """A model that has no class for what is not to be announced."""
    return with_info(small_model, tmp_path / "all.onnx", background="")


@pytest.fixture
def forgetful(path):
    """It has forgotten every class."""
    with Teacher(path) as teacher:
        for label in OWN:
            teacher.forget(label)
        assert teacher.learner.state.labels == []
        yield teacher


def heard(path, samples, **options):
    model = read_model(path)
    with open_journal(model) as journal:
        return list(Listener(model, journal, Options(**options)).feed(samples))


def only(kind, heard):
    return [h for h in heard if isinstance(h, kind)]


def test_a_listener_without_a_class_hears_on_and_calls_all_unknown(path, forgetful, rng):
    sound = np.concatenate([tone(300, 3, rng=rng), hiss(3, rng=rng)])
    windows = only(Window, heard(path, sound))
    assert {(window.label, window.top) for window in windows} == {("unknown", ())}
    assert not only(Event, heard(path, sound))
    assert {e.label for e in only(Event, heard(path, sound, unknown=True))} <= {"unknown"}
    assert {window.label for window in only(Window, heard(path, sound, gate_dbfs=0.0))} == {"unknown"}


def test_a_running_listener_survives_the_last_class_and_knows_what_is_taught_next(path, rng):
    model = read_model(path)
    with open_journal(model) as journal, Teacher(path) as teacher:
        listener = Listener(model, journal)
        assert only(Event, listener.feed(tone(300, 3, rng=rng)))[0].label == "low"
        for label in OWN:
            teacher.forget(label)
        assert only(Window, listener.feed(tone(300, 3, rng=rng)))[-1].label == "unknown"
        lesson = teacher.learn_clip("hum", tone(300, 2, rng=rng), source="test")
        assert (lesson.before, lesson.after[0], lesson.examples) == (("unknown", 0.0), "hum", 1)
        assert "there are no other classes" in lesson.in_words()
        assert only(Window, listener.feed(tone(300, 3, rng=rng)))[-1].label == "hum"
        teacher.undo(4)
        assert only(Window, listener.feed(tone(300, 3, rng=rng)))[-1].label == "low"


def test_what_is_known_is_asked_without_a_class_and_with_one(path, forgetful, rng):
    for labels in ([], ["hum"]):
        if labels:
            forgetful.learn_clip("hum", tone(300, 2, rng=rng), source="test")
        heard(path, np.concatenate([tone(300, 3, rng=rng), hiss(3, rng=rng)]), unknown=True)
        learner = forgetful.learner
        assert [one.label for one in count_labels(learner)] == labels
        assert check_health(learner)[0].words is not None
        assert {question.second for question in questions(learner, [])} <= {"", *labels}
        assert Learner(read_model(path), learner.journal).classifier.labels == labels


def test_the_only_class_is_taught_corrected_hidden_and_renamed(path, forgetful, rng):
    forgetful.learn_clip("hum", tone(300, 2, rng=rng), source="test")
    forgetful.rename("hum", "drone")
    forgetful.hide("drone")
    forgetful.unhide("drone")
    (example,) = forgetful.learner.state.examples
    assert forgetful.correct(label="kettle", example=example).examples == 1
    forgetful.remove(example)
    assert forgetful.learner.state.labels == []
    assert forgetful.learn_clip("hum", tone(300, 2, rng=rng), source="test").is_new_class


def test_the_verbs_and_the_export_say_that_there_is_no_class(path, forgetful, tmp_path):
    def do(*words):
        result = CliRunner().invoke(cli, [*words, "--model", str(path)])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert do("labels") == "there is no class; teach one: pace-edge learn\n"
    assert json.loads(do("labels", "--json")) == []
    do("labels", "--health")
    do("labels", "--examples")
    do("export", "--learned", "--output", str(tmp_path / "empty.onnx"))
    assert read_model(tmp_path / "empty.onnx").info.labels == ()
    assert {w.label for w in only(Window, heard(tmp_path / "empty.onnx", np.zeros(48000, np.float32)))} == {"unknown"}


def test_the_page_shows_and_teaches_without_a_class(path, forgetful):
    with serving(path) as served:
        served.hear_low(3)
        for question in ("state", "recent", "labels", "health", "review", "settings", "model"):
            served.get(f"/api/{question}")
        assert served.get("/api/labels")["labels"] == []
        assert served.post("/api/learn", label="hum", last_s=30.0)["is_new_class"]
        served.hear_low(3)
        assert served.get("/api/state")["labels"] == ["hum"]
