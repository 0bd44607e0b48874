"""When a live source is well, and when it is opened again: one pure state machine, `step(health, saw, now)`.

    opening --sound--> healthy <--sound-- silent       silent: only digital silence since it was opened again for that
       |                  |
       | fails            | lost: gone, no block for long: stuck
       v                  v
    waiting  <-fails-- opening again, after a back-off that doubles

`ended`: a recording is over. Times are seconds of one monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from pace_edge.errors import UsageError
from streams.heard import SourceStates

AWAY = ("gone", "stuck", "waiting")
_SILENCE_DOUBLES = 6  # times

Saw = Literal["nothing", "silence", "sound", "lost", "finished"]
Do = Literal["nothing", "open", "close", "reopen"]


@dataclass(frozen=True)
class Patience:
    """How long a live source may be quiet, and how soon it is opened again. Seconds."""

    opening_s: float = 15.0  # from the start of opening to the first block
    stuck_s: float = 5.0  # without a block; a device that is alive sends silence too
    silent_s: float = 600.0  # of digital silence, every sample the same; doubled each time it did not help. 0: never
    first_retry_s: float = 0.5  # doubled with each failure in a row
    last_retry_s: float = 30.0
    settled_s: float = 3.0  # a source that was well for so long starts at the first retry again

    def __post_init__(self) -> None:
        for name in ("opening_s", "stuck_s", "first_retry_s", "last_retry_s"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UsageError(f"{name} cannot be {getattr(self, name)}", expected="a number of seconds above 0")
        for name in ("silent_s", "settled_s"):
            if not getattr(self, name) >= 0:
                raise UsageError(f"{name} cannot be {getattr(self, name)}", expected="a number of seconds, or 0")
        if self.last_retry_s < self.first_retry_s:
            raise UsageError("last_retry_s is shorter than first_retry_s", got=f"{self.last_retry_s:g} s")

    def retry_s(self, failures: int) -> float:
        """How long to wait after so many failures before this one."""
        return min(self.first_retry_s * 2.0 ** min(failures, 64), self.last_retry_s)

    def silence_s(self, restarts: int) -> float:
        """How much digital silence is suspect after so many restarts that did not end it."""
        return self.silent_s * 2.0 ** min(restarts, _SILENCE_DOUBLES) if self.silent_s else float("inf")


@dataclass(frozen=True)
class Health:
    """Of a source that was opened at `opened_s`."""

    state: SourceStates
    opened_s: float
    block_s: float  # when a block came last, or opening began
    sound_s: float  # when it last was not digital silence
    failures: int = 0  # in a row
    restarts: int = 0  # for silence, since the last sound
    retry_at_s: float = 0.0  # while it is away

    @classmethod
    def opening(cls, now_s: float) -> Health:
        return cls("opening", opened_s=now_s, block_s=now_s, sound_s=now_s)


def step(health: Health, saw: Saw, now_s: float, patience: Patience) -> tuple[Health, Do]:
    """The next health, and what is to be done."""
    if health.state == "ended":
        return health, "nothing"
    if saw == "finished":
        return replace(health, state="ended"), "close"
    if health.state in AWAY:
        if now_s < health.retry_at_s:
            return health, "nothing"
        return replace(health, state="opening", opened_s=now_s, block_s=now_s), "open"
    if saw == "lost":
        return _away(health, "gone", now_s, patience), "close"
    if saw == "nothing":
        limit_s = patience.opening_s if health.state == "opening" else patience.stuck_s
        if now_s - health.block_s < limit_s:
            return health, "nothing"
        return _away(health, "stuck", now_s, patience), "close"
    if health.state == "opening":
        health = replace(health, opened_s=now_s, sound_s=now_s)
    if now_s - health.opened_s >= patience.settled_s:
        health = replace(health, failures=0)
    if saw == "sound":
        return replace(health, state="healthy", block_s=now_s, sound_s=now_s, restarts=0), "nothing"
    if now_s - health.sound_s >= patience.silence_s(health.restarts):
        return replace(health, state="opening", block_s=now_s, restarts=health.restarts + 1), "reopen"
    return replace(health, state="silent" if health.restarts else "healthy", block_s=now_s), "nothing"


def _away(health: Health, how: SourceStates, now_s: float, patience: Patience) -> Health:
    return replace(
        health, state="waiting" if health.state == "opening" else how, failures=health.failures + 1,
        retry_at_s=now_s + patience.retry_s(health.failures),
    )  # fmt: skip
