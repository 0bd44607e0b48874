"""What an exported file costs and saves: ONNX Runtime next to torch, int8 next to float32, the front end's share, the
sizes; and the front end itself: a fixed convolution next to ONNX's STFT operator and to torchaudio's Kaldi.

    python -m benchmarks.export_speed --data ../shared/data/esc10

Everything hears the same real windows in turn on one thread, so that whatever else the machine does meets all alike. A
ratio is the median over the windows.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
import tempfile
import time
import types
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from export.compact import store_compactly
from export.onnx_file import export_embedder, quietly
from export.parity import session
from export.quantise import quantised
from pace_edge.adapt.backbone import Backbone, SideBySide
from pace_edge.adapt.backbones import open_backbone
from pace_edge.adapt.data import Clip, read_clips
from pace_edge.adapt.frontend import KALDI_128, YAMNET_64, LogMel, LogMelConfig, mel_filters
from pace_edge.adapt.loading import batches
from pace_edge.config import STARTER_MODEL

BACKBONES = {"whisper-tiny.en": 5.0, "starter": 2.0}  # seconds of a window
WARM_UP = 3
Run = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--windows", type=int, default=40)
    words = parser.parse_args()
    torch.set_num_threads(1)
    torch.compiler.config.force_disable_caches = True  # or compiling takes no time the second time
    clips = read_clips(words.data)
    clips = clips[:: max(1, len(clips) // words.windows)][: words.windows]
    for name, seconds in BACKBONES.items():
        whole_models(name, open_backbone(name).eval().requires_grad_(False), seconds, clips)
    front_ends(clips)


def pcm_of(clips: Sequence[Clip], seconds: float) -> list[np.ndarray]:
    """One window of each clip [1, samples], at 16 kHz."""
    one_each = [torch.tensor([i]) for i in range(len(clips))]
    return [pcm.numpy() for pcm in batches(clips, one_each, rate_hz=16000, seconds=seconds)]


def whole_models(name: str, backbone: Backbone, seconds: float, clips: Sequence[Clip]) -> None:
    windows = pcm_of(clips, seconds)
    embedder = export_embedder(backbone, windows[0].shape[1])
    (fused, fusions), int8, compiled = by_optimiser(embedder), quantised(embedder), torch.compile(backbone)
    begun = time.perf_counter()
    compiled(torch.from_numpy(windows[0]))
    took = time.perf_counter() - begun
    print(f"\n## {name}, {len(windows)} windows of {seconds:g} s; torch.compile took {took:.0f} s\n")
    runs: dict[str, Run] = {
        "ONNX Runtime, float32": by_onnx(embedder),
        "torch, eager": by_torch(backbone),
        "torch.compile": by_torch(compiled),
        "ONNX Runtime, int8": by_onnx(int8),
        "float32 after the transformer optimiser": by_onnx(fused),
        "front end alone, ONNX Runtime": by_onnx(export_embedder(FrontEnd(backbone), windows[0].shape[1])),
    }
    print_times(runs, windows)
    print(f"the transformer optimiser adds: {fusions or 'nothing'}\n")
    weights = sum(value.nbytes for value in backbone.state_dict().values())
    sizes = {
        "float32 weights": weights,
        "exported": embedder.ByteSize(),
        "exported, as a model file stores it": stored(embedder),
        "int8, as a model file stores it": stored(int8),
    }
    if name == "starter":
        sizes["the file that ships, with its classifier and learning rule"] = STARTER_MODEL.stat().st_size
    rows = [[kind, f"{size / 1e6:.1f}", f"{size / weights:.2f}"] for kind, size in sizes.items()]
    print_table(["", "MB", "of the float32 weights"], rows)


def front_ends(clips: Sequence[Clip]) -> None:
    windows = pcm_of(clips, 5.0)
    samples = windows[0].shape[1]
    convolved = export_embedder(LogMel(YAMNET_64), samples)
    by_stft = export_embedder(ByStft(YAMNET_64).float(), samples)
    if "STFT" not in {node.op_type for node in by_stft.graph.node}:
        raise RuntimeError("the exporter no longer writes the STFT operator")
    kaldi = export_embedder(LogMel(KALDI_128), samples)
    runs: dict[str, Run] = {
        "64 bands, fixed convolution": by_onnx(convolved),
        "64 bands, STFT operator": by_onnx(by_stft),
        "Kaldi's 128 bands, fixed convolution": by_onnx(kaldi),
    }
    print(f"\n## The front end, {len(windows)} windows of 5 s\n")
    print_times(runs, windows)
    exact = by_torch(ByStft(YAMNET_64))
    for name, run in list(runs.items())[:2]:
        apart = max(np.abs(run(pcm) - exact(pcm.astype(float))).max() for pcm in windows)
        print(f"largest difference to float64, natural logarithms, {name}: {apart:.1e}")
    compare_with_kaldi(by_onnx(kaldi), windows)


def compare_with_kaldi(ours: Run, windows: Sequence[np.ndarray]) -> None:
    fbank, largest, largest_heard, total, count = torchaudios_fbank(), 0.0, 0.0, 0.0, 0
    for pcm in windows:
        expected = fbank(
            torch.from_numpy(pcm), num_mel_bins=128, window_type="hanning", dither=0.0, use_energy=False,
            htk_compat=True, sample_frequency=16000,
        ).numpy()  # fmt: skip
        difference = np.abs(ours(pcm)[0] - expected)
        heard = expected > expected.max(1, keepdims=True) - 6 * np.log(10)
        largest, largest_heard = max(largest, difference.max()), max(largest_heard, difference[heard].max())
        total, count = total + difference.sum(dtype=float), count + difference.size
    print(f"to torchaudio's kaldi.fbank, {count} values, natural logarithms: largest {largest:.1e}, "
          f"within 60 dB of a frame's peak {largest_heard:.1e}, mean {total / count:.1e}")  # fmt: skip


class FrontEnd(nn.Module):
    """The log-mel of every backbone that hears the window, in one row."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.parts = nn.ModuleList(backbone.parts if isinstance(backbone, SideBySide) else [backbone])

    def forward(self, pcm: torch.Tensor) -> torch.Tensor:
        return torch.cat([part.spectrogram(pcm).flatten(1) for part in self.parts], 1)  # type: ignore[operator]


class ByStft(nn.Module):
    """What LogMel computes where nothing but a window comes before the transform, through torch.stft, in float64."""

    def __init__(self, config: LogMelConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer(
            "window", nn.functional.pad(torch.hann_window(config.frame, dtype=torch.float64), (0, self.over))
        )
        self.register_buffer("banks", torch.from_numpy(mel_filters(config).T.copy()))
        self.window: torch.Tensor
        self.banks: torch.Tensor

    @property
    def over(self) -> int:
        return self.config.n_fft - self.config.frame

    def forward(self, pcm: torch.Tensor) -> torch.Tensor:
        c, pcm = self.config, nn.functional.pad(pcm, (0, self.over))
        spectrum = torch.stft(pcm, c.n_fft, c.hop, window=self.window, center=False, return_complex=True)
        return (spectrum.abs().transpose(1, 2) @ self.banks + c.offset).log()


def by_onnx(model: onnx.ModelProto) -> Run:
    runtime = session(model)
    return lambda pcm: runtime.run(None, {"pcm": pcm})[0]


def by_torch(module: Callable[[torch.Tensor], torch.Tensor]) -> Run:
    def run(pcm: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return module(torch.from_numpy(pcm)).numpy()

    return run


def by_optimiser(embedder: onnx.ModelProto) -> tuple[onnx.ModelProto, dict[str, int]]:
    """The graph after ONNX Runtime's transformer optimiser, and the operators of its own in it, how often."""
    from onnxruntime.transformers.optimizer import optimize_model

    with tempfile.TemporaryDirectory() as folder, quietly():
        path = Path(folder, "model.onnx")
        path.write_bytes(embedder.SerializeToString())
        model = optimize_model(str(path), model_type="bert").model
    own = Counter(node.op_type for node in model.graph.node if node.domain)
    return model, dict(own)


def stored(embedder: onnx.ModelProto) -> int:
    """Bytes, with weights in half precision or 8 bits where that is exact."""
    model = onnx.ModelProto()
    model.CopyFrom(embedder)
    store_compactly(model)
    return model.ByteSize()


def print_times(runs: dict[str, Run], windows: Sequence[np.ndarray]) -> None:
    """A row a run: its median milliseconds, and its time relative to the first run's."""
    taken = {name: np.empty(len(windows)) for name in runs}
    for i, pcm in enumerate(windows):
        for name, run in runs.items():
            for _ in range(0 if i else WARM_UP):
                run(pcm)
            begun = time.perf_counter()
            run(pcm)
            taken[name][i] = time.perf_counter() - begun
    first = next(iter(taken.values()))
    rows = [[name, f"{1e3 * np.median(t):.2f}", f"{np.median(t / first):.2f}"] for name, t in taken.items()]
    print_table(["", "ms", "ratio"], rows)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for cells in (header, ["---"] * len(header), *rows):
        print(f"| {' | '.join(cells)} |")
    print(flush=True)


def torchaudios_fbank() -> Callable[..., torch.Tensor]:
    """Without torchaudio's compiled extension, which does not load beside a CPU torch."""
    spec = importlib.util.find_spec("torchaudio")
    if spec is None or spec.submodule_search_locations is None:
        raise SystemExit("torchaudio is not installed: pip install '.[train]'")
    package = types.ModuleType("torchaudio")
    package.__path__, package.__spec__ = list(spec.submodule_search_locations), spec
    sys.modules["torchaudio"] = package
    return importlib.import_module("torchaudio.compliance.kaldi").fbank


if __name__ == "__main__":
    main()
