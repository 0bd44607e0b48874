"""Scores become events: one pure state machine, `step(state, window, scores, rule) -> (state, events)`.

Each class has a state of its own, so a dog that barks while it rains is two events. A class is announced after
`min_hits` windows in a row that it hits, and is over after `max_misses` windows in a row that it does not. What a hit
is, `EventRule.hit` says. Where the sound itself begins and ends in the first and the last of these windows, the level
says (edges.py). Its start is known when it is announced; while it goes on, its end is that of the last window.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from pace_edge.label_check import UNKNOWN
from streams.heard import Event, Window
from streams.listening.edges import Edges
from streams.listening.event_rule import EventRule
from streams.listening.household import best_names


@dataclass(frozen=True)
class Sound:
    """One class's sound that may be going on: a candidate (no `id` yet), an announced one, or one that was `ended` for
    its length and has not stopped."""

    label: str
    start_s: float
    end_s: float  # of its last window
    from_s: float  # the start of its first window
    at_unix_s: float | None  # of its start, as in Event
    heard_unix_s: float
    peak: float
    level_dbfs: float
    over_s: float | None = None  # its end, if no more windows are called by its name
    hits: int = 0
    misses: int = 0
    id: str = ""
    told_s: float = 0.0  # when its latest start or update was
    ended: bool = False
    sounds_like: tuple[tuple[str, float], ...] = ()  # of one that is `unknown`

    def as_event(
        self, state: Literal["start", "update", "end"], source: str, file: str | None = None, *, stopped: bool = False
    ) -> Event:  # fmt: skip
        """`stopped`: it has not gone on in the windows that came since."""
        end_s = self.over_s if stopped and self.over_s is not None else self.end_s
        return Event(
            state, self.start_s, end_s, self.label, self.peak, self.level_dbfs, self.id, source, self.at_unix_s,
            self.heard_unix_s, file, windows_s=(self.from_s, self.end_s),
            sounds_like=self.sounds_like,
        )  # fmt: skip


@dataclass(frozen=True)
class EventState:
    """The sounds of one source that may be going on. An event's id is `session`, a dash and its number. `file`: the
    path of the recording, if it is one."""

    source: str = ""
    session: str = ""
    sounds: tuple[Sound, ...] = ()  # one a class, oldest first
    last_end_s: Mapping[str, float] = field(default_factory=dict)  # of each class that was announced
    announced: int = 0
    file: str | None = None


def step(
    state: EventState, window: Window, scores: Mapping[str, float], rule: EventRule, edges: Edges | None = None
) -> tuple[EventState, list[Event]]:
    """The next state, and the events that this window ends, updates or starts, in this order.

    `scores`: of every class, 0 to 1; those left out have 0. `window.label` is the class that wins. `edges`: where
    sounds begin and end in the window; None: as the window itself.
    """
    edges = edges or Edges(window.start_s, window.end_s)
    going = {sound.label: sound for sound in state.sounds}
    sounds: list[Sound] = []
    ends, others = [], []
    for sound in [*state.sounds, *_beginnings(window, scores, rule, going, edges.begins_s())]:
        score = scores.get(sound.label, 0.0)
        if rule.hit(sound.label, score, wins=sound.label == window.label, going_on=bool(sound.id)):
            sound = _prolonged(sound, window, score, edges)
        elif sound.id and sound.misses + 1 < rule.max_misses:
            sound = _missed(sound, edges)
        else:
            if sound.id and not sound.ended:
                sound = _missed(sound, edges)
                ends.append(sound.as_event("end", state.source, state.file, stopped=True))
            continue
        if not sound.id and sound.hits >= rule.min_hits and _cooled_down(state, sound, rule):
            state = replace(state, announced=state.announced + 1)
            sound = replace(sound, id=f"{state.session}-{state.announced}", told_s=sound.end_s)
            others.append(sound.as_event("start", state.source, state.file))
        elif sound.id and not sound.ended and not sound.misses:
            if rule.longest_s and sound.end_s - sound.start_s >= rule.longest_s:
                sound = replace(sound, ended=True)
                ends.append(sound.as_event("end", state.source, state.file))
            elif rule.update_s and sound.end_s - sound.told_s >= rule.update_s:
                sound = replace(sound, told_s=sound.end_s)
                others.insert(0, sound.as_event("update", state.source, state.file))
        sounds.append(sound)
    last_end_s = {**state.last_end_s, **{event.label: event.end_s for event in ends}}
    return replace(state, sounds=tuple(sounds), last_end_s=last_end_s), [*ends, *others]


def finish(state: EventState, labels: Container[str] | None = None) -> tuple[EventState, list[Event]]:
    """End what is going on: everything, or the sounds of these labels."""
    over = [sound for sound in state.sounds if labels is None or sound.label in labels]
    events = [
        sound.as_event("end", state.source, state.file, stopped=sound.misses > 0)
        for sound in over
        if sound.id and not sound.ended
    ]
    last_end_s = {**state.last_end_s, **{event.label: event.end_s for event in events}}
    return replace(state, sounds=tuple(s for s in state.sounds if s not in over), last_end_s=last_end_s), events


def _beginnings(
    window: Window, scores: Mapping[str, float], rule: EventRule, going: Container[str], start_s: float
) -> list[Sound]:  # fmt: skip
    """The classes that this window hits and that were not going on, best first, as sounds without a hit yet that begin
    at `start_s`."""
    ago_s = window.end_s - start_s
    at_unix_s = None if window.at_unix_s is None else window.at_unix_s - ago_s
    heard_unix_s = window.heard_unix_s - ago_s
    return [
        Sound(label, start_s, window.end_s, window.start_s, at_unix_s, heard_unix_s, score, window.level_dbfs)
        for label, score in sorted(scores.items(), key=lambda item: -item[1])
        if label not in going and rule.hit(label, score, wins=label == window.label, going_on=False)
    ]


def _prolonged(sound: Sound, window: Window, score: float, edges: Edges) -> Sound:
    return replace(
        sound, end_s=window.end_s, peak=max(sound.peak, score), level_dbfs=max(sound.level_dbfs, window.level_dbfs),
        hits=sound.hits + 1, misses=0, over_s=edges.over_s(sound.start_s),
        sounds_like=best_names(sound.sounds_like, window.sounds_like) if sound.label == UNKNOWN else (),
    )  # fmt: skip


def _missed(sound: Sound, edges: Edges) -> Sound:
    """A window that is not called by its name; the sound may still go on in it, as a name needs more of a window."""
    over_s = sound.over_s
    if over_s is not None and over_s >= sound.end_s:
        over_s = min(edges.goes_on_to_s(over_s), sound.end_s + edges.reach_s)
    return replace(sound, misses=sound.misses + 1, over_s=over_s)


def _cooled_down(state: EventState, sound: Sound, rule: EventRule) -> bool:
    last_end_s = state.last_end_s.get(sound.label)
    return last_end_s is None or sound.end_s - last_end_s >= rule.cool_down_s
