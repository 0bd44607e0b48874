"""Everything that can be set about a listener, as one checked value."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from pace_edge.arguments import check_type, shown
from pace_edge.errors import UsageError
from pace_edge.model_file import ModelInfo
from streams.listening.encoder import Provider
from streams.listening.event_rule import EventRule
from streams.listening.gate import Speech
from streams.listening.household import household_sounds

if TYPE_CHECKING:
    from streams.configuration.settings import Settings

SHORTEST_HOP_S, LONGEST_HOP_S = 0.02, 60.0
GREATEST_GAIN_DB = 60.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to listen; None means as the model says. The rule's options are those of `EventRule`. Raises UsageError.

    >>> import pace_edge
    >>> pace_edge.Options(gate_dbfs=-50, thresholds={"doorbell": 0.6}, min_hits=3).gate_dbfs
    -50
    """

    # the sound
    gain_db: float = 0.0  # applied before everything
    hop_s: float | None = None  # from one window's start to the next's
    gate_dbfs: float | None = None  # windows that are nowhere as loud are not heard by the model; None: no gate
    speech: Speech = "any"  # "only": hear while somebody speaks, "never": while nobody does; needs the extra [vad]
    # what runs the model
    provider: Provider = "auto"
    threads: int = 1
    require_gpu: bool = False
    # what is announced
    threshold: float | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()  # household sounds to announce without teaching them (household.py)
    beside: float = EventRule.beside
    min_hits: int = EventRule.min_hits
    max_misses: int = EventRule.max_misses
    keep: float = EventRule.keep
    cool_down_s: float = EventRule.cool_down_s
    update_s: float = EventRule.update_s
    longest_s: float = EventRule.longest_s
    unknown: bool = False  # announce loud sounds that are like no class, as `unknown`

    def __post_init__(self) -> None:
        for each in fields(self):
            self._check_type(each.name, each.default)
        for name in ("hidden", "names"):
            object.__setattr__(self, name, frozenset(getattr(self, name)))  # also from a list or set
        _check(
            "gain_db",
            self.gain_db,
            abs(self.gain_db) <= GREATEST_GAIN_DB,
            f"-{GREATEST_GAIN_DB:g} to {GREATEST_GAIN_DB:g} dB",
        )
        if self.hop_s is not None:
            right = SHORTEST_HOP_S <= self.hop_s <= LONGEST_HOP_S
            _check("hop_s", self.hop_s, right, f"{SHORTEST_HOP_S:g} to {LONGEST_HOP_S:g} s")
        if self.gate_dbfs is not None:
            _check("gate_dbfs", self.gate_dbfs, -120 <= self.gate_dbfs <= 0, "-120 to 0 dB relative to full scale")
        _check("speech", self.speech, self.speech in ("any", "only", "never"), "any, only or never")
        _check("provider", self.provider, self.provider in ("auto", "cpu", "cuda"), "auto, cpu or cuda")
        _check("threads", self.threads, 1 <= self.threads <= 256, "1 to 256")
        self._rule(0.5, "")

    def rule_for(self, info: ModelInfo) -> EventRule:
        return self._rule(info.threshold, info.background)

    def hop_samples(self, info: ModelInfo) -> int:
        return info.hop_samples if self.hop_s is None else round(self.hop_s * info.rate_hz)

    def _check_type(self, name: str, default: object) -> None:
        """A field's own type is that of its default, where that is a number or a switch."""
        value = getattr(self, name)
        if name == "thresholds":
            check_type(name, value, Mapping, "labels with their scores")
            for label, score in value.items():
                check_type(f"thresholds[{label!r}]", score, Real, "a score from 0 to 1")
        elif name in ("hidden", "names"):
            check_type(name, value, (Set, list, tuple), "a set of labels")
        elif isinstance(default, bool):
            _check(name, shown(value), isinstance(value, bool), "True or False")
        elif isinstance(default, int):
            check_type(name, value, Integral, "a whole number")
        elif default is None or isinstance(default, float):
            check_type(name, value, (Real, type(default)), "a number" + " or None" * (default is None))

    def _rule(self, threshold: float, background: str) -> EventRule:
        other = ("background", "household")
        set_here: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(EventRule) if f.name not in other}
        set_here["household"] = {label: sound.threshold for label, sound in household_sounds(self.names).items()}
        if self.threshold is None:
            set_here["threshold"] = threshold
        return EventRule(**set_here, background=background)


def options_of(settings: Settings) -> Options:
    """What the settings tell the listener itself. Raises UsageError."""
    return Options(**settings.windows.arguments(), **settings.events.arguments(), **settings.runtime.arguments())


def _check(name: str, got: object, right: bool, expected: str) -> None:
    if not right:  # also where it is not a number
        raise UsageError(f"{name} cannot be {got}", expected=expected, do="Give another.")
