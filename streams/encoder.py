"""The encoder: windows of PCM to embeddings, through ONNX Runtime and nothing else."""

from __future__ import annotations

import ctypes
import sys

import numpy as np

from pace_edge.errors import ModelFileError
from pace_edge.model_file import Model

BATCH = 32  # windows a run: bounds the memory of a long file


class Encoder:
    """The model's graph up to the embedding. `provider` is the one ONNX Runtime really runs it on."""

    def __init__(self, model: Model, *, threads: int = 1) -> None:
        import onnxruntime

        self.window_samples = model.info.window_samples
        self.embedding_size = model.embedding_size
        self._batch = 1 if model.one_at_a_time else BATCH
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # an idle listener burns nothing
        providers = ["CPUExecutionProvider"]
        if "CUDAExecutionProvider" in onnxruntime.get_available_providers() and _has_nvidia_driver():
            providers.insert(0, "CUDAExecutionProvider")
            onnxruntime.set_default_logger_severity(4)  # not its words where CUDA is incomplete: we say what we got
        try:
            self._session = onnxruntime.InferenceSession(str(model.path), options, providers=providers)
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise ModelFileError(
                f"ONNX Runtime {onnxruntime.__version__} cannot run {model.path}: {error}",
                do="Upgrade onnxruntime, or get the model again.",
            ) from error
        self.provider = self._session.get_providers()[0].removesuffix("ExecutionProvider")

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """PCM float32 [n, window_samples] to embeddings float32 [n, D]."""
        if windows.ndim != 2 or windows.shape[1] != self.window_samples:
            raise ValueError(f"expected [n, {self.window_samples}] samples, got {windows.shape}")
        parts = [
            self._session.run(["embedding"], {"pcm": np.ascontiguousarray(windows[i : i + self._batch], np.float32)})[0]
            for i in range(0, len(windows), self._batch)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.embedding_size), np.float32)


def _has_nvidia_driver() -> bool:
    """Without a driver, asking for CUDA costs time and prints errors before it falls back to the CPU."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
