"""A clip becomes the windows that are worth learning from: the same in training and on the device."""

from __future__ import annotations

import numpy as np

from pace_edge.audio import level_dbfs

QUIET_DB = 30.0  # a window this far below the loudest of its clip is not the sound that was meant


def clip_windows(clip: np.ndarray, window: int, hop: int) -> np.ndarray:
    """All windows of a clip [samples], as [n, window]: one every `hop`, and one at the very end.

    A clip shorter than a window is set into silence at its start, middle and end, as a listener would meet it.
    """
    rest = window - len(clip)
    if rest > 0:
        return np.stack([np.pad(clip, (before, rest - before)) for before in sorted({0, rest // 2, rest})])
    starts = sorted({*range(0, -rest + 1, hop), -rest})
    return np.stack([clip[start : start + window] for start in starts])


def loud_enough(levels_dbfs: np.ndarray) -> np.ndarray:
    """Which windows of one clip hold its sound and not the pause around it: bool [n], at least one True."""
    return levels_dbfs > levels_dbfs.max() - QUIET_DB if len(levels_dbfs) else np.zeros(0, bool)


def window_levels_dbfs(windows: np.ndarray) -> np.ndarray:
    """[n, window] to the level of each, in dB relative to full scale."""
    return np.array([level_dbfs(window) for window in windows])
