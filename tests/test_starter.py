"""The model that ships is right on real sound that it was not made from, and learns a new sound without losing one."""

import csv
import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from pace_edge.adapt.starter import STARTER
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
    assert STARTER_MODEL.stat().st_size <= 25e6
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
    assert steps.shape == (384 + 1024, STARTER.M)
    assert np.array_equal(steps[:, STARTER.M // 2 :], -steps[:, : STARTER.M // 2])
    relative = model.info.gamma / (np.trace(model.classifier.G) / STARTER.M)
    assert relative == pytest.approx(STARTER.gamma_relative)
    assert model.info.read_out == STARTER.read_out(model.info.read_out.leverage_median)


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
