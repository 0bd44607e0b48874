"""When a sound is announced: the rule of the event machine, checked, and in plain words.

Several classes may go on at once, but one sound must not get two names. The class that wins needs its threshold; beside
it another needs `beside` times its own to begin, and nothing extra to go on. Measured with the starter on folds 1 and 2
of ESC-10, each heard by a classifier that was not taught it: 160 clips alone, and 144 pairs mixed at equal loudness.

| a class that does not win begins | clips given a second name | mixed: both announced | mixed: a wrong name |
|---|---|---|---|
| never | 0.6 % | 28.5 % | 4.2 % |
| with its threshold | 2.5 % | 31.2 % | 5.6 % |
| with 1.3 times its threshold (the default) | 0.6 % | 29.9 % | 4.2 % |

At equal loudness the model itself mostly hears the one or the other. What helps is that sounds come and go.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from pace_edge.errors import UsageError
from pace_edge.label_check import same_form
from pace_edge.operations import State


@dataclass(frozen=True, kw_only=True)
class EventRule:
    """Scores run from 0 to 1; `_s` are seconds of the stream, where 0 turns a thing off. Raises UsageError."""

    threshold: float  # announce from this score on
    thresholds: Mapping[str, float] = field(default_factory=dict)  # of single classes, instead of it
    background: str = ""  # the class that is never announced; empty: there is none
    hidden: frozenset[str] = frozenset()  # more classes that are never announced
    household: Mapping[str, float] = field(default_factory=dict)  # what is no class, and is announced from this score
    beside: float = 1.3  # times the threshold: needed to begin while another class wins
    min_hits: int = 2  # windows in a row
    max_misses: int = 2  # windows in a row
    keep: float = 0.8  # of the threshold: enough while the sound goes on
    cool_down_s: float = 0.0  # a class is not announced again sooner after its last event's end
    update_s: float = 0.0  # while a sound goes on, report it again so often
    longest_s: float = 3600.0  # an event is ended then; its class is not announced again before the sound has stopped

    def __post_init__(self) -> None:
        _check(0 <= self.threshold <= 1, "threshold", "0 to 1", self.threshold)
        for label, threshold in (*self.thresholds.items(), *self.household.items()):
            _check(0 <= threshold <= 1, f"the threshold of '{label}'", "0 to 1", threshold)
        _check(0 <= self.keep <= 1, "keep", "0 to 1", self.keep)
        _check(1 <= self.beside < math.inf, "beside", "1 or more", self.beside)
        _check(self.min_hits >= 1, "min_hits", "1 or more windows", self.min_hits)
        _check(self.max_misses >= 1, "max_misses", "1 or more windows", self.max_misses)
        for name in ("cool_down_s", "update_s", "longest_s"):
            value = getattr(self, name)
            _check(0 <= value < math.inf, name, "0 or more seconds", value)

    def for_classes(self, state: State) -> EventRule:
        """The same for what the classes are called now: what was set for a name holds for the class that was meant by
        it, and what is hidden in the journal is not announced either. A class takes the place of the household sound
        that is called as it is."""
        hidden = frozenset(state.names_now(self.hidden).values()) | state.hidden
        household = {
            label: threshold
            for label, threshold in self.household.items()
            if label not in state.labels and same_form(label, state.labels) is None
        }
        return replace(self, thresholds=state.by_label(self.thresholds), hidden=hidden, household=household)

    def never(self, label: str) -> bool:
        return label == self.background or label in self.hidden

    def bar(self, label: str, *, going_on: bool) -> float:
        """The score that is enough for a class, to begin or while its sound goes on."""
        usual = self.household.get(label, self.threshold)
        return self.thresholds.get(label, usual) * (self.keep if going_on else 1.0)

    def hit(self, label: str, score: float, *, wins: bool, going_on: bool) -> bool:
        """A household sound competes with no class: their scores are of two kinds."""
        alone = wins or going_on or label in self.household
        needed = self.bar(label, going_on=going_on) * (1.0 if alone else self.beside)
        return score > 0 and score >= needed and not self.never(label)

    def in_words(self, hop_s: float, known: Collection[str] | None = None) -> str:
        """What it amounts to with a window every `hop_s` seconds. `known`: the labels that there are."""
        hits = f"{self.min_hits} windows ({self.min_hits * hop_s:g} s)" if self.min_hits > 1 else "1 window"
        sentences = [
            f"a sound is announced after {hits} with a score of {self.threshold:.2f} or more, and ends after "
            f"{self.max_misses * hop_s:g} s below {self.keep * self.threshold:.2f}"
        ]
        for label, threshold in self.thresholds.items():
            unknown = "" if known is None or label in known else ", a label that it does not know yet,"
            sentences.append(f"'{label}'{unknown} needs {threshold:.2f} and ends below {self.keep * threshold:.2f}")
        if self.household:
            named = [f"'{label}' from {self.bar(label, going_on=False):.2f}" for label in self.household]
            sentences.append(f"announced without being taught: {', '.join(named)}")
        if self.cool_down_s:
            sentences.append(f"the same is not announced again within {self.cool_down_s:g} s of its end")
        if self.update_s:
            sentences.append(f"while it goes on it is reported every {max(self.update_s, hop_s):g} s")
        if self.longest_s:
            sentences.append(f"after {self.longest_s:g} s it is ended, and not announced again before it has stopped")
        never = [f"'{label}'" for label in dict.fromkeys([self.background, *sorted(self.hidden)]) if label]
        if never:
            sentences.append(f"{' and '.join(never)} {'is' if len(never) == 1 else 'are'} never announced")
        return "; ".join(sentences)


def _check(right: bool, name: str, expected: str, got: float) -> None:
    if not right:  # also where it is not a number
        raise UsageError(f"{name} cannot be {got:g}", expected=expected, do="Give another.")
