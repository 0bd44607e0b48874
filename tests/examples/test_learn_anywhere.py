"""The script that needs nothing of pace-edge learns what pace-edge learns, bit by bit of the same file."""

import ast
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from pace_edge.config import STARTER_MODEL
from pace_edge.model_file import read_model
from pace_edge.model_parts import seal
from tests.synthetic import HOP, RATE_HZ, WINDOW, hiss, tone

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPT = EXAMPLES / "learn_anywhere.py"


def learn_anywhere(*words):
    return subprocess.run([sys.executable, "-I", SCRIPT, *map(str, words)], capture_output=True, text=True, check=False)


def write_wav(path, pcm, rate_hz=RATE_HZ):
    """`pcm`: [samples] or [samples, channels], as 16-bit integers."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1 if pcm.ndim == 1 else pcm.shape[1], 2, rate_hz, 0, "NONE", ""))
        file.writeframes(pcm.astype("<i2").tobytes())
    return path


def learned_state(path):
    """R, W, counts and, where it is there, Q and squares, as they are in a model file."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    tensors = (*model.graph.initializer, *model.training_info[0].algorithm.initializer)
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in tensors}
    names = (f"classifier.{name}" for name in ("R", "W", "counts", "Q", "squares"))
    return [held[name] for name in names if name in held]


def expected_state(path, window, label):
    """What pace-edge's classifier makes of the same window, int16 [samples]."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (phi,) = session.run(["features"], {"pcm": (window / 32768).astype(np.float32)[None]})
    model = read_model(path)
    classifier = model.classifier
    classifier.learn(phi.astype(np.float64), label)
    sums = [classifier.Q, classifier.squares] if model.info.read_out.gains else []
    return [classifier.R, classifier.W, classifier.counts, *sums]


def difference(ours, theirs):
    assert [a.shape for a in ours] == [b.shape for b in theirs]
    return max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True))


@pytest.fixture
def ring():
    """A window of a sound that the small model does not know."""
    return (32767 * tone(900, 1, rng=np.random.default_rng(1))).astype(np.int16)


@pytest.mark.parametrize("label", ["doorbell", "high"])
def test_it_learns_exactly_what_pace_edge_learns(any_model, tmp_path, ring, label):
    done = learn_anywhere(any_model, write_wav(tmp_path / "ring.wav", ring), label, tmp_path / "new.onnx")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines()[1].startswith(f"after:  {label} ")
    assert difference(learned_state(tmp_path / "new.onnx"), expected_state(any_model, ring, label)) < 1e-8


def test_it_says_from_which_score_a_class_is_announced_where_the_file_does(weighing_model, tmp_path, ring):
    wav = write_wav(tmp_path / "ring.wav", ring)
    said = learn_anywhere(weighing_model, wav, "doorbell", tmp_path / "new.onnx").stdout.splitlines()
    new = read_model(tmp_path / "new.onnx")
    bar = new.info.read_out.score_bars(new.classifier)[-1]
    assert said[1].endswith(f" (announced from {bar:.2f})")
    session = onnxruntime.InferenceSession(tmp_path / "new.onnx")
    (bars,) = session.run(["thresholds"], {"pcm": (ring / 32768).astype(np.float32)[None]})
    assert np.abs(bars - new.info.read_out.score_bars(new.classifier)).max() < 1e-6


def test_the_file_it_writes_is_one_of_ours_that_knows_the_sound(any_model, tmp_path, ring):
    wav, sealed = write_wav(tmp_path / "ring.wav", ring), onnx.load(any_model)
    seal(sealed)  # as `pace-edge export` does: the checksums of the old parts must not stay
    onnx.save(sealed, tmp_path / "sealed.onnx")
    learn_anywhere(tmp_path / "sealed.onnx", wav, "doorbell", tmp_path / "new.onnx")
    info = read_model(tmp_path / "new.onnx").info
    assert info.labels == ("low", "high", "background", "doorbell")
    assert info.counts == (20, 20, 20, 1)
    assert info.name != read_model(any_model).info.name  # else it would be refused the journal of the old one
    again = learn_anywhere(tmp_path / "new.onnx", wav, "doorbell")
    assert again.stdout.startswith("before: doorbell")


def test_of_a_long_sound_the_loudest_window_counts_and_channels_are_averaged(small_model, tmp_path, ring):
    quiet = (32767 * hiss(2, rng=np.random.default_rng(2))).astype(np.int16)
    long = np.concatenate([quiet[: 2 * HOP], ring, quiet])
    assert len(ring) == WINDOW
    write_wav(tmp_path / "stereo.wav", np.stack([long, long], axis=1))
    learn_anywhere(small_model, tmp_path / "stereo.wav", "doorbell", tmp_path / "new.onnx")
    assert difference(learned_state(tmp_path / "new.onnx"), expected_state(small_model, ring, "doorbell")) < 1e-8


def test_a_short_sound_gets_silence_after_it(small_model, tmp_path, ring):
    learn_anywhere(small_model, write_wav(tmp_path / "short.wav", ring[:5000]), "doorbell", tmp_path / "new.onnx")
    padded = np.pad(ring[:5000], (0, WINDOW - 5000))
    assert difference(learned_state(tmp_path / "new.onnx"), expected_state(small_model, padded, "doorbell")) < 1e-8


def test_a_sound_at_another_rate_is_refused_in_a_sentence(small_model, tmp_path, ring):
    done = learn_anywhere(small_model, write_wav(tmp_path / "cd.wav", ring, 44100), "doorbell", tmp_path / "new.onnx")
    assert done.returncode == 1
    assert f"is not 16-bit at {RATE_HZ} Hz" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "new.onnx").exists()


def test_without_words_it_says_what_it_wants():
    done = learn_anywhere()
    assert done.returncode == 1
    assert "learn_anywhere.py MODEL WAV LABEL" in done.stderr


def test_the_starter_learns_the_doorbell():
    done = learn_anywhere(STARTER_MODEL, EXAMPLES / "sounds" / "ring.wav", "doorbell")
    before, after = (line.split()[1] for line in done.stdout.splitlines())
    assert before != after == "doorbell"


def test_it_is_short_and_needs_three_packages():
    text = SCRIPT.read_text()
    assert len(text.splitlines()) < 70
    nodes = list(ast.walk(ast.parse(text)))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    assert imported - set(sys.stdlib_module_names) == {"numpy", "onnx", "onnxruntime"}
