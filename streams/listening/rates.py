"""What each class's sounds would have been announced as, at every threshold at once: the counts behind a rate.

It is the rule of events.py for many thresholds side by side, but for the length of events and the time between them,
which are taken for unlimited and none. Only live sources are counted: a recording says nothing of how long it is quiet
here. Sound that several microphones hear at once is counted by each, and its time once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pace_edge.label_check import UNKNOWN
from pace_edge.operations import State
from pace_edge.rates import THRESHOLDS, Counts, class_keys
from streams.heard import Window
from streams.listening.event_rule import EventRule

_AT = np.asarray(THRESHOLDS)


@dataclass
class _Source:
    """What goes on in one stream, each [classes, thresholds]."""

    hits: np.ndarray
    misses: np.ndarray
    going_on: np.ndarray
    heard_s: float = 0.0  # since the last `take`

    def rows(self, known: list[int]) -> _Source:
        """For other classes: for each the row that it had, -1: none."""
        at = np.array(known, int)
        parts = [np.concatenate([one, np.zeros((1, len(THRESHOLDS)), one.dtype)])[at]
                 for one in (self.hits, self.misses, self.going_on)]  # fmt: skip
        return _Source(parts[0], parts[1], parts[2], self.heard_s)


class RateTally:
    """Counts until they are taken. `hear` costs some 0.1 ms for a hundred classes."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}  # of the classes that can be announced
        self._sources: dict[str, _Source] = {}
        self._begun = np.zeros((0, len(THRESHOLDS)))
        self._counts: dict[str, Counts] = {}  # by key, also of classes as they were taught before

    def follow(self, state: State, rule: EventRule) -> None:
        """The classes as they are taught now. Of one that has changed, counting begins anew."""
        keys = {label: key for label, key in class_keys(state).items() if not rule.never(label)}
        if keys == self._keys:
            return
        self._set_aside()
        before = {key: i for i, key in enumerate(self._keys.values())}
        known = [before.get(key, -1) for key in keys.values()]
        self._sources = {name: one.rows(known) for name, one in self._sources.items()}
        self._keys, self._begun = keys, np.zeros((len(keys), len(THRESHOLDS)))

    def hear(self, session: str, window: Window, rule: EventRule, *, hop_s: float) -> None:
        """One window of a stream, which stands for `hop_s` seconds."""
        if session not in self._sources:
            shape = self._begun.shape
            self._sources[session] = _Source(np.zeros(shape, int), np.zeros(shape, int), np.zeros(shape, bool))
        it, best = self._sources[session], _best(window)
        it.heard_s += hop_s
        scores = np.array([window.scores.get(label, 0.0) for label in self._keys])[:, None]
        beside = np.array([1.0 if label == best else rule.beside for label in self._keys])[:, None]
        hit = (scores > 0) & (scores >= _AT * np.where(it.going_on, rule.keep, beside))
        it.hits = np.where(hit, it.hits + 1, 0)
        it.misses = np.where(hit, 0, it.misses + 1)
        begins = ~it.going_on & (it.hits >= rule.min_hits)
        it.going_on = (it.going_on & (it.misses < rule.max_misses)) | begins
        self._begun += begins

    def end(self, session: str) -> None:
        """The stream is over."""
        if (over := self._sources.pop(session, None)) is not None and over.heard_s:
            self._sources[""] = self._sources.get("") or over.rows([-1] * len(self._keys))
            self._sources[""].heard_s = max(self._sources[""].heard_s, over.heard_s)

    def take(self) -> dict[str, Counts]:
        """What was counted since it was `written` last, by the classes' keys."""
        self._set_aside()
        return dict(self._counts)

    def written(self) -> None:
        """What was taken is kept elsewhere."""
        self._counts = {}

    def _set_aside(self) -> None:
        hours = max((one.heard_s for one in self._sources.values()), default=0.0) / 3600
        for key, events in zip(self._keys.values(), self._begun, strict=True):
            if hours or events.any():
                self._counts[key] = self._counts.get(key, Counts()).plus(Counts(hours, tuple(events.tolist())))
        self._sources.pop("", None)
        for one in self._sources.values():
            one.heard_s = 0.0
        self._begun[:] = 0


def _best(window: Window) -> str:
    """The class that wins, also where the window is called unknown because that class's own threshold is higher."""
    return window.top[0][0] if window.label == UNKNOWN and window.score > 0 and window.top else window.label
