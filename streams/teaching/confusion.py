"""What else would be announced as a class, as it is taught now: said before it happens.

A model file may keep a sample of sounds that no class has learned (pace_edge/kept_sample.py). Each of its windows is
read as a listener reads it, and called announced where it would begin an event by the listener's rule: the class wins
and reaches its threshold, or reaches `beside` times that. Single windows are counted; an event needs several in a row,
so a listener announces less than this. Beside the sample stand the taught examples of other classes, each left out in
turn. The classes that came with the model have no sounds here: what a lesson does to them, effect.py says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pace_edge.label_check import same_form
from pace_edge.leave_one_out import LeftOut
from pace_edge.model_file import ModelInfo
from pace_edge.operations import State
from streams.configuration.configure import configure
from streams.listening.event_rule import EventRule
from streams.listening.learner import Learner
from streams.listening.options import options_of

NAMED = 4  # kinds of sounds that are named in words
TOLD = 0.8  # share of pairs in which the class's own example scores higher: with less it cannot be told apart
MOSTLY = 1 / 3  # of a kind's windows: with fewer announced, it is not asked whether the kind can be told apart
FEWEST = 2  # own examples, and announced windows of a kind, to ask that from


@dataclass(frozen=True)
class Confusion:
    """Of `of` windows of other sounds, which the model keeps and never learned, a share `share` would be announced as
    `label`: `taken` are (what they are called, how many, of how many), most first; those that are called as the class
    is are none of them. `classes`: the same of the taught examples of other classes, each left out in turn.
    `not_told_from`: those of either whose sounds score about as high as the class's own examples do when these are left
    out. `cautious`: it has one example, and so a threshold that a second one lowers.

    >>> import pace_edge
    >>> with pace_edge.Teacher() as teacher:
    ...     confusion = teacher.learn_file("doorbell", "ring.wav").confusion
    >>> confusion is None or confusion.share < 0.5
    True
    """

    label: str
    of: int
    share: float
    taken: tuple[tuple[str, int, int], ...] = ()
    classes: tuple[tuple[str, int, int], ...] = ()
    not_told_from: tuple[str, ...] = ()
    cautious: bool = False

    @property
    def announced(self) -> int:
        """How many windows of the other sounds."""
        return sum(count for _, count, _ in self.taken)

    def in_words(self) -> str:
        """Empty where there is nothing to compare with, and nothing to say."""
        words = []
        if self.taken:
            words.append(
                f"of {self.of} other sounds that the model keeps, {self.announced} ({one_in(self.share)}) would be "
                f"announced as '{self.label}': {named(self.taken)}"
            )
        elif self.of:
            words.append(f"none of {self.of} other sounds that the model keeps would be announced as '{self.label}'")
        if self.classes:
            words.append(f"of what was taught as something else, also {named(self.classes)}")
        if self.not_told_from:
            words.append(f"it cannot be told from {' or '.join(self.not_told_from)} yet")
        if self.taken or self.classes:
            words.append(f"teach one of these as something else, or two more recordings of '{self.label}'")
        if self.cautious:
            words.append("with one recording it is announced with caution; a second one opens it up")
        return "; ".join(words)


def rule_here(info: ModelInfo, state: State, config: str | Path | None = None) -> EventRule:
    """By what rule a listener announces with these settings. `config`: the file of settings; None: as configured.
    Raises UsageError."""
    settings = configure(file=None if config is None else Path(config)).settings
    return options_of(settings).rule_for(info).for_classes(state)


def confusion(
    learner: Learner, label: str, rule: EventRule, left_out: Mapping[int, tuple[str, LeftOut]]
) -> Confusion | None:  # fmt: skip
    """`left_out`: taught examples by id, each with its label and what it is called when it is left out. None: the class
    is not there, or never announced."""
    return confusions(learner, rule, left_out, [label]).get(label)


def confusions(
    learner: Learner, rule: EventRule, left_out: Mapping[int, tuple[str, LeftOut]], labels: Sequence[str]
) -> dict[str, Confusion]:  # fmt: skip
    """The same of several classes, for little more; those that are never announced are left out."""
    classifier = learner.classifier
    asked = [label for label in labels if label in classifier.labels and not rule.never(label)]
    bars = np.array([rule.bar(label, going_on=False) for label in asked])
    reached = reach(learner, asked, beside=rule.beside, least=bars)
    weighs, found = learner.info.read_out.weighs(classifier), {}
    for label, bar, scores in zip(asked, bars, reached.T, strict=True):
        alone = round(classifier.counts[classifier.labels.index(label)]) == 1
        found[label] = _confusion(
            label, float(bar), _kinds(learner, label, scores), left_out, cautious=weighs and alone
        )
    return found


def reach(
    learner: Learner, labels: Sequence[str], *, beside: float, least: np.ndarray | float = 0.0
) -> np.ndarray:  # fmt: skip
    """Of each window that the model keeps, the highest threshold at which it would be announced as each of `labels`,
    [n, k], 0 to 1: its score where the class wins, else that over `beside`. Below `least` (a number, or each class's)
    it may be 0 instead, which saves the most of the work."""
    classifier, read_out, phi = learner.classifier, learner.info.read_out, learner.sample_features()
    columns = [classifier.labels.index(label) for label in labels]
    result = np.zeros((len(phi), len(columns)))
    if not result.size:
        return result
    plain, at = classifier.view_scores(phi), read_out.standing(classifier)
    none = np.zeros(len(classifier.views))
    for i in range(len(phi)):  # strangeness, the dear part, only takes away: first without it
        result[i] = read_out.reading(plain[:, i], none, at).confidences[columns]
    worth = np.flatnonzero((result >= np.maximum(least, 1e-9)).any(1))
    leverages = classifier.view_leverages(phi[worth])
    result[:] = 0.0
    for i, h in zip(worth.tolist(), leverages.T, strict=True):
        reading = read_out.reading(plain[:, i], h, at)
        wins = np.array([column == reading.winner for column in columns])
        result[i] = reading.confidences[columns] / np.where(wins, 1.0, beside)
    return result


def kept_shares(learner: Learner, label: str, thresholds: Sequence[float], *, beside: float) -> list[float]:
    """Of the windows that the model keeps, the share that would be announced as `label` at each threshold; none where
    it keeps none."""
    if not learner.sample_names or label not in learner.classifier.labels:
        return []
    kinds = _kinds(learner, label, reach(learner, [label], beside=beside)[:, 0])
    scores = np.array([score for each in kinds.values() for score in each])
    return [float(np.mean((scores > 0) & (scores >= threshold))) for threshold in thresholds] if len(scores) else []


def _kinds(learner: Learner, label: str, reached: np.ndarray) -> dict[str, list[float]]:
    """What the windows reach, by what they are called; without those that are called as the class is."""
    kinds: dict[str, list[float]] = {}
    for name, score in zip(learner.sample_names, reached.tolist(), strict=True):
        kinds.setdefault(name, []).append(score)
    return {name: scores for name, scores in kinds.items() if name != label and not same_form(name, [label])}


def _confusion(
    label: str, bar: float, kinds: Mapping[str, list[float]], left_out: Mapping[int, tuple[str, LeftOut]], *,
    cautious: bool,
) -> Confusion:  # fmt: skip
    others: dict[str, list[float]] = {}
    own = []
    for name, left in left_out.values():
        score = left.score if left.label == label else 0.0
        if name != label:
            others.setdefault(name, []).append(score)
        elif not left.alone:
            own.append(score)
    taken, classes = _taken(kinds, bar), _taken(others, bar)
    alike = [name for each in (kinds, others) for name, scores in each.items() if _alike(own, scores, bar)]
    of = sum(map(len, kinds.values()))
    share = sum(count for _, count, _ in taken) / max(of, 1)
    return Confusion(label, of, share, taken, classes, tuple(dict.fromkeys(alike)), cautious)


def _taken(kinds: Mapping[str, Sequence[float]], bar: float) -> tuple[tuple[str, int, int], ...]:
    count = Counter({name: sum(score > 0 and score >= bar for score in scores) for name, scores in kinds.items()})
    return tuple((name, taken, len(kinds[name])) for name, taken in count.most_common() if taken)


def _alike(own: Sequence[float], scores: Sequence[float], bar: float) -> bool:
    """Whether sounds of one kind score about as high as the class's own."""
    taken = sum(score > 0 and score >= bar for score in scores)
    if len(own) < FEWEST or taken < max(FEWEST, MOSTLY * len(scores)):
        return False
    a, b = np.array(own)[:, None], np.array(scores)
    return float(np.mean((a > b) + 0.5 * (a == b))) < TOLD


def named(taken: Sequence[tuple[str, int, int]]) -> str:
    """Such as: violin (6 of 8), saxophone (4 of 6) and 3 more."""
    words = ", ".join(f"{name} ({count} of {of})" for name, count, of in taken[:NAMED])
    return words + (f" and {len(taken) - NAMED} more" if len(taken) > NAMED else "")


def one_in(share: float) -> str:
    """A share as a person says it, such as: about 1 in 20."""
    if share <= 0:
        return "none"
    return f"about 1 in {round(1 / share)}" if share < 0.4 else f"about {round(10 * share)} in 10"
