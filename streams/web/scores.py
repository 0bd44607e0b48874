"""How the windows of the last hour scored, class by class: what a threshold's slider is drawn over."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import numpy as np

from streams.heard import Window

BINS = 20
KEPT_MIN = 60
LABELS = 1000  # classes in one minute; more are not counted


class ScoreHour:
    """A histogram for each class and minute, of one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._minutes: deque[tuple[int, list[int], dict[str, np.ndarray]]] = deque()

    def add(self, window: Window) -> None:
        windows, counts = self._minute()
        windows[0] += 1
        for label, score in window.scores.items():
            if label not in counts:
                if len(counts) >= LABELS:
                    continue
                counts[label] = np.zeros(BINS, np.int32)
            counts[label][min(BINS - 1, int(score * BINS))] += 1

    def of(self, label: str) -> tuple[list[float], list[int]]:
        """(the BINS + 1 edges, how many windows lie between them); a window in which it does not score at all has 0."""
        self._minute()
        total, scored = np.zeros(BINS, np.int64), 0
        for _, (windows,), counts in self._minutes:
            if label in counts:
                total += counts[label]
            scored += windows
        total[0] += scored - total.sum()
        return np.linspace(0, 1, BINS + 1).round(4).tolist(), total.tolist()

    def _minute(self) -> tuple[list[int], dict[str, np.ndarray]]:
        now = int(self._clock() // 60)
        if not self._minutes or self._minutes[-1][0] != now:
            self._minutes.append((now, [0], {}))
        while self._minutes[0][0] <= now - KEPT_MIN:
            self._minutes.popleft()
        return self._minutes[-1][1:]
