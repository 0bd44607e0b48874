"""What a threshold means: how often a class is announced here, at each threshold, from what was heard.

Events are counted, not windows: a listener runs the rule of its events (how many windows in a row, how it goes on, what
it needs beside another class) at each of THRESHOLDS at once, and counts what would have been announced. What is counted
is every event, also a true one: to confirm one teaches it to the class, and then counting begins anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from pace_edge.operations import State

THRESHOLDS = tuple(round(0.02 * (i + 1), 2) for i in range(50))
LEAST_H = 1.0  # heard for less, nothing is said
FEW = 3  # events; with fewer it is said how many they were
_UNITS = (("an hour", 1.0), ("a day", 24.0), ("a week", 168.0), ("a month", 730.0))
_SCORES = 1  # the kind of score that is counted; with another, counting begins anew


@dataclass(frozen=True)
class Counts:
    """`events`: how many there would have been at each of THRESHOLDS in `hours` of listening. Old ones fade, and their
    hours with them, so neither is a whole number."""

    hours: float = 0.0
    events: tuple[float, ...] = (0.0,) * len(THRESHOLDS)

    def plus(self, other: Counts, weight: float = 1.0) -> Counts:
        """Both together; `weight`: of the other's hours."""
        events = tuple(a + weight * b for a, b in zip(self.events, other.events, strict=True))
        return Counts(self.hours + weight * other.hours, events)


@dataclass(frozen=True)
class Rate:
    """How often a class is announced here at a threshold: `events` in `hours` of listening since it was last changed;
    `an_hour`: None, too little was heard to say; the same in `words`.

    >>> import pace_edge
    >>> pace_edge.Rate(0.4, events=14.0, hours=168.0, an_hour=14 / 168, words="about 2 a day").words
    'about 2 a day'
    """

    threshold: float
    events: float
    hours: float
    an_hour: float | None
    words: str


def rate_of(counts: Counts, threshold: float) -> Rate:
    """At any threshold; between two of THRESHOLDS a straight line."""
    events = float(np.interp(threshold, THRESHOLDS, counts.events))
    an_hour = events / counts.hours if counts.hours >= LEAST_H else None
    return Rate(threshold, events, counts.hours, an_hour, _in_words(events, counts.hours, an_hour))


def _in_words(events: float, hours: float, an_hour: float | None) -> str:
    """Such as: about 1 a week (1 in 170 h)."""
    if an_hour is None:
        return f"too little heard to say: {hours:.1f} h since it was last changed"
    if round(events) == 0:
        return f"none in {hours:.0f} h"
    unit, unit_h = next((one for one in _UNITS if an_hour * one[1] >= 0.95), _UNITS[-1])
    number = round(an_hour * unit_h)
    words = f"about {number} {unit}" if number else f"fewer than 1 {unit}"
    return f"{words} ({round(events)} in {hours:.0f} h)" if round(events) < FEW else words


def class_keys(state: State) -> dict[str, str]:
    """Each class to a name for what it was taught, which changes with any of its examples, comes back when that is
    undone, and stays when the class is renamed."""
    made_of: dict[str, list[str]] = {label: [] for label in state.labels}
    for own, label in state.built_in.items():
        if label is not None:
            made_of[label].append(f"model {own}")
    for id, label in sorted(state.examples.items()):
        made_of[label].append(f"example {id}")
    return {
        label: hashlib.sha256("\n".join([str(_SCORES), *parts]).encode()).hexdigest()[:32]
        for label, parts in made_of.items()
    }
