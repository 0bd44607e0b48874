"""The starter's training windows: cut as the device cuts, each word in several rooms, background without recording."""

import numpy as np
import pytest
import soundfile
import torch

from pace_edge.adapt import starter
from pace_edge.adapt.data import Clip
from pace_edge.adapt.lora import LoraConfig, attach
from pace_edge.adapt.starter import BACKGROUND, PLACES, STARTER, noise_examples, sound_examples, word_examples
from pace_edge.adapt.whisper import WhisperEncoder
from pace_edge.adapt.yamnet import YamNet
from pace_edge.clips import window_levels_dbfs
from pace_edge.errors import PaceEdgeError

RATE_HZ = STARTER.rate_hz


def write(path, samples):
    soundfile.write(path, samples, RATE_HZ)
    return path


def test_a_sound_is_cut_into_windows_and_its_pauses_are_left_out(tmp_path):
    rng = np.random.default_rng(0)
    clip = np.concatenate([0.2 * rng.standard_normal(2 * RATE_HZ), np.zeros(6 * RATE_HZ)])
    (example,) = sound_examples([Clip(write(tmp_path / "a.wav", clip), "rain", 1, "g")])
    assert example.label == "rain"
    assert example.windows.shape[1] == STARTER.window_samples
    assert (window_levels_dbfs(example.windows) > -60).all()


def test_words_are_heard_in_rooms_and_unknown_words_are_speech(tmp_path):
    rng = np.random.default_rng(1)
    clips = []
    for i, label in enumerate(["yes", "unknown", "silence", "silence"]):
        level = 0.001 if label == "silence" else 0.2
        clips.append(Clip(write(tmp_path / f"{i}.wav", level * rng.standard_normal(RATE_HZ)), label, 1, "speaker"))
    examples = word_examples(clips, seed=3)
    assert [e.label for e in examples] == ["yes", "speech", BACKGROUND, BACKGROUND]
    assert all(e.windows.shape == (PLACES, STARTER.window_samples) for e in examples)
    again = word_examples(clips, seed=3)
    assert all(np.array_equal(a.windows, b.windows) for a, b in zip(examples, again, strict=True))


def test_noise_reaches_from_loud_to_a_switched_off_microphone():
    examples = noise_examples(40, seed=0)
    levels = [window_levels_dbfs(e.windows)[0] for e in examples]
    assert {e.label for e in examples} == {BACKGROUND}
    assert max(levels) > -40
    assert min(levels) < -100


@pytest.fixture
def backbone(monkeypatch):
    """The starter's, from small backbones in place of the published ones."""
    torch.manual_seed(0)
    small = {
        "tiny.en.pt": WhisperEncoder(width=32, n_blocks=2, heads=2).eval(),
        "yamnet.tflite": YamNet().eval(),
    }
    monkeypatch.setattr(starter, "fetch", lambda weights, folder: weights.member.rpartition("/")[2])
    monkeypatch.setattr(starter.whisper, "from_file", small.get)
    monkeypatch.setattr(starter.yamnet, "from_tflite", small.get)
    return starter.starter_backbone()


def test_the_starter_hears_its_window_and_a_longer_clip_is_one_clear_error(backbone):
    assert backbone.longest_s == STARTER.window_s
    assert len(backbone.backbones[0].positions) == 100
    assert backbone(torch.zeros(1, STARTER.window_samples)).shape == (1, 32 + 1024)
    with pytest.raises(PaceEdgeError, match=r"expected up to 2 s, got 5 s"):
        backbone(torch.zeros(1, 5 * RATE_HZ))


def test_of_the_starter_the_speech_part_is_adapted(backbone):
    adapter = attach(backbone, [0, 1], LoraConfig(), generator=torch.Generator().manual_seed(0))
    assert set(adapter.layers) == {f"backbones.0.blocks.{i}.attention.{part}" for i in (0, 1) for part in "kv"}
    (sounds,) = backbone.beside(torch.zeros(1, STARTER.window_samples))
    assert sounds.shape == (1, 1024)
