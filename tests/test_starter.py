"""The model that ships is right on real sound that it was not made from, and learns a new sound without losing one."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from pace_edge.adapt.starter import STARTER, VIEWS
from pace_edge.config import DEMO_RECORDING, STARTER_MODEL
from pace_edge.model_file import PREFIX, read_model
from streams.heard import Event
from streams.listening.encoder import Encoder
from streams.listening.listen import listen
from streams.teaching.labels import labels
from streams.teaching.teach import Teacher

SOUNDS = Path(__file__).parents[1] / "examples" / "sounds"
WORDS = {"yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"}


def announced(path):
    return [h.label for h in listen(source=str(path), realtime=False) if isinstance(h, Event) and h.state == "end"]


@pytest.fixture(scope="module")
def truth():
    with DEMO_RECORDING.with_suffix(".csv").open(newline="") as file:
        return [row["label"] for row in csv.DictReader(file)]


def test_every_sound_of_the_recording_is_announced_and_nothing_else(truth):
    assert announced(DEMO_RECORDING) == truth


def test_a_doorbell_taught_once_is_known_in_other_rooms_and_nothing_is_forgotten(truth):
    others = sorted(SOUNDS.glob("ring_*.wav"))
    assert len(others) == 5
    for ring in others:
        assert "doorbell" not in announced(ring)
    with Teacher() as teacher:
        lesson = teacher.learn_file("doorbell", SOUNDS / "ring.wav")
    assert lesson.before[0] != lesson.after[0] == "doorbell"
    for ring in others:
        assert announced(ring) == ["doorbell"], ring.name
    assert announced(DEMO_RECORDING) == truth


def test_it_knows_ten_sounds_ten_words_speech_and_a_background():
    known = {count.label for count in labels()}
    assert known >= WORDS | {"speech", "background", "dog_bark", "rain", "rooster", "baby_cry"}
    assert len(known) == 22
    assert read_model(STARTER_MODEL).info.background == "background"


def test_it_is_small_says_whose_it_is_and_runs_where_runtimes_are_older():
    assert STARTER_MODEL.stat().st_size <= 50e6
    model = onnx.load(STARTER_MODEL)
    assert (model.ir_version, [o.version for o in model.opset_import]) == (10, [20])
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert "MIT" in metadata[PREFIX + "licence"]
    assert "Apache" in metadata[PREFIX + "licence"]
    assert len(json.loads(metadata[PREFIX + "labels"])) == 22
    assert (STARTER_MODEL.parent / "LICENSES.md").exists()


def test_it_is_what_the_recipe_says():
    model = read_model(STARTER_MODEL)
    steps = model.projection.steps.astype(int)
    assert steps.shape == (384 + 1024 + 256, 2 * STARTER.M)
    for view, columns in enumerate(VIEWS):
        mine = np.zeros_like(steps, bool)
        mine[columns, view * STARTER.M : (view + 1) * STARTER.M] = True
        own = steps[:, view * STARTER.M : (view + 1) * STARTER.M]
        assert np.array_equal(own[:, STARTER.M // 2 :], -own[:, : STARTER.M // 2])
        assert not steps[~mine & (np.arange(2 * STARTER.M) // STARTER.M == view)].any()  # of its own columns alone
    of_world = STARTER.gamma_relative * np.trace(model.classifier.G, axis1=1, axis2=2) / STARTER.M
    assert (np.array(model.info.gamma) > 0).all()
    assert (np.array(model.info.gamma) < of_world).all()  # gamma is of what has a class alone
    said, expected = model.info.read_out, STARTER.read_out_of(model.classifier)
    assert said.gains == pytest.approx(expected.gains, rel=1e-6)
    medians = {"leverage_median": said.leverage_median, "floor": model.info.threshold, "gains": said.gains}
    assert said == replace(expected, **medians)


def test_no_class_is_known_by_its_voice_until_one_is_taught():
    model = read_model(STARTER_MODEL)
    assert not model.info.read_out.uses_view(model.classifier, 1)
    assert (model.classifier.squares[1] == 0).all()


def test_it_keeps_named_sounds_that_it_never_learned_and_names_for_what_it_hears():
    model = read_model(STARTER_MODEL)
    assert len(model.info.names) == 521
    assert "Smoke detector, smoke alarm" in model.info.names
    assert len(model.sample.names) >= 150
    assert len(set(model.sample.names)) >= 20


def test_the_graph_and_the_runtime_give_the_same_scores():
    model = read_model(STARTER_MODEL)
    encoder = Encoder(model)
    pcm = (0.1 * np.random.default_rng(0).standard_normal((2, model.info.window_samples))).astype(np.float32)
    in_graph = encoder._session.run(["scores"], {"pcm": pcm})[0]
    ours = model.info.read_out.scores(model.classifier, model.projection(encoder(pcm)))
    assert np.abs(in_graph - ours).max() < 1e-4


def test_silence_is_background(tmp_path):
    import soundfile

    soundfile.write(tmp_path / "silence.wav", np.zeros(16000 * 6), 16000)
    assert announced(tmp_path / "silence.wav") == []
