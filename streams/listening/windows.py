"""Chunks of any size become overlapping windows.

Windows overlap, yet each goes through the whole graph. What they share is the front end: it takes 8 % of the starter's
time (docs/export.md), so computing it once a hop instead of once a window, a quarter of it, would save 6 % at most, and
not exactly: Whisper's log-mel is held to a floor below the peak of its own window.
"""

from __future__ import annotations

import numpy as np

_LAID = 3  # windows of a sound that is shorter than one, as it is taught (pace_edge/clips.py)


class Windower:
    """Cuts a stream into windows of `window` samples, one every `hop` samples, each sample used exactly as it came.

    The samples lie in one buffer that is allocated once, unless a chunk is longer than a window.
    """

    def __init__(self, window: int, hop: int) -> None:
        self.window, self.hop = window, hop
        self._buffer = np.empty(2 * window + hop, np.float32)
        self._first = self._end = 0  # positions in the stream of the buffer's first sample, and behind its last
        self._next = 0  # position of the next window's first sample
        self._begin = self._done = 0  # where the sound began, or went on behind a gap; the windows since

    @property
    def end(self) -> int:
        """The position in the stream behind the last sample that came."""
        return self._end

    @property
    def begin(self) -> int:
        """Where the sound began that came without a gap up to the end."""
        return self._begin

    @property
    def done(self) -> int:
        """How many windows came since `begin`."""
        return self._done

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
        self._done += len(done)
        return done

    def rest(self, least: int) -> list[tuple[int, np.ndarray]]:
        """At the end of the sound, the windows for what is in none yet, with silence where there is no sound, as
        `push` gives them; so many that there are `least` with those before.

        They go on a hop apart, or closer where they would be less than half full. A sound that is shorter than a window
        is laid at a window's end, middle and start, in the order in which a listener would meet it; the first sample's
        position is then one before the sound.
        """
        sound = self._buffer[max(0, self._begin - self._first) : self._end - self._first]
        if len(sound) and not self._done:
            spare = self.window - len(sound)
            before = np.linspace(spare, 0, max(_LAID, least)).round().astype(int).tolist()
            self._done = len(before)
            return [(self._begin - n, np.pad(sound, (n, spare - n))) for n in before]
        last = self._next - self.hop
        more = max(int(self._end > last + self.window), least - self._done) if len(sound) else 0
        step = min(self.hop, (self._end - self.window // 2 - last) / more) if more else 0
        starts = [max(self._first, round(last + (i + 1) * step)) for i in range(more)]
        self._done += more
        held = [self._buffer[start - self._first :][: min(self.window, self._end - start)] for start in starts]
        return [(start, np.pad(it, (0, self.window - len(it)))) for start, it in zip(starts, held, strict=True)]

    def skip(self, samples: int) -> tuple[int, int]:
        """So many samples are missing here: start afresh behind them. Returns the gap's first and end position."""
        start = self._end
        self._first = self._end = self._next = self._begin = start + samples
        self._done = 0
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
        other._begin, other._done = self._begin, self._done
        return other

    def _make_room(self, samples: int) -> None:
        """Room for `samples` more behind the last, by forgetting those before the last window."""
        if self._end - self._first + samples <= len(self._buffer):
            return
        needed_from = min(max(self._first, self._next - self.hop), self._end)
        kept = self._buffer[needed_from - self._first : self._end - self._first]
        room = self._buffer
        if len(kept) + samples > len(room):
            room = np.empty(len(kept) + samples, np.float32)
        room[: len(kept)] = kept.copy()
        self._buffer, self._first = room, needed_from
