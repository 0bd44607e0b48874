"""From ridge scores to a name and how sure it is: the product's read-out, made for few examples.

The paper's read-out is the largest plain score, phi W. It fails where a device lives: W_c = R n_c mu_c, so a plain
score grows with its class's examples, and among classes of forty a class of five never wins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pace_edge.analytic import FEWEST, AnalyticClassifier
from pace_edge.label_check import UNKNOWN


@dataclass(frozen=True)
class Reading:
    """What one sound is called: `winner` is the class with the largest calibrated score, None where there is no class;
    `confidences` [C], 0 to 1, are every class's, comparable with the same threshold; `strangeness` is the leverage in
    units of what is usual for sounds that the model knows."""

    winner: int | None
    confidences: np.ndarray
    strangeness: float


@dataclass(frozen=True, kw_only=True)
class ReadOut:
    """Which class wins, and how sure it is. Measured in docs/starter.md; all zeros but `reference` is the paper's.

    Calibrated score: (phi W)_c (reference / counts_c) ** power; the largest wins.
    Confidence: calibrated_c ** (1 - own_share) * ((phi W)_c / own_c) ** own_share
    - leverage_weight * h / leverage_median, held to 0..1, with own_c the mean plain score of the class's own examples
    and h = phi'R phi. The first factor alone would call half the world a class that has one example; the last term is
    for sounds that are unlike every example.
    """

    power: float
    reference: float  # a class of so many examples keeps its plain score
    own_share: float
    leverage_weight: float
    leverage_median: float  # of sounds that the model knows but was not fitted on

    def class_scale(self, counts: np.ndarray) -> np.ndarray:
        """counts [C] to factors [C]; a class without examples scores 0 whatever its factor."""
        return (self.reference / np.maximum(counts, FEWEST)) ** self.power

    def scores(self, classifier: AnalyticClassifier, phi: np.ndarray) -> np.ndarray:
        """Calibrated scores: [..., M] to [..., C], about 0 to 1."""
        return classifier.plain_scores(phi) * self.class_scale(classifier.counts)

    def best(self, classifier: AnalyticClassifier, phi: np.ndarray) -> tuple[str, float]:
        """What the windows phi [n, M] of one sound are called together, and the confidence from 0 to 1; without any
        class it is unknown."""
        reading = self.read(classifier, phi)
        if reading.winner is None:
            return UNKNOWN, 0.0
        return classifier.labels[reading.winner], float(reading.confidences[reading.winner])

    def read(self, classifier: AnalyticClassifier, phi: np.ndarray) -> Reading:
        """All that the windows phi [n, M] of one sound say together."""
        plain, leverage = classifier.plain_scores(phi).mean(0), float(classifier.leverage(phi).mean())
        return self.reading(plain, classifier.counts, classifier.own_scores(), leverage)

    def reading(self, plain: np.ndarray, counts: np.ndarray, own: np.ndarray, leverage: float) -> Reading:
        """The same from plain scores, counts and own scores [C], and h."""
        calibrated = plain * self.class_scale(counts)
        likeness = np.maximum(plain, 0.0) / np.maximum(own, FEWEST)
        strangeness = leverage / self.leverage_median
        evidence = np.maximum(calibrated, 0.0) ** (1 - self.own_share) * likeness**self.own_share
        confidences = np.clip(evidence - self.leverage_weight * strangeness, 0.0, 1.0)
        return Reading(int(calibrated.argmax()) if len(calibrated) else None, confidences, strangeness)
