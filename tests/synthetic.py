"""Sounds made by formula and a small model that tells them apart: enough to test every room without a backbone."""

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from export import calibrate
from export.onnx_file import build_model
from export.sample import put_sample
from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.frontend import LogMel, LogMelConfig, mel_filters
from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.files import write_whole
from pace_edge.kept_sample import Sample
from pace_edge.model_file import ModelInfo
from pace_edge.model_parts import PREFIX, set_metadata
from pace_edge.readout import ReadOut

RATE_HZ, WINDOW, HOP = 16000, 16000, 8000
M, GAMMA, SEED, THRESHOLD = 128, 0.01, 5, 0.3
READ_OUT = ReadOut(power=0.75, reference=20.0, own_share=1 / 3, leverage_weight=0.1, leverage_median=0.05)
TONES_HZ = {"low": 300.0, "high": 2500.0}
NAMED_HZ = {"Dog": 900.0, "Smoke detector, smoke alarm": 3500.0, "Speech": 6000.0}  # tones that the named model names


def tone(hz: float, seconds: float, *, rng: np.random.Generator, level: float = 0.3) -> np.ndarray:
    """A tone with a random phase and a little noise: float32 [samples]."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave = level * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6.28)) + 0.01 * rng.standard_normal(len(t))
    return wave.astype(np.float32)


def hiss(seconds: float, *, rng: np.random.Generator) -> np.ndarray:
    return (0.01 * rng.standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


class MelStatistics(Backbone):
    """The smallest backbone: the mean of each mel band over time, [batch, 40]."""

    rate_hz = RATE_HZ
    embedding_size = 40

    def __init__(self) -> None:
        super().__init__()
        self.log_mel = LogMel(LogMelConfig(n_mels=40, floor=1e-6))
        self.blocks = nn.ModuleList([nn.Identity()])
        self.pooled = (0,)

    def spectrogram(self, pcm: torch.Tensor) -> torch.Tensor:
        return self.log_mel(pcm)

    def stem_from(self, mel: torch.Tensor) -> torch.Tensor:
        return mel

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(1)


class Named(nn.Module):
    """The same with the names of NAMED_HZ: how far a tone's mel band stands out of the others, 0 to 1."""

    outputs = ("embedding", "names")

    def __init__(self) -> None:
        super().__init__()
        self.heard = MelStatistics()
        middles = mel_filters(self.heard.log_mel.config).argmax(1) * 16000 / 512  # Hz
        self.bands = [int(np.abs(middles - hz).argmin()) for hz in NAMED_HZ.values()]

    def forward(self, pcm: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mel = self.heard.spectrogram(pcm).mean(1)
        return self.heard(pcm), (mel[:, self.bands] - mel.mean(1, keepdim=True) - 5).sigmoid()


def write_small_model(
    path: Path, name: str = "small", *, window_samples: int = WINDOW, views: int = 1, named: bool = False,
    weighing: bool = False,
) -> Path:  # fmt: skip
    """A model file for the classes low, high and background, through the real exporter. Of several views, of M features
    each, the first hears all of the sound, the others less and less of it. `named`: with NAMED_HZ. `weighing`: each
    class weighs the views, and has its own bar."""
    rng, embedder = np.random.default_rng(0), MelStatistics()
    projection = RandomProjection.random(embedder.embedding_size, views * M, seed=SEED)
    for view in range(1, views):
        projection.steps[: 40 * view // views, view * M : (view + 1) * M] = 0
    projection = RandomProjection(projection.steps)
    classifier = AnalyticClassifier.empty(M, gamma=gamma_of(views), views=views)
    for label in ("low", "high", "background"):
        for _ in range(20):
            wave = hiss(1, rng=rng) if label == "background" else tone(TONES_HZ[label], 1, rng=rng)
            with torch.no_grad():
                embedding = embedder(torch.from_numpy(wave)[None]).numpy()
            classifier.learn(projection(embedding), label)
    read_out = calibrate.weighing(classifier, READ_OUT, restraint=0.5, floor=THRESHOLD) if weighing else READ_OUT
    info = ModelInfo(
        name=name, labels=tuple(classifier.labels), counts=tuple(classifier.counts), background="background",
        rate_hz=RATE_HZ, window_samples=window_samples, hop_samples=HOP, gamma=classifier.gamma,
        read_out=read_out, threshold=THRESHOLD, projection_seed=SEED, backbone="mel statistics",
        backbone_sha256="0" * 64, licence="MIT", names=tuple(NAMED_HZ) if named else (),
    )  # fmt: skip
    model = build_model(Named() if named else embedder, projection, classifier, info)
    write_whole(path, model.SerializeToString(deterministic=True))
    return path


def gamma_of(views: int) -> float | tuple[float, ...]:
    """Each view's own."""
    return GAMMA if views == 1 else tuple(GAMMA * 3**view for view in range(views))


def with_info(model: Path, to: Path, **info) -> Path:
    """The same model file, saying something else of itself."""
    proto = onnx.load(model)
    set_metadata(proto, {PREFIX + key: v if isinstance(v, str) else json.dumps(v) for key, v in info.items()})
    to.write_bytes(proto.SerializeToString(deterministic=True))
    return to


def other_sounds() -> dict[str, list[np.ndarray]]:
    """Windows by what they are called: whistles near 1200 Hz, and what is like no sound that tests teach."""
    rng = np.random.default_rng(1)
    return {
        "whistle": [tone(hz, 1, rng=rng) for hz in (1190, 1200, 1210, 1220)],
        "siren": [tone(hz, 1, rng=rng) for hz in (5000, 5200)], "rain": [hiss(1, rng=rng) for _ in range(3)],
    }  # fmt: skip


def with_sample(model: Path, to: Path, sounds: dict[str, list[np.ndarray]], name: str = "keeping") -> Path:
    """The same model file with a sample of other sounds, each a window of PCM, by what they are called."""
    proto, embedder = onnx.load(model), MelStatistics()
    names = tuple(called for called, windows in sounds.items() for _ in windows)
    with torch.no_grad():
        pcm = torch.from_numpy(np.stack([window for windows in sounds.values() for window in windows]))
        put_sample(proto, Sample(embedder(pcm).numpy(), names))
    set_metadata(proto, {PREFIX + "name": name})
    to.write_bytes(proto.SerializeToString(deterministic=True))
    return to
