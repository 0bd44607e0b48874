"""The last minute of every source's sound, kept as references to the chunks that the listener hears."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from pace_edge.config import HEARD_KEPT_S

SOURCES = 16  # of more, the one that began first is forgotten


@dataclass
class _Reel:
    pieces: deque[tuple[int, np.ndarray]] = field(default_factory=deque)  # position of the first sample, samples
    at_unix_s: float = 0.0  # when the last piece came
    came_s: float = 0.0  # the same on the monotonic clock

    @property
    def end(self) -> int:
        return self.pieces[-1][0] + len(self.pieces[-1][1]) if self.pieces else 0


@dataclass(frozen=True)
class Span:
    """What is kept of one source: samples from `begin` up to `end` of its stream; the last came `at_unix_s`."""

    begin: int
    end: int
    at_unix_s: float


class Tape:
    """`push` costs the listener a lock and a reference; 3.8 MB a source at 16 kHz."""

    def __init__(self, rate_hz: int, *, kept_s: float = HEARD_KEPT_S) -> None:
        self.rate_hz = rate_hz
        self._kept_s, self._room = kept_s, round(kept_s * rate_hz)
        self._reels: dict[str, _Reel] = {}
        self._lock = threading.Lock()

    def push(self, source: str, chunk: np.ndarray, *, start_s: float) -> None:
        """float32 mono [samples]; `start_s`: the first one's time in the stream. The chunk must not change later."""
        start = round(start_s * self.rate_hz)
        with self._lock:
            if source not in self._reels and len(self._reels) >= SOURCES:
                del self._reels[next(iter(self._reels))]
            reel = self._reels.setdefault(source, _Reel())
            if start < reel.end - 1:  # the source began again
                reel.pieces.clear()
            reel.pieces.append((start, chunk))
            reel.at_unix_s, reel.came_s = time.time(), time.monotonic()
            while reel.pieces[0][0] + len(reel.pieces[0][1]) < reel.end - self._room:
                reel.pieces.popleft()

    def span(self, source: str) -> Span | None:
        """What is kept of it; None: nothing."""
        with self._lock:
            reel = self._reels.get(source)
            if reel is None or not reel.pieces:
                return None
            return Span(max(reel.pieces[0][0], reel.end - self._room), reel.end, reel.at_unix_s)

    def sources(self) -> list[str]:
        """Those of which something is kept; of one that ended or is away a minute ago nothing is any more."""
        since_s = time.monotonic() - self._kept_s
        with self._lock:
            self._reels = {name: reel for name, reel in self._reels.items() if reel.came_s >= since_s}
            return list(self._reels)

    def cut(self, source: str, begin: int, end: int) -> np.ndarray:
        """float32 [end - begin]: these samples of the stream; what was lost, or is not kept, is silence."""
        with self._lock:
            pieces = list(self._reels[source].pieces) if source in self._reels else []
        samples = np.zeros(max(0, end - begin), np.float32)
        for start, piece in pieces:
            low, high = max(start, begin), min(start + len(piece), end)
            if low < high:
                samples[low - begin : high - begin] = piece[low - start : high - start]
        return samples
