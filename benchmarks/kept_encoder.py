"""An encoder that remembers: a window that it has heard before, in this run or an earlier one, costs nothing again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from pace_edge.model_file import Model
from streams.listening.encoder import Encoder


class KeptEncoder(Encoder):
    """The model's encoder on one thread; `save` keeps the embeddings in `folder`, in a file of the model's checksum."""

    def __init__(self, model: Model, folder: Path) -> None:
        super().__init__(model, provider="cpu")
        self._file = folder / f"windows-{model.sha256[:12]}.npz"
        self._known: dict[bytes, np.ndarray] = {}
        if self._file.exists():
            with np.load(self._file) as kept:
                self._known = dict(zip(map(bytes, kept["keys"]), kept["embeddings"], strict=True))
        self._saved = len(self._known)

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        windows = np.ascontiguousarray(windows, np.float32)
        how = bytes([self.voice]) if self.has_voice else b""  # with who speaks, a window's embedding is another
        keys = [hashlib.blake2b(window.tobytes() + how, digest_size=16).digest() for window in windows]
        new = {key: i for i, key in enumerate(keys) if key not in self._known}
        if new:
            self._known.update(zip(new, super().__call__(windows[list(new.values())]), strict=True))
        if not keys:
            return np.empty((0, self.embedding_size), np.float32)
        return np.stack([self._known[key] for key in keys])

    def save(self) -> None:
        if len(self._known) == self._saved:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        keys = np.frombuffer(b"".join(self._known), np.uint8).reshape(-1, 16)
        part = self._file.with_suffix(".part.npz")
        np.savez(part, keys=keys, embeddings=np.array(list(self._known.values()), np.float32))
        part.replace(self._file)
        self._saved = len(self._known)
