"""A model at work: windows in, what each is called out. It is what a listener swaps when it gets a new model.

`unknown`, measured with the starter on streams: 160 clips of ESC-10 that the classifier was not taught, and 90 of
UrbanSound8K's other classes. Loud windows that are called unknown, and clips with two such windows in a row:

| leverage, times the usual | known: windows | known: clips | unknown: windows | unknown: clips |
|---|---|---|---|---|
| any (the score alone) | 10.9 % | 18.1 % | 53.2 % | 73.3 % |
| 1.5 | 9.9 % | 15.6 % | 46.2 % | 68.9 % |
| 2 (used) | 7.4 % | 11.2 % | 32.1 % | 56.7 % |
| 3 | 1.5 % | 3.8 % | 13.6 % | 28.9 % |
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pace_edge.journal import Example, Journal
from pace_edge.model_file import Model
from pace_edge.operations import Operation
from streams.heard import Notice
from streams.listening.counters import Counters
from streams.listening.encoder import Encoder, Encodings
from streams.listening.household import Household, household_sounds
from streams.listening.learner import UNKNOWN, Learner
from streams.listening.memory import Memory
from streams.listening.notices import Notices
from streams.listening.options import Options
from streams.listening.rates import RateTally

LOUD_DBFS = -50.0  # quieter sounds are nobody's question
STRANGE = 2.0  # times the leverage that is usual for known sounds
TOP = 3  # classes that a window names


@dataclass(frozen=True)
class Verdict:
    """What one window is called; `scores` of all classes that are not hidden, 0 to 1, and of `unknown` where it is
    announced, and of the household sounds that are asked for; `sounds_like` as in Window."""

    label: str
    score: float
    top: tuple[tuple[str, float], ...]
    scores: dict[str, float]
    sounds_like: tuple[tuple[str, float], ...] = ()


class Ears:
    """An encoder, a classifier that keeps up with its journal, and the rule by which its sounds are announced: `rule`
    names the classes as they are called now, whatever they were called when it was set."""

    def __init__(
        self, model: Model, encoder: Encoder, journal: Journal, options: Options, notices: Notices, counters: Counters
    ) -> None:
        self.model, self.info = model, model.info
        self.encoder = encoder
        self.learner = Learner(model, journal)
        self.rates = RateTally()
        self.memory = Memory(self.learner, journal, notices, counters, rates=self.rates)
        self.window, self.hop = model.info.window_samples, options.hop_samples(model.info)
        self._announces_unknown = options.unknown
        self._counters = counters
        self.adjust(options)

    def catch_up(self) -> list[Example | Operation | Notice]:
        """Apply what was written to the journal since the last call, by any process, and return it."""
        news = self.memory.catch_up()
        if self.learner.state is not self._followed:
            self._follow()
        return news

    def in_words(self, options: Options) -> str:
        """What these settings, which it was made with, amount to."""
        rate_hz = self.info.rate_hz
        hop_s, window_s = self.hop / rate_hz, self.window / rate_hz
        heard = f"hears {window_s:g} s every {hop_s:g} s"
        if options.gain_db:
            heard += f", {options.gain_db:+g} dB"
        if options.gate_dbfs is not None:
            heard += f", where any 0.1 s of it reaches {options.gate_dbfs:g} dBFS"
        if options.speech != "any":
            heard += f", while {'somebody' if options.speech == 'only' else 'nobody'} speaks"
        labels = self.learner.classifier.labels
        return f"{heard}, running on {self.encoder.in_words()}; {self.rule.in_words(hop_s, labels)}"

    def adjust(self, options: Options) -> None:
        """Announce by the rule of these options from the next window on."""
        self._rule_as_set = options.rule_for(self.info)
        self._household = Household(household_sounds(options.names).values(), self.info.names)
        self._follow()

    def _follow(self) -> None:
        self._followed = self.learner.state
        self.rule = self._rule_as_set.for_classes(self._followed)
        self.rates.follow(self._followed, self.rule)

    def hear(self, windows: Sequence[np.ndarray] | np.ndarray) -> Encodings:
        """PCM [window] of each to what the model makes of them."""
        started = time.perf_counter()
        heard = self.encoder.hear(np.asarray(windows, np.float32).reshape(-1, self.window))
        self._counters.inference_s += time.perf_counter() - started
        return heard

    def judge(self, embedding: np.ndarray, level_dbfs: float, names: np.ndarray | None = None) -> Verdict:
        """What a window of this embedding [D] and level is called, or several of one sound, [n, D], together. `names`:
        the scores of the model's own names, [N] or [n, N].

        It is `unknown` when its best class could not even keep an event going, although it is loud and its leverage is
        high: score and leverage reject different sounds. Its score is then what the best class leaves of 1. Where there
        is no class, everything is `unknown`.

        A household sound that is asked for and reaches its threshold is what the window is called where no class could
        keep an event going.
        """
        reading = self.learner.read(np.atleast_2d(embedding))
        labels, confidences, hidden = self.learner.classifier.labels, reading.confidences, self.learner.state.hidden
        label, score = UNKNOWN, 0.0
        if reading.winner is not None:
            label, score = labels[reading.winner], float(confidences[reading.winner])
        best = np.argsort(-confidences, kind="stable")[:TOP]
        top = tuple((labels[c], float(confidences[c])) for c in best if confidences[c] > 0 and labels[c] not in hidden)
        scores = {labels[c]: float(confidences[c]) for c in np.flatnonzero(confidences) if labels[c] not in hidden}
        alike = () if names is None else self._household.sounds_like(names)
        household = {} if names is None else self._household.scores(names, self.rule.household)
        scores |= household
        if label in hidden:  # it takes part, so that its sounds are not taken for another's, and is not reported
            return Verdict(UNKNOWN, 0.0, top, scores, alike)
        if household and (label == UNKNOWN or score < self.rule.bar(label, going_on=True)):
            named = max(household, key=lambda one: household[one])
            if household[named] >= self.rule.bar(named, going_on=False):
                return Verdict(named, household[named], top, scores, alike)
        strange = reading.strangeness >= STRANGE and level_dbfs >= LOUD_DBFS and UNKNOWN not in labels
        if strange and score < self.rule.bar(label, going_on=True):
            label, score = UNKNOWN, 1.0 - score
            if self._announces_unknown:
                scores[UNKNOWN] = score
        return Verdict(label, score, top, scores, alike)

    def announced(self) -> set[str]:
        """The labels that can be announced."""
        known = {*self.learner.classifier.labels, *self.household, *([UNKNOWN] if self._announces_unknown else [])}
        return {label for label in known if not self.rule.never(label)}

    @property
    def household(self) -> list[str]:
        """The household sounds that can be announced: asked for, no class, and the model has a name for them."""
        return [label for label in self.rule.household if label in self._household.labels]

    def silence(self) -> Verdict:
        """What a window is called that nobody heard."""
        return Verdict(self.info.background or UNKNOWN, 0.0, (), {})
