"""Chunks of any size become overlapping windows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


class Windower:
    """Cuts a stream into windows of `window` samples, one every `hop` samples, each sample used exactly as it came."""

    def __init__(self, window: int, hop: int) -> None:
        self.window, self.hop = window, hop
        self._buffer = np.empty(0, np.float32)
        self._start = 0  # the stream position of the buffer's first sample
        self._unused = 0  # samples still to come that lie between two windows

    def push(self, chunk: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Yields (position of the window's first sample in the stream, samples [window])."""
        unused = min(self._unused, len(chunk))
        self._unused -= unused
        self._buffer = np.concatenate([self._buffer, chunk[unused:]])
        while len(self._buffer) >= self.window:
            yield self._start, self._buffer[: self.window]
            self._unused = max(0, self.hop - len(self._buffer))
            self._buffer = self._buffer[self.hop :]
            self._start += self.hop

    def skip(self, samples: int) -> tuple[int, int]:
        """So many samples are missing here: start afresh behind them. Returns the gap's first and end position."""
        start = self._start + len(self._buffer) - self._unused
        self._start, self._buffer, self._unused = start + samples, self._buffer[:0], 0
        return start, self._start
