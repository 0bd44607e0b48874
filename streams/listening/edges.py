"""Where sounds begin and end in a window, told by the stream's level.

A window is longer than most sounds, and the first that is called by a sound's name may have it at its very end, or be
full of it. So the level, in blocks of BLOCK_S, says where something stands out of what is quiet there. Only sound up to
the window's end is looked at, in blocks counted from where the stream began: the answer is the same whatever the size
of the chunks.

The numbers were chosen by `python -m benchmarks.edges`, where most values near them do as well: docs/listening.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pace_edge.audio import block_levels_dbfs

BLOCK_S = 0.05
BEFORE_S = 10.0  # with so much sound before it, a window says how quiet it is there without a sound:
QUIET_S = 1.0  # as in the quietest so many seconds in a row
STANDS_OUT_DB = 6.0  # above that
INAUDIBLE_DBFS = -80.0  # what is quieter never stands out
DECAY_DB = 30.0  # below its peak a sound is over
PAUSE_S = 0.5  # a sound may pause for so long
REACH = 0.5  # windows: so far beyond those that were called by its name a sound reaches, if it goes on there


@dataclass(frozen=True)
class Edges:
    """Of one window, in seconds of its stream. `sounds`: from where to where the level stands out, in order; the first
    may begin before the window, by `reach_s` at most. Where nothing stands out: what the window before did not hold
    begins at `fresh_s`, and what the next will not hold ends at `leaving_s`."""

    fresh_s: float
    leaving_s: float
    sounds: tuple[tuple[float, float], ...] = ()
    reach_s: float = 0.0

    def begins_s(self) -> float:
        """Where the sound begins by whose name no window before was called: the last one here."""
        return self.sounds[-1][0] if self.sounds else self.fresh_s

    def over_s(self, begun_s: float) -> float | None:
        """Where the sound that began at `begun_s` ends, if no later window is called by its name: the first one here
        that is not over before. None: nothing here tells."""
        ends = [end_s for _, end_s in self.sounds] or [self.leaving_s]
        return next((end_s for end_s in ends if end_s > begun_s), None)

    def goes_on_to_s(self, at_s: float) -> float:
        """To where what stands out at `at_s` goes on."""
        return next((end_s for begin_s, end_s in self.sounds if begin_s < at_s <= end_s), at_s)


class Levels:
    """The level of one stream's last seconds, of sound without a gap."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz, self._block = rate_hz, round(BLOCK_S * rate_hz)
        self._begin = 0  # position in the stream of the sound's first sample
        self._first = 0  # number of the first block that is kept, counted from there
        self._dbfs = np.empty(0)
        self._rest = np.empty(0, np.float32)  # what fills no block yet

    def push(self, chunk: np.ndarray, *, window: int) -> None:
        """PCM [samples]. Of what came before it, as much is kept as the windows of `window` samples need that it
        completes."""
        beyond = len(self._dbfs) - (round((1 + REACH) * window) // self._block + round(BEFORE_S / BLOCK_S) + 2)
        if beyond > 0:
            self._dbfs, self._first = self._dbfs[beyond:], self._first + beyond
        samples = np.concatenate([self._rest, chunk])
        whole = len(samples) - len(samples) % self._block
        if whole:
            self._dbfs = np.concatenate([self._dbfs, block_levels_dbfs(samples[:whole], self._block)])
        self._rest = samples[whole:].copy()

    def skip(self, begin: int) -> None:
        """The sound goes on at this position, behind a gap."""
        self._begin, self._first = begin, 0
        self._dbfs, self._rest = np.empty(0), np.empty(0, np.float32)

    def edges(self, start: int, end: int, hop: int) -> Edges:
        """Of the sound between these positions, which is that of a window, one every `hop` samples."""
        is_first = start - hop < self._begin
        fresh, leaving = (start if is_first else max(start, end - hop)), min(end, start + hop)
        reach = round(REACH * (end - start))
        sounds = [(max(start - reach, first), end if end - last < self._block else last)
                  for first, last in self._sounds(start, end, reach)]  # fmt: skip
        seconds = [(first / self._rate_hz, last / self._rate_hz) for first, last in sounds]
        return Edges(fresh / self._rate_hz, leaving / self._rate_hz, tuple(seconds), reach / self._rate_hz)

    def _sounds(self, start: int, end: int, reach: int) -> list[tuple[int, int]]:
        """Positions from where to where the level stands out; of what does at `start`, from `reach` before it on."""
        at = [max(0, (at - self._begin) // self._block - self._first) for at in (start - reach, start, end)]
        earliest, first, last = at
        known = self._dbfs[max(0, earliest - round(BEFORE_S / BLOCK_S)) : last]
        if first >= last or not len(known):
            return []
        sums = np.cumsum(np.r_[0.0, known])
        row = min(round(QUIET_S / BLOCK_S), len(known))
        quiet_dbfs = float((sums[row:] - sums[:-row]).min()) / row
        least_dbfs = max(quiet_dbfs + STANDS_OUT_DB, INAUDIBLE_DBFS)
        found = self._loud(first, last, least_dbfs)
        if found and found[0][0] == first:
            before = [loud for loud in self._loud(earliest, first + 1, least_dbfs) if loud[-1] == first]
            found[0] = np.concatenate([*before, found[0][1:]])
        places = []
        for loud in found:
            levels = self._dbfs[loud]
            loud = loud[levels >= levels.max() - DECAY_DB]
            places.append((self._at(loud[0]), self._at(loud[-1] + 1)))
        return places

    def _loud(self, first: int, last: int, least_dbfs: float) -> list[np.ndarray]:
        """The kept blocks of these that are as loud, parted where there is a pause."""
        loud = first + np.flatnonzero(self._dbfs[first:last] >= least_dbfs)
        apart = np.flatnonzero(np.diff(loud) - 1 > PAUSE_S / BLOCK_S) + 1
        return np.split(loud, apart) if len(loud) else []

    def _at(self, index: int) -> int:
        """The position where this kept block begins."""
        return self._begin + (self._first + int(index)) * self._block
