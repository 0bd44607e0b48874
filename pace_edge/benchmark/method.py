"""The contract of a continual-learning method: learn one session after the other, call clips by their classes.

A method from outside is a Python file with a class `Mine(task)` that has the three functions of `Method`, given to the
command line as FILE.py:Mine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.data import Clip
from pace_edge.adapt.machine import Machine
from pace_edge.adapt.sessions import Session

Embed = Callable[[Sequence[Clip]], np.ndarray]


@dataclass(frozen=True)
class Task:
    """What a method is given before the first session."""

    backbone: Backbone  # pretrained and frozen; a method that changes it works on a deep copy
    embed: Embed  # float32 [n, D] of the pretrained backbone, kept on disk and shared by all methods
    seconds: float  # clips are cut or padded to it
    epochs: int  # E_0, the only training setting that differs between sets, as in the paper
    classes: int  # in all sessions together; some methods size their head by it
    M: int = 2048  # width of the random projection
    seed: int = 0
    fine: bool = False  # the paper's word on the set's grain; only a method that the paper gives it to may look at it
    machine: Machine = field(default_factory=Machine)


@dataclass(frozen=True)
class Cost:
    """`trainable_parameters`: the largest number trained at once, 0 where nothing is trained by gradients;
    `stored_bytes`: all that is kept between sessions beyond the pretrained backbone."""

    trainable_parameters: int
    stored_bytes: int


class Method(Protocol):
    """One run's learner. It may also have an attribute `details`, a dict that JSON holds, kept in the run's record."""

    def learn(self, session: Session) -> None:
        """A session's new classes. `session.train` may be looked at now and never again; `session.test` is empty."""

    def call(self, clips: Sequence[Clip]) -> list[str]:
        """For each clip one of the labels learned so far. The clips have no label, fold or group."""

    def cost(self) -> Cost:
        """What it took up to now."""


@dataclass(frozen=True)
class Entry:
    """A method as the benchmark knows it, and whose it is: `paper` is its citation."""

    make: Callable[[Task], Method]
    paper: str
    joint: bool = False  # all sessions' classes are given to it as one session
    trains: bool = True  # False: it works on `task.embed` alone
    revision: int = 1  # one more whenever the same run would give another result
    together: bool = False  # under torchrun all processes train it as one (Machine.processes); else each runs others


class Remembered:
    """An `embed` that computes a clip once: for test clips, which are called after every session, as long as the
    backbone behind it stays as it is. `forget` when it changes."""

    def __init__(self, embed: Embed) -> None:
        self._embed, self._rows = embed, dict[object, np.ndarray]()

    def __call__(self, clips: Sequence[Clip]) -> np.ndarray:
        """float32 [n, D], n > 0."""
        new = list({clip.path: clip for clip in clips if clip.path not in self._rows}.values())
        if new:
            self._rows |= zip((clip.path for clip in new), self._embed(new), strict=True)
        return np.stack([self._rows[clip.path] for clip in clips])

    def forget(self) -> None:
        self._rows.clear()


def details_of(method: Method) -> Mapping[str, Any]:
    """What a method says of itself for its record; empty for one that says nothing."""
    return getattr(method, "details", {})
