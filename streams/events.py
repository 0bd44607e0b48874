"""Scores become events: one pure state machine, `step(state, window) -> (state, events)`.

A class is announced after `min_hits` windows in a row in which it wins with `threshold` or more, and ends after
`max_misses` windows in which it does not win with at least `keep` of the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from streams.heard import Event, Window


@dataclass(frozen=True)
class EventRule:
    """When a sound is announced. Scores run from 0 to 1."""

    threshold: float
    background: str  # the class that is never announced; empty: there is none
    min_hits: int = 2  # windows in a row
    max_misses: int = 2  # windows
    keep: float = 0.8  # of the threshold

    def in_words(self, hop_s: float) -> str:
        never = f"; '{self.background}' is never announced" if self.background else ""
        return (
            f"a sound is announced after {self.min_hits} windows ({self.min_hits * hop_s:g} s) with a score of "
            f"{self.threshold:.2f} or more, and ends after {self.max_misses * hop_s:g} s without it{never}"
        )


@dataclass(frozen=True)
class EventState:
    """The sound that may be going on: none, a candidate (fewer than `min_hits`), or an announced one."""

    label: str = ""
    start_s: float = 0.0
    end_s: float = 0.0
    peak: float = 0.0
    hits: int = 0
    misses: int = 0
    announced: bool = False

    def as_event(self, state: Literal["start", "end"]) -> Event:
        return Event(state, self.start_s, self.end_s, self.label, self.peak)


def step(state: EventState, window: Window, rule: EventRule) -> tuple[EventState, list[Event]]:
    """The next state, and the events that this window starts or ends."""
    events: list[Event] = []
    if state.label and window.label == state.label and window.score >= rule.threshold * _keep(state, rule):
        state = replace(
            state, end_s=window.end_s, peak=max(state.peak, window.score), hits=state.hits + 1, misses=0
        )  # fmt: skip
    elif state.announced and state.misses + 1 < rule.max_misses and not _starts(window, rule):
        return replace(state, misses=state.misses + 1), events
    else:
        events += finish(state)
        state = EventState()
        if _starts(window, rule):
            state = EventState(window.label, window.start_s, window.end_s, window.score, hits=1)
    if state.label and not state.announced and state.hits >= rule.min_hits:
        state = replace(state, announced=True)
        events.append(state.as_event("start"))
    return state, events


def finish(state: EventState) -> list[Event]:
    """The end of what was announced and is not over yet."""
    return [state.as_event("end")] if state.announced else []


def _starts(window: Window, rule: EventRule) -> bool:
    return window.label != rule.background and window.score >= rule.threshold


def _keep(state: EventState, rule: EventRule) -> float:
    return rule.keep if state.announced else 1.0
