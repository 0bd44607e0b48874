"""Linear discriminant analysis read from the ridge classifier's statistics, in place of argmax of phi W; and which of
the two calls more clips right that are left out.

Regression on indicator targets can hide a class that lies between others; discriminant analysis on the regression's
fitted values does not (masking and optimal scoring: Hastie, Tibshirani, Buja, JASA 1994; The Elements of Statistical
Learning, 4.2 and 12.5). It needs nothing that (G, Q, counts, gamma) do not hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pace_edge.analytic import AnalyticClassifier


def discriminant_scores(classifier: AnalyticClassifier, phi: np.ndarray) -> np.ndarray:
    """phi [n, M] to mu_c'S^-1 phi - mu_c'S^-1 mu_c / 2, [n, C], all classes as likely, with the means mu_c = Q_c / n_c
    and the scatter within classes S = G + gamma I - Q N^-1 Q', N = diag(n_c).

    By Woodbury's identity S^-1 Q N^-1 = W (N - Q'W)^-1, so the plain scores phi W and two [C, C] matrices are enough.
    """
    c = classifier
    return _from_plain(c.plain_scores(phi), c.Q.T @ c.W, c.counts)


def _from_plain(P: np.ndarray, B: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The discriminant's scores of the plain ones P = phi W [..., C], with B = Q'W [C, C]."""
    T = np.linalg.inv(np.diag(counts) - (B + B.T) / 2)
    return P @ T - np.diag(B @ T) / (2 * counts)


@dataclass
class LeftOut:
    """How many clips one read-out calls right and the other wrong, each clip left out."""

    plain_alone: int = 0
    discriminant_alone: int = 0

    def add(self, classifier: AnalyticClassifier, phi: np.ndarray, columns: np.ndarray) -> None:
        """Clips phi [n, M] that the classifier has learned with weight 1, and the numbers of their classes [n]. Exact,
        without learning again: with h = phi'R phi, e = (y - p) / (1 - h) and p = W'phi, leaving a clip out makes
        p - h e of p and B - p e' - y p' + h y e' of B = Q'W. A class's only clip cannot be called right: it is passed
        over."""
        P, B, counts = classifier.plain_scores(phi), classifier.Q.T @ classifier.W, classifier.counts
        for p, h, c in zip(P, classifier.leverage(phi), columns, strict=True):
            if counts[c] < 2:
                continue
            y = np.zeros(len(counts))
            y[c] = 1.0
            e = (y - p) / (1 - h)
            without, B_without = p - h * e, B - np.outer(p, e) - np.outer(y, p) + h * np.outer(y, e)
            plain = without.argmax() == c
            discriminant = _from_plain(without, B_without, counts - y).argmax() == c
            self.plain_alone += bool(plain and not discriminant)
            self.discriminant_alone += bool(discriminant and not plain)

    def prefers_discriminant(self) -> bool:
        return self.discriminant_alone > self.plain_alone
