"""What a listener reports, as plain values, and the one shape in which they leave the program.

Times named `_s` are seconds of the source's stream, from its first sample; `_unix_s` are of the clock on the wall.
`at_unix_s` is when the sound was made: by the clock for a live source; of a recording its own time, or None where that
is not known. `heard_unix_s` is when the listener heard it, which every order, age and "last minute" goes by. Scores run
from 0 to 1, levels are dB relative to full scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pace_edge.journal import Example
from pace_edge.operations import Operation


@dataclass(frozen=True)
class Window:
    """What one window was called. `label` is the class that wins, `unknown` where none is like it; `top` the best
    classes with their scores, best first; `sounds_like` the best of the names that the model's backbone has without
    being taught, with their scores, best first, and empty where it has none; `clipped` the share of its samples at full
    scale; `scores` those of all classes, which `as_record` leaves out.

    >>> import pace_edge
    >>> window = pace_edge.Window(0.0, 2.0, "doorbell", 0.98, -25.4, top=(("doorbell", 0.98), ("phone", 0.1)))
    >>> window.label, window.end_s - window.start_s
    ('doorbell', 2.0)
    """

    start_s: float
    end_s: float
    label: str
    score: float
    level_dbfs: float
    source: str = ""
    at_unix_s: float | None = None  # of its end
    top: tuple[tuple[str, float], ...] = ()
    clipped: float = 0.0
    scores: Mapping[str, float] = field(default_factory=dict, repr=False, compare=False)
    heard_unix_s: float = 0.0  # of its end
    sounds_like: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Event:
    """A sound that was announced: `start` when it is confirmed, `update` while it goes on, `end` when it is over.

    All reports of one sound carry its `id`; `score` and `level_dbfs` are its peaks so far. `sounds_like`, of one that
    is `unknown`: the names that its windows had, as in `Window`, each with its peak. `start_s` is where the sound
    itself begins, by its level; at its end so is `end_s`, which until then is the end of the last window that had it.
    `windows_s`: from the start of its first window to the end of its last, which `as_record` leaves out.

    >>> import pace_edge
    >>> pace_edge.Event("end", 2.0, 4.5, "doorbell", 0.98).duration_s
    2.5
    """

    state: Literal["start", "update", "end"]
    start_s: float
    end_s: float
    label: str
    score: float
    level_dbfs: float = 0.0
    id: str = ""
    source: str = ""
    at_unix_s: float | None = None  # of its start
    heard_unix_s: float = 0.0  # of its start
    file: str | None = None  # the recording's whole path, if it comes from one
    windows_s: tuple[float, float] | None = field(default=None, repr=False, compare=False)
    sounds_like: tuple[tuple[str, float], ...] = ()

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def sorted_unix_s(self) -> float:
        """What a list of events goes by: the sound's own time, or where that is not known when it was heard."""
        return self.heard_unix_s if self.at_unix_s is None else self.at_unix_s


GapCause = Literal["machine", "source", "system", "unknown"]
"""Why sound is missing: this machine was too slow to read it; the source itself was away (a network drop, a microphone
that was pulled out or hung); the sound system lost it; or whoever said that it is missing did not say why."""


@dataclass(frozen=True)
class Gap:
    """Sound that is missing. Both times are equal where the sound system lost it and did not say how much.

    >>> import pace_edge
    >>> gap = pace_edge.Gap(12.0, 12.5, source="attic", cause="machine")
    >>> f"{gap.end_s - gap.start_s} s of {gap.source} are missing"
    '0.5 s of attic are missing'
    """

    start_s: float
    end_s: float
    source: str = ""
    cause: GapCause = "unknown"


SourceStates = Literal["opening", "healthy", "silent", "stuck", "gone", "waiting", "ended"]


@dataclass(frozen=True)
class SourceState:
    """What became of a source; `words` say why and what is done about it.

    >>> import pace_edge
    >>> state = pace_edge.SourceState("attic", "gone", "It was pulled out.", at_unix_s=0.0)
    >>> f"{state.source} is {state.state}: {state.words}"
    'attic is gone: It was pulled out.'
    """

    source: str
    state: SourceStates
    words: str
    at_unix_s: float


NoticeKind = Literal["clipping", "journal", "model", "settings"]


@dataclass(frozen=True)
class Notice:
    """What a person should know while listening goes on: one sentence, with what to do. Not more often than every
    ten minutes for one `kind` and source, except of a new model and of the settings at the start.

    >>> import pace_edge
    >>> pace_edge.Notice("clipping", "Turn the microphone down.").words
    'Turn the microphone down.'
    """

    kind: NoticeKind
    words: str
    source: str = ""  # empty: it is not about one source
    at_unix_s: float = 0.0


Heard = Window | Event | Example | Operation | Gap | SourceState | Notice
"""What a listener reports: a window, an event, a label it has just learned from its journal, anything else that was
done to it there, lost sound, a source's state, or a notice."""

_TYPES = {
    Window: "window", Event: "event", Gap: "gap", SourceState: "source", Notice: "notice", Example: "learned",
    Operation: "changed",
}  # fmt: skip


def as_record(heard: Heard) -> dict[str, Any]:
    """As JSON has it, in every sink the same: `type`, then the fields, numbers rounded to 4 places."""
    record: dict[str, Any] = {"type": _TYPES[type(heard)]}
    if isinstance(heard, Example):
        return record | {"id": heard.id, "label": heard.label, "source": heard.source, "at_unix_s": heard.at_unix_s}
    if isinstance(heard, Operation):
        return record | {"id": heard.id, "operation": heard.kind, "label": heard.label, "new_label": heard.new_label,
                         "target": heard.target, "words": heard.in_words(), "at_unix_s": heard.at_unix_s}  # fmt: skip
    for key, value in vars(heard).items():
        if key in ("scores", "windows_s"):
            continue
        record[key] = round(value, 4) if isinstance(value, float) else value
    if isinstance(heard, Window):
        record["top"] = {label: round(score, 4) for label, score in heard.top}
    if isinstance(heard, Window | Event):
        record["sounds_like"] = {name: round(score, 4) for name, score in heard.sounds_like}
    if isinstance(heard, Event):
        record["duration_s"] = round(heard.duration_s, 4)
    return record
