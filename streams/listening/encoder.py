"""The encoder: windows of PCM to embeddings, through ONNX Runtime and nothing else."""

from __future__ import annotations

import ctypes
import hashlib
import sys
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pace_edge.errors import ModelFileError, ProviderError, UsageError
from pace_edge.model_file import Model

BATCH = 32  # windows a run: bounds the memory of a long file
Provider = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class Encodings:
    """Of windows, in their order: `embeddings` float32 [n, D], and `names` float32 [n, N], how surely each of the
    model's N names is heard, 0 to 1; N is 0 where it has none."""

    embeddings: np.ndarray
    names: np.ndarray


class Encoder:
    """The model's graph up to the embedding. `provider` is the one ONNX Runtime really runs it on: "CPU" or "CUDA".

    `voice`, which may be set at any time: whether the embedding says who speaks, where the model can (`has_voice`).
    That costs time in windows with speech; without it the voice's part of the embedding is zeros.
    """

    def __init__(
        self, model: Model, *, threads: int = 1, provider: Provider = "auto", require_gpu: bool = False,
        voice: bool = True,
    ) -> None:  # fmt: skip
        """`provider` "auto" asks for CUDA where there is a driver, "cpu" never does, "cuda" always. ONNX Runtime takes
        the CPU where it gets no CUDA; with `require_gpu` that raises ProviderError. `threads` are the CPU's."""
        import onnxruntime

        if require_gpu and provider == "cpu":
            raise UsageError("a GPU is required, and the provider is cpu", do="Ask for one of the two.")
        self.window_samples = model.info.window_samples
        self.embedding_size = model.embedding_size
        self.voice = voice
        self.n_names = len(model.info.names)
        self._batch = 1 if model.one_at_a_time else BATCH
        self._threads = threads
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # it warns of an input that need not be given, which `voice` is meant to be
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # an idle listener burns nothing
        hindrance = _hindrance(onnxruntime.get_available_providers())
        asked = require_gpu or provider == "cuda"
        providers = ["CPUExecutionProvider"]
        if not hindrance and (asked or provider == "auto"):
            providers.insert(0, "CUDAExecutionProvider")
            onnxruntime.set_default_logger_severity(4)  # not its words where CUDA is incomplete: we say what we got
        try:
            self._session = onnxruntime.InferenceSession(_content(model), options, providers=providers)
        except ModelFileError:
            raise
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise ModelFileError(
                f"ONNX Runtime {onnxruntime.__version__} cannot run {model.path}: {error}",
                do="Upgrade onnxruntime, or get the model again.",
            ) from error
        self.has_voice = any(given.name == "voice" for given in self._session.get_overridable_initializers())
        self.provider = self._session.get_providers()[0].removesuffix("ExecutionProvider")
        hindrance = hindrance or "its CUDA and cuDNN libraries are absent or of another version"
        self._shortfall = hindrance if asked and self.provider != "CUDA" else ""
        if self._shortfall and require_gpu:
            raise ProviderError(
                f"{model.info.name} does not run on a GPU ({hindrance})", expected="CUDA", got=self.provider,
                do="Install onnxruntime-gpu with its CUDA and cuDNN and NVIDIA's driver, or do not require a GPU.",
            )  # fmt: skip

    def in_words(self) -> str:
        """Where it runs, such as "CPU with 1 thread"."""
        where = self.provider
        if self.provider == "CPU":
            where += f" with {self._threads} thread{'s' * (self._threads != 1)}"
        return f"{where}; CUDA was asked for, but {self._shortfall}" if self._shortfall else where

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """PCM float32 [n, window_samples] to embeddings float32 [n, D]."""
        return self._run(windows, {"embedding": self.embedding_size})[0]

    def hear(self, windows: np.ndarray) -> Encodings:
        """The same with the names, in one run of the model."""
        names = {"names": self.n_names} if self.n_names else {}
        embeddings, *named = self._run(windows, {"embedding": self.embedding_size, **names})
        return Encodings(embeddings, named[0] if named else np.empty((len(embeddings), 0), np.float32))

    def _run(self, windows: np.ndarray, widths: dict[str, int]) -> list[np.ndarray]:
        """The outputs of these names, each [n, its width]."""
        if windows.ndim != 2 or windows.shape[1] != self.window_samples:
            raise ValueError(f"expected [n, {self.window_samples}] samples, got {windows.shape}")
        switch = {"voice": np.array(self.voice)} if self.has_voice else {}
        parts = [
            self._session.run(
                [*widths], {"pcm": np.ascontiguousarray(windows[i : i + self._batch], np.float32), **switch}
            )
            for i in range(0, len(windows), self._batch)
        ]
        if not parts:
            return [np.empty((0, width), np.float32) for width in widths.values()]
        return [np.concatenate(one) for one in zip(*parts, strict=True)]


def _content(model: Model) -> bytes:
    """The file's bytes; an encoder of one file and a classifier of another would be wrong without a sign."""
    try:
        content = model.path.read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"cannot read the model file {model.path}: {error.strerror}", do="Put the file back."
        ) from None
    if hashlib.sha256(content).hexdigest() != model.sha256:
        raise ModelFileError(f"{model.path} was replaced while it was read", do="Start again.")
    return content


def _hindrance(available: list[str]) -> str:
    """Why CUDA cannot work here, as far as is known before it is asked for; empty: it may."""
    if "CUDAExecutionProvider" not in available:
        return "this ONNX Runtime has no CUDA"
    try:  # without a driver, asking for CUDA costs time and prints errors before it falls back to the CPU
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return "there is no NVIDIA driver"
    return ""
