"""Chunks of any size become overlapping windows.

Windows overlap, yet each goes through the whole graph. What they share is the front end: it takes 8 % of the starter's
time (docs/export.md), so computing it once a hop instead of once a window, a quarter of it, would save 6 % at most, and
not exactly: Whisper's log-mel is held to a floor below the peak of its own window.
"""

from __future__ import annotations

import numpy as np


class Windower:
    """Cuts a stream into windows of `window` samples, one every `hop` samples, each sample used exactly as it came.

    The samples lie in one buffer that is allocated once, unless a chunk is longer than a window.
    """

    def __init__(self, window: int, hop: int) -> None:
        self.window, self.hop = window, hop
        self._buffer = np.empty(2 * window, np.float32)
        self._first = self._end = 0  # positions in the stream of the buffer's first sample, and behind its last
        self._next = 0  # position of the next window's first sample

    @property
    def end(self) -> int:
        """The position in the stream behind the last sample that came."""
        return self._end

    def push(self, chunk: np.ndarray) -> list[tuple[int, np.ndarray]]:
        """The windows that this chunk completes, as (position of the first sample in the stream, samples [window]).

        The samples are views that hold until the next push.
        """
        self._make_room(len(chunk))
        self._buffer[self._end - self._first :][: len(chunk)] = chunk
        self._end += len(chunk)
        done = []
        while self._next + self.window <= self._end:
            at = self._next - self._first
            done.append((self._next, self._buffer[at : at + self.window]))
            self._next += self.hop
        return done

    def skip(self, samples: int) -> tuple[int, int]:
        """So many samples are missing here: start afresh behind them. Returns the gap's first and end position."""
        start = self._end
        self._first = self._end = self._next = start + samples
        return start, self._end

    def resized(self, window: int, hop: int) -> Windower:
        """The same stream and its samples in windows of another length: the next one ends a hop after the last."""
        heard_to = self._next - self.hop + self.window
        other = Windower(window, hop)
        kept = self._buffer[: self._end - self._first]
        other._first = other._end = self._first
        other._make_room(len(kept))
        other._buffer[: len(kept)] = kept
        other._end = self._end
        other._next = max(self._first, heard_to + hop - window)
        return other

    def _make_room(self, samples: int) -> None:
        """Room for `samples` more behind the last, by forgetting those before the next window."""
        if self._end - self._first + samples <= len(self._buffer):
            return
        needed_from = min(max(self._first, self._next), self._end)
        kept = self._buffer[needed_from - self._first : self._end - self._first]
        room = self._buffer
        if len(kept) + samples > len(room):
            room = np.empty(len(kept) + samples, np.float32)
        room[: len(kept)] = kept.copy()
        self._buffer, self._first = room, needed_from
