"""From ridge scores to a name and how sure it is: the product's read-out, made for few examples.

The paper's read-out is the largest plain score, phi W. It fails where a device lives: W_c = R n_c mu_c, so a plain
score grows with its class's examples, and among classes of forty a class of five never wins.

Of several views each class weighs those that know it: a word is told by one, a voice by another. And each class has the
bar that it deserves: what another recording of it can be expected to get. Both are known from sums alone. In view v a
class of n examples scores own_v = Q_v'W_v / n on average, but a part of that is each example recognising itself. How
large a part, the deviation tells, how far the examples lie from their mean: a ridge score answers a squared length with
`gain` of it, so that the part is s2 = gain times their variance, and what is left is expected of a recording that was
not taught. A few examples say little of their variance: as many as `usual_examples` with what is usual are added.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from pace_edge.analytic import FEWEST, AnalyticClassifier
from pace_edge.label_check import UNKNOWN

LEAST = 1e-4  # plain score that is expected of every class in every view
NOTHING = 1e-6  # own plain score; at most this is rounding: no example of the class has anything in this view


@dataclass(frozen=True)
class Reading:
    """What one sound is called: `winner` is the class with the largest calibrated score, None where there is no class;
    `confidences` [C], 0 to 1, are every class's, comparable with the same threshold; `strangeness` is the leverage in
    units of what is usual for sounds that the model knows, where the winner looks."""

    winner: int | None
    confidences: np.ndarray
    strangeness: float


@dataclass(frozen=True)
class Standing:
    """What a classifier's state alone says of its classes, before anything is heard."""

    weights: np.ndarray  # [V, C], a_vc: the share of each view in a class's scores, 1 in all
    scale: np.ndarray  # [C]: calibrated is plain times this
    own: np.ndarray  # [C], plain: what the class's own examples score on average
    expected: np.ndarray  # [C], plain: what another recording of the class is expected to score
    bars: np.ndarray  # [C]: the evidence at which the class is announced
    ease: np.ndarray  # [C]: floor / bar, at most 1


@dataclass(frozen=True, kw_only=True)
class ReadOut:
    """Which class wins, and how sure it is. Measured in docs/starter.md; all zeros but `reference` is the paper's.

    Plain score: sum_v a_vc (phi W)_vc, with a_vc = expected_vc ** view_power, in shares; one below `least_share` is
    none. Without `gains` every view has the same.
    Calibrated score: plain_c (reference / counts_c) ** power; the largest wins.
    Evidence: calibrated_c ** (1 - own_share) * (plain_c / own_c) ** own_share, with own_c the mean plain score of the
    class's own examples. The first factor alone would call half the world a class that has one example.
    Bar: max(floor, restraint * (1 - counts_c / reference) * the evidence of expected_c): the fewer examples a class
    has, the more its scores are raised, and the more its own bar counts. A class of `reference` examples has the floor.
    Confidence: (evidence_c - leverage_weight * sum_v a_vc h_v / leverage_median_v) * floor / bar_c, held to 0..1, with
    h_v = phi_v'R_v phi_v. The middle term is for sounds that are unlike every example. The last factor makes a
    confidence reach `floor`, the threshold at which the model announces, where the evidence reaches the class's own
    bar; so one threshold serves all classes. A `restraint` of 0 leaves it out.
    """

    power: float
    reference: float  # a class of so many examples keeps its plain score
    own_share: float
    leverage_weight: float
    leverage_median: float | tuple[float, ...]  # of sounds that the model knows but was not fitted on; or each view's
    gains: tuple[float, ...] = ()  # of each view: what a squared length scores; none: views and bars are not weighed
    spreads: tuple[float, ...] = ()  # of each view, plain: s2 as it usually is
    usual_examples: float = 1.0  # so many examples of the usual spread are added to a class's own
    view_power: float = 2.0
    least_share: float = 0.02
    restraint: float = 0.0  # the share of the expected evidence that a sound must reach
    floor: float = 0.0  # the model's announcing threshold

    def __post_init__(self) -> None:
        for name in ("leverage_median", "gains", "spreads"):  # as JSON gives them
            if isinstance(value := getattr(self, name), list):
                object.__setattr__(self, name, tuple(map(float, value)))

    def fits(self, views: int) -> bool:
        """Whether what it says of single views is said of so many."""
        one_each = {len(self.gains), len(self.spreads)}
        return one_each in ({0}, {views}) and np.shape(self.leverage_median) in ((), (views,))

    @property
    def usual_leverage(self) -> float:
        """The views' mean of `leverage_median`."""
        return float(np.mean(self.leverage_median))

    def said(self) -> dict[str, object]:
        """As metadata: what is not as it is where nothing is said."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) != f.default}

    # Of the state

    def class_scale(self, counts: np.ndarray) -> np.ndarray:
        """counts [C] to factors [C]; a class without examples scores 0 whatever its factor."""
        return (self.reference / np.maximum(counts, FEWEST)) ** self.power

    def standing(self, classifier: AnalyticClassifier) -> Standing:
        """Of a classifier's classes; computed once until the classifier changes."""
        return classifier.kept(
            self, lambda: self.standing_of(classifier.counts, classifier.own_view_scores(), classifier.deviations())
        )

    def standing_of(self, counts: np.ndarray, own: np.ndarray, deviations: np.ndarray | None) -> Standing:
        """The same from counts [C], own plain scores and deviations, [V, C] (analytic.py)."""
        scale = self.class_scale(counts)
        if deviations is None or not self.gains:
            mean = np.full(own.shape, 1.0 / len(own))
            floor, one = np.full(len(counts), self.floor), np.ones(len(counts))
            return Standing(mean, scale, own.mean(0), own.mean(0), floor, one)
        gains, spreads = (np.array(each)[:, None] for each in (self.gains, self.spreads))  # [V, 1]
        k = self.usual_examples
        s2 = (counts * gains * deviations + k * spreads) / np.maximum(counts - 1 + k, FEWEST)
        expected = np.maximum(own - s2, LEAST)
        weights = self._shares(np.where(own > NOTHING, expected**self.view_power, 0.0))
        own, expected = (weights * own).sum(0), (weights * expected).sum(0)
        few = np.maximum(1 - counts / self.reference, 0.0)
        bars = np.maximum(self.floor, self.restraint * few * self._evidence(expected, scale, own))
        ease = self.floor / bars if self.restraint and self.floor else np.ones(len(counts))
        return Standing(weights, scale, own, expected, bars, ease)

    def weighs(self, classifier: AnalyticClassifier) -> bool:
        """Whether the classes' views are weighed, and their bars are their own."""
        return bool(self.gains) and classifier.squares is not None

    def uses_view(self, classifier: AnalyticClassifier, view: int) -> bool:
        """Whether what a sound is in this view makes a difference to any class."""
        return bool((self.standing(classifier).weights[view] > 0).any())

    def score_bars(self, classifier: AnalyticClassifier) -> np.ndarray:
        """[C]: the calibrated score at which a class's evidence is its bar. Strangeness asks for more than that."""
        at = self.standing(classifier)
        return at.bars * (at.scale * np.maximum(at.own, FEWEST)) ** self.own_share

    def _shares(self, worth: np.ndarray) -> np.ndarray:
        """[V, C] to shares of 1; a class that no view knows is the first view's."""
        total = worth.sum(0)
        first = np.arange(len(worth))[:, None] == 0
        shares = np.where(total > 0, worth / np.where(total > 0, total, 1.0), first)
        shares = np.where(shares >= self.least_share, shares, 0.0)
        return shares / shares.sum(0)

    def _evidence(self, plain: np.ndarray, scale: np.ndarray, own: np.ndarray) -> np.ndarray:
        likeness = np.maximum(plain, 0.0) / np.maximum(own, FEWEST)
        return np.maximum(plain * scale, 0.0) ** (1 - self.own_share) * likeness**self.own_share

    # Of a sound

    def scores(self, classifier: AnalyticClassifier, phi: np.ndarray) -> np.ndarray:
        """Calibrated scores: [..., V M] to [..., C], about 0 to 1."""
        at = self.standing(classifier)
        return _weighed(at.weights, classifier.view_scores(phi)) * at.scale

    def best(self, classifier: AnalyticClassifier, phi: np.ndarray) -> tuple[str, float]:
        """What the windows phi [n, V M] of one sound are called together, and the confidence from 0 to 1; without any
        class it is unknown."""
        reading = self.read(classifier, phi)
        if reading.winner is None:
            return UNKNOWN, 0.0
        return classifier.labels[reading.winner], float(reading.confidences[reading.winner])

    def read(self, classifier: AnalyticClassifier, phi: np.ndarray) -> Reading:
        """All that the windows phi [n, V M] of one sound say together."""
        plain, leverages = classifier.view_scores(phi).mean(1), classifier.view_leverages(phi).mean(1)
        return self.reading(plain, leverages, self.standing(classifier))

    def reading(self, plain: np.ndarray, leverages: np.ndarray, at: Standing) -> Reading:
        """The same from the views' plain scores [V, C] and leverages [V]."""
        scores, times_usual = _weighed(at.weights, plain), leverages / self.leverage_median
        evidence = self._evidence(scores, at.scale, at.own)
        strangeness = _weighed(at.weights, times_usual[:, None])  # [C]
        confidences = np.clip((evidence - self.leverage_weight * strangeness) * at.ease, 0.0, 1.0)
        if not len(scores):
            return Reading(None, confidences, float(times_usual.mean()))
        winner = int((scores * at.scale).argmax())
        return Reading(winner, confidences, float(strangeness[winner]))


def _weighed(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """sum_v a_vc x_v: weights [V, C] and values [V, ..., C] to [..., C]."""
    total = weights[0] * values[0]
    for each, value in zip(weights[1:], values[1:], strict=True):
        total = total + each * value
    return total
