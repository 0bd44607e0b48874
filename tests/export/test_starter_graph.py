"""In the file the voice encoder runs only where somebody speaks and it is asked for; the numbers are torch's."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from export.compact import round_for_storage
from export.onnx_file import with_classifier
from export.starter_graph import VOICE_INPUT, starter_graph
from pace_edge.adapt.backbone import unit_norm
from pace_edge.adapt.starter import Recipe, StarterEmbedder
from pace_edge.adapt.voice import VoiceEncoder
from pace_edge.adapt.whisper import WhisperEncoder
from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.inspection import inspection
from pace_edge.model_file import ModelInfo, open_model, read_model
from streams.listening.encoder import Encoder
from tests.synthetic import GAMMA, NAMED_HZ, RATE_HZ, READ_OUT, WINDOW, Named, tone

VOICE = 16  # the voice's width; "Speech" is a tone of 6 kHz here


class Sounds(nn.Module):
    """What the embedder asks of YAMNet, by one patch of mel bands."""

    names, embedding_size = tuple(NAMED_HZ), 40

    def __init__(self):
        super().__init__()
        self.named = Named()

    def patches(self, pcm):
        return self.named.heard.spectrogram(pcm).mean(1, keepdim=True)

    def embedding_of(self, patches):
        return unit_norm(patches[:, 0])

    def names_of(self, patches):
        mel = patches[:, 0]
        return (mel[:, self.named.bands] - mel.mean(1, keepdim=True) - 5).sigmoid()


@pytest.fixture(scope="module")
def embedder():
    torch.manual_seed(0)
    speech = WhisperEncoder(width=24, n_blocks=3, heads=2, n_positions=50)
    voices = VoiceEncoder(32, embedding_size=VOICE)
    whole = StarterEmbedder(speech, Sounds(), voices).eval().requires_grad_(False)
    pcm = torch.from_numpy(spoken(*50 * (900, 3500, 6000)))
    heard, names = whole.always(pcm)
    of_speech = names[:, whole.speech_columns].amax(1)
    false = whole.learn_speech(heard.numpy(), of_speech.numpy(), Recipe(speech_from=0.5))
    assert false == 0
    round_for_storage(whole)
    return whole


@pytest.fixture(scope="module")
def model(embedder, tmp_path_factory):
    D, M = embedder.embedding_size, 32
    classifier = AnalyticClassifier.empty(M, gamma=GAMMA)
    projection = RandomProjection.random(D, M, seed=1)
    for label in ("a", "b"):
        classifier.learn(np.random.default_rng(ord(label)).random((1, M), np.float32), label)
    info = ModelInfo(
        name="voiced", labels=("a", "b"), counts=(1.0, 1.0), background="", rate_hz=RATE_HZ, window_samples=WINDOW,
        hop_samples=WINDOW, gamma=GAMMA, read_out=READ_OUT, threshold=0.3, projection_seed=1, backbone="small",
        backbone_sha256="0" * 64, licence="MIT", names=tuple(NAMED_HZ),
    )  # fmt: skip
    whole = with_classifier(starter_graph(embedder, WINDOW), projection, classifier, info)
    path = tmp_path_factory.mktemp("voiced") / "voiced.onnx"
    path.write_bytes(whole.SerializeToString(deterministic=True))
    return path


def spoken(*hz):
    """A window of a tone each: 6000 Hz counts as speech."""
    rng = np.random.default_rng(7)
    return np.stack([tone(f, WINDOW / RATE_HZ, rng=rng) for f in hz])


def session(model, **settings):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    for name, value in settings.items():
        setattr(options, name, value)
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("hz", [(6000,), (900,), (900, 6000, 3500, 6000, 6000), (900, 3500)])
@pytest.mark.parametrize("voice", [None, True, False])
def test_the_graph_gives_torchs_embedding_and_names(embedder, model, hz, voice):
    pcm = spoken(*hz)
    asked = {} if voice is None else {VOICE_INPUT: np.array(voice)}
    embedding, names = session(model).run(["embedding", "names"], {"pcm": pcm, **asked})
    expected = embedder(torch.from_numpy(pcm), with_voice=voice is not False).numpy()
    assert np.abs(embedding - expected).max() < 1e-5
    assert np.abs(names - embedder.always(torch.from_numpy(pcm))[1].numpy()).max() < 1e-5
    has_voice = (embedding[:, -VOICE:] != 0).any(1)
    assert has_voice.tolist() == [f == 6000 and voice is not False for f in hz]


def test_the_parts_have_their_places_and_shares(embedder):
    pcm = torch.from_numpy(spoken(6000))
    z = embedder(pcm)
    words, sounds, voices = z.split([24, 40, VOICE], 1)
    assert torch.allclose(words, 0.9**0.5 * embedder.words(pcm), atol=1e-6)
    assert torch.allclose(sounds, 0.1**0.5 * embedder.sounds.embedding_of(embedder.sounds.patches(pcm)), atol=1e-6)
    assert torch.equal(voices, embedder.voices(pcm))
    assert voices[0].norm() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(("hz", "voice", "runs"), [(6000, True, True), (6000, False, False), (900, True, False)])
def test_the_voice_encoder_is_not_even_run_where_nobody_speaks(model, tmp_path, hz, voice, runs):
    profiled = session(model, enable_profiling=True, profile_file_prefix=str(tmp_path / "profile"))
    profiled.run(["embedding"], {"pcm": spoken(hz), VOICE_INPUT: np.array(voice)})
    events = json.loads(Path(profiled.end_profiling()).read_text())
    assert any(event.get("args", {}).get("op_name") == "LSTM" for event in events) == runs


def test_the_encoder_switches_the_voice_and_says_nothing_on_opening(model, small_model, capfd):
    pcm = spoken(900, 6000)
    encoder = Encoder(read_model(model), provider="cpu")
    assert encoder.has_voice
    with_voice = encoder(pcm)
    encoder.voice = False
    without = encoder(pcm)
    assert (with_voice[1, -VOICE:] != 0).any()
    assert (without[:, -VOICE:] == 0).all()
    assert np.array_equal(with_voice[:, :-VOICE], without[:, :-VOICE])
    assert np.array_equal(Encoder(read_model(model), provider="cpu", voice=False)(pcm), without)
    older = Encoder(read_model(small_model), provider="cpu", voice=False)
    assert not older.has_voice
    assert older(pcm).shape == (2, 40)
    assert capfd.readouterr().err == ""


def test_the_file_tells_of_the_branch_and_keeps_its_weights_small(model, embedder):
    file = open_model(model)
    assert inspection(file)["operators"]["LSTM"] == 3
    kinds = {t.name: t.data_type for t in file.proto.graph.initializer if t.name.startswith("voices.")}
    halves = [name for name, kind in kinds.items() if kind == file.proto.graph.initializer[0].FLOAT16]
    assert len(halves) >= 4  # matrices of 4096 numbers and more
    for branch in (node for node in file.proto.graph.node if node.op_type == "If"):
        assert not any(len(attribute.g.initializer) for attribute in branch.attribute)  # where the checksums see them


def test_names_without_speech_are_refused():
    sounds = Sounds()
    sounds.names = ("Dog", "Siren")
    with pytest.raises(ValueError, match="speech"):
        StarterEmbedder(WhisperEncoder(width=24, n_blocks=1, heads=2), sounds, VoiceEncoder(8))
