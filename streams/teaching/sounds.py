"""The sounds of the remembered minute: where each began and ended, how loud it was, and which windows hold it.

A window of a listener is longer than most sounds, and windows overlap. So a sound is looked for in two steps: windows
in a row that the model does not call background, and in them the stretches of the level that stand out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from pace_edge.heard_memory import BLOCK_S, HeardStream, HeardWindow

AUDIBLE_DBFS = -70.0  # what is nowhere louder is silence
PAUSE_S = 1.0  # a sound may pause for so long: a bell that rings twice
BRIDGED_S = 2.0  # or for so long, where it goes on more quietly: a dog that growls between barks
STANDS_OUT_DB = 6.0  # above the quiet of its minute
DECAY_DB = 30.0  # below its peak a sound is over
STEADY_DB = 10.0  # a stretch whose level varies less has no sound in it that stands out: it is one
QUIET_S = 10.0  # of a minute are needed to know how quiet it is without the sound
_QUIETEST = round(2.0 / BLOCK_S)  # pieces of the level: in its quietest two seconds a minute is without the sound
PROMINENT_DB = 20.0  # what is so far below a sound, and does not hold on, is steps and keys beside it
WALK_S = 20.0  # after a sound somebody has come to the keys: what is quieter later stands for itself
HELD_S, HELD_DB = 1.0, 10.0  # a sound that stays so long within so much of its peak holds on
MOST = 0.8  # of a window in a range, or of a range in a window, to be meant by it


@dataclass(frozen=True)
class Known:
    """What a model calls sounds: `background` the class of what is none, and from which score on it is `sure`."""

    background: str
    unknown: str
    sure: float

    def is_background(self, window: HeardWindow) -> bool:
        return bool(self.background) and window.label == self.background and window.score >= self.sure

    def is_named(self, window: HeardWindow) -> bool:
        return window.label not in (self.background, self.unknown) and window.score >= self.sure


@dataclass(frozen=True)
class HeardSound:
    """One sound of a stream: its seconds there, the clock's time of its start (of a recording that is read fast: as if
    it had been played up to now), how long ago its end was heard, its loudest window's level, that of its own loudest
    BLOCK_S (a window may hold the end of another sound), what most of its windows were called when they were heard, and
    those windows."""

    stream: HeardStream
    start_s: float
    end_s: float
    at_unix_s: float
    ago_s: float
    level_dbfs: float
    peak_dbfs: float
    called: str
    windows: tuple[HeardWindow, ...]
    holds_on: bool = True  # its level, as that of a bell or a voice; steps and keys do not
    has_sound: bool = True  # else it is a stretch in which there is only background, or silence

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    def in_words(self) -> str:
        """Such as: by attic at 14:03:22, 3.2 s, -21 dBFS."""
        return described(self.stream, self.start_s, self.end_s, self.at_unix_s, self.level_dbfs)


def described(stream: HeardStream, start_s: float, end_s: float, at_unix_s: float, level_dbfs: float) -> str:
    """A stretch of a stream by the clock, or by its own seconds where it does not keep the clock's pace."""
    if stream.live:
        by = f"by {stream.source} " if stream.source else ""
        when = f"{by}at {datetime.fromtimestamp(at_unix_s):%H:%M:%S}, {end_s - start_s:.1f} s"
    else:
        when = f"in {stream.source or 'a recording'}, {start_s:.1f} to {end_s:.1f} s"
    return f"{when}, {level_dbfs:.0f} dBFS"


def sounds(stream: HeardStream, known: Known) -> list[HeardSound]:
    """Those of one stream, in order."""
    quiet_dbfs = _quiet_dbfs(stream.windows)
    return [
        replace(_sound(stream, run, start_s, end_s), holds_on=holds_on)
        for run in _runs(stream.windows, known)
        for start_s, end_s, holds_on in _stretches(run, quiet_dbfs, known)
    ]


def last_sound(streams: Sequence[HeardStream], known: Known) -> tuple[HeardSound | None, list[HeardSound]]:
    """The last sound that anybody heard and, where several heard it, as the one did that heard it loudest; and the
    quieter ones that came after it, which were not taken for it."""
    found = [sound for stream in streams for sound in sounds(stream, known)]
    if not found:
        return None, []
    last = min((sound for sound in found if not _beside_another(sound, found)), key=lambda sound: sound.ago_s)
    same = [sound for sound in found if _at_once(sound, last)]
    chosen = max(same, key=lambda sound: sound.peak_dbfs)
    later = [s for s in found if s.at_unix_s > chosen.at_unix_s + chosen.duration_s and s not in same]
    return chosen, sorted(later, key=lambda sound: sound.at_unix_s)


def stretch(
    stream: HeardStream, windows: Sequence[HeardWindow], known: Known, *, loudest: bool = False
) -> HeardSound:  # fmt: skip
    """These windows of a stream as a sound: of them those that hold one, where any does; with `loudest`,
    those that hold no mere steps and keys beside it."""
    there = {window.end_s for window in windows}
    found = [one for one in sounds(stream, known) if any(window.end_s in there for window in one.windows)]
    least = max((one.peak_dbfs for one in found), default=0.0) - PROMINENT_DB if loudest else -np.inf
    holding = {window.end_s for one in found if one.peak_dbfs > least for window in one.windows}
    sound = tuple(window for window in windows if window.end_s in holding)
    taken = sound or tuple(windows)
    return replace(_sound(stream, taken, taken[0].start_s, taken[-1].end_s), windows=taken, has_sound=bool(sound))


def meant(windows: Sequence[HeardWindow], start_s: float, end_s: float) -> tuple[HeardWindow, ...]:
    """The windows that have most of this range of their stream, or most of which it has."""
    shared = [(min(w.end_s, end_s) - max(w.start_s, start_s), w) for w in windows]
    return tuple(w for s, w in shared if s > 0 and s >= MOST * min(w.end_s - w.start_s, end_s - start_s) - 1e-9)


def _runs(windows: Sequence[HeardWindow], known: Known) -> Iterator[list[HeardWindow]]:
    """Windows that are sound, as far as they follow each other without a gap."""
    run: list[HeardWindow] = []
    for window in windows:
        is_sound = window.level_dbfs >= AUDIBLE_DBFS and not known.is_background(window)
        if run and not (is_sound and window.start_s <= run[-1].end_s):
            yield run
            run = []
        if is_sound:
            run.append(window)
    if run:
        yield run


def _stretches(run: Sequence[HeardWindow], quiet_dbfs: float, known: Known) -> Iterator[tuple[float, float, bool]]:
    """Where the level of a run stands out, from second to second, and whether it holds on there. A steady run is one
    stretch, unless it is as loud as the minute always is and nobody knows it: that is the room."""
    ends, levels = _track(run)
    if not len(levels) or levels.max() - max(levels.min(), quiet_dbfs) < STEADY_DB:
        stands_out = not len(levels) or levels.max() >= quiet_dbfs + STANDS_OUT_DB
        if stands_out or any(known.is_named(window) for window in run):
            held = not len(levels) or _holds_on(levels, quiet_dbfs + STANDS_OUT_DB)
            yield run[0].start_s, run[-1].end_s, held
        return
    floor = quiet_dbfs + STANDS_OUT_DB if np.isfinite(quiet_dbfs) else levels.max() - DECAY_DB
    floor = max(floor, AUDIBLE_DBFS)
    pieces = [
        part for piece in _unbroken(np.flatnonzero(levels >= floor), ends)
        for part in _unbroken(piece[levels[piece] >= levels[piece].max() - DECAY_DB], ends)
    ]  # fmt: skip
    loud = np.full(len(levels), -np.inf)
    for piece in pieces:
        loud[piece] = levels[piece]
    for first, last in _joined(pieces, ends, levels):
        held = _holds_on(loud[first : last + 1], floor)
        yield max(run[0].start_s, float(ends[first]) - BLOCK_S), float(ends[last]), held


def _unbroken(indices: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """These pieces of a level, where they follow each other without a pause."""
    return np.split(indices, np.flatnonzero(np.diff(ends[indices]) > 1.5 * BLOCK_S) + 1)


def _joined(pieces: Sequence[np.ndarray], ends: np.ndarray, levels: np.ndarray) -> list[tuple[int, int]]:
    """Pieces of a level as sounds, each its first and last index. The loudest piece reaches as far as others follow it
    that are about as loud: a pause does not part them, nor does a longer one in which it goes on more quietly. What is
    quieter before and after it, such as steps and keys, is not joined across it."""
    if not pieces:
        return []
    peaks = [levels[piece].max() for piece in pieces]
    loudest = int(np.argmax(peaks))
    reach = {}
    for step in (-1, 1):
        edge = before = i = loudest
        while 0 <= (i := i + step) < len(pieces) and _gap_s(pieces, ends, before, i) <= PAUSE_S + BLOCK_S / 2:
            if peaks[i] > peaks[loudest] - PROMINENT_DB and _gap_s(pieces, ends, edge, i) <= BRIDGED_S + BLOCK_S / 2:
                edge = i
            before = i
        reach[step] = edge
    first, last = reach[-1], reach[1]
    whole = (int(pieces[first][0]), int(pieces[last][-1]))
    return [*_joined(pieces[:first], ends, levels), whole, *_joined(pieces[last + 1 :], ends, levels)]


def _gap_s(pieces: Sequence[np.ndarray], ends: np.ndarray, one: int, other: int) -> float:
    first, last = sorted((one, other))
    return float(ends[pieces[last][0]] - BLOCK_S - ends[pieces[first][-1]])


def _holds_on(levels: np.ndarray, floor: float) -> bool:
    """Whether a sound keeps its level for a while, as a bell, a voice or a motor does, and steps and keys do not."""
    on = np.flatnonzero(np.diff(np.r_[False, levels >= max(floor, levels.max() - HELD_DB), False]))
    return bool(max(on[1::2] - on[::2], default=0) * BLOCK_S >= HELD_S - BLOCK_S / 2)


def _sound(stream: HeardStream, run: Sequence[HeardWindow], start_s: float, end_s: float) -> HeardSound:
    windows = meant(run, start_s, end_s) or (max(run, key=lambda w: min(w.end_s, end_s) - max(w.start_s, start_s)),)
    nearest = min(windows, key=lambda w: abs(w.end_s - end_s))
    ago_s = max(0.0, stream.ago_s(nearest) + nearest.end_s - end_s)
    called = Counter(window.label for window in windows).most_common(1)[0][0]
    level_dbfs = max(window.level_dbfs for window in windows)
    ends, levels = _track(windows)
    own = levels[(ends > start_s + BLOCK_S / 2) & (ends < end_s + BLOCK_S / 2)]
    return HeardSound(
        stream, start_s, end_s, stream.now_unix_s - ago_s - (end_s - start_s), ago_s, level_dbfs,
        float(own.max()) if len(own) else level_dbfs, called, windows,
    )  # fmt: skip


def _track(windows: Sequence[HeardWindow]) -> tuple[np.ndarray, np.ndarray]:
    """The level over time: the ends of pieces of BLOCK_S, in seconds of the stream, and their levels."""
    ends: list[float] = []
    levels: list[float] = []
    for window in windows:
        count = len(window.blocks_dbfs)
        for i, level in enumerate(window.blocks_dbfs):
            end_s = window.end_s - (count - 1 - i) * BLOCK_S
            if not ends or end_s > ends[-1] + BLOCK_S / 2:
                ends.append(end_s)
                levels.append(level)
    return np.array(ends), np.array(levels)


def _quiet_dbfs(windows: Sequence[HeardWindow]) -> float:
    """The level without a sound, as in the quietest seconds: a sound may have filled all others. Of too short a memory
    nothing can be said."""
    _, levels = _track(windows)
    if len(levels) * BLOCK_S < QUIET_S:
        return -np.inf
    return float(np.convolve(levels, np.full(_QUIETEST, 1 / _QUIETEST), "valid").min())


def _beside_another(sound: HeardSound, found: Sequence[HeardSound]) -> bool:
    """Whether it is steps and keys beside a sound that is so much louder and was heard at most WALK_S before it."""
    return not sound.holds_on and any(
        sound.peak_dbfs <= one.peak_dbfs - PROMINENT_DB
        and -one.duration_s <= sound.at_unix_s - one.at_unix_s - one.duration_s <= WALK_S
        for one in found
    )


def _at_once(one: HeardSound, other: HeardSound) -> bool:
    """Whether two streams may have heard the same sound, or one stream heard both in one."""
    return one.at_unix_s < other.at_unix_s + other.duration_s and other.at_unix_s < one.at_unix_s + one.duration_s
