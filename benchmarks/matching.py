"""What was announced against what was played: found, missed, called by a wrong name, or announced where nothing was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Played:
    """A sound of the programme; seconds of its audible part."""

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Announced:
    """An event's start. `at_s`: the end of the window that confirmed it, seconds of the programme."""

    label: str
    at_s: float


@dataclass(frozen=True)
class Matched:
    """`delay_s`: of each sound played, from its onset to its first announcement by its name; None: missed."""

    delay_s: tuple[float | None, ...]
    again: tuple[Announced, ...]  # a sound by its name once more, after a pause in it
    wrong: tuple[tuple[Played, Announced], ...]  # during a sound, by another name
    nowhere: tuple[Announced, ...]  # while no sound of the programme was in the window


def match(played: Sequence[Played], announced: Sequence[Announced], *, window_s: float) -> Matched:
    """An announcement is about the sounds that its confirming window [at_s - window_s, at_s] touches: about one of its
    name if there is one, else it is wrong about the first of them."""
    delay_s: list[float | None] = [None] * len(played)
    again, wrong, nowhere = [], [], []
    for one in sorted(announced, key=lambda one: one.at_s):
        touched = [i for i, sound in enumerate(played) if sound.start_s < one.at_s < sound.end_s + window_s]
        named = [i for i in touched if played[i].label == one.label]
        new = [i for i in named if delay_s[i] is None]
        if new:
            delay_s[new[0]] = one.at_s - played[new[0]].start_s
        elif named:
            again.append(one)
        elif touched:
            wrong.append((played[touched[0]], one))
        else:
            nowhere.append(one)
    return Matched(tuple(delay_s), tuple(again), tuple(wrong), tuple(nowhere))
