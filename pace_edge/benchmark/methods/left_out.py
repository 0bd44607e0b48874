"""Which read-out calls more clips right that are left out: argmax of phi W, or the discriminant (`discriminant.py`).

Exact and without learning again, of clips that are at hand while their session is learned; all that is kept of them is
two counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pace_edge.analytic import AnalyticClassifier
from pace_edge.benchmark.methods.discriminant import discriminant_of_plain


@dataclass
class LeftOut:
    """How many clips one read-out calls right and the other wrong, each clip left out."""

    plain_alone: int = 0
    discriminant_alone: int = 0

    def add(self, classifier: AnalyticClassifier, phi: np.ndarray, columns: np.ndarray) -> None:
        """Clips phi [n, M] that the classifier has learned with weight 1, and the numbers of their classes [n].

        With h = phi'R phi, p = W'phi and e = (y - p) / (1 - h), leaving a clip out makes p - h e of p and
        B - p e' - y p' + h y e' of B = Q'W. A class's only clip cannot be called right: it is passed over."""
        P, B, counts = classifier.plain_scores(phi), classifier.Q.T @ classifier.W, classifier.counts
        for p, h, c in zip(P, classifier.leverage(phi), columns, strict=True):
            if counts[c] < 2:
                continue
            y = np.zeros(len(counts))
            y[c] = 1.0
            e = (y - p) / (1 - h)
            without, B_without = p - h * e, B - np.outer(p, e) - np.outer(y, p) + h * np.outer(y, e)
            plain = without.argmax() == c
            discriminant = discriminant_of_plain(without, B_without, counts - y).argmax() == c
            self.plain_alone += bool(plain and not discriminant)
            self.discriminant_alone += bool(discriminant and not plain)

    def prefers_discriminant(self) -> bool:
        return self.discriminant_alone > self.plain_alone
