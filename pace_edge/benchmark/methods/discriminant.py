"""Linear discriminant analysis read from the ridge classifier's statistics, in place of argmax of phi W.

Regression on indicator targets can hide a class that lies between others; discriminant analysis on the regression's
fitted values does not (masking and optimal scoring: Hastie, Tibshirani, Buja, JASA 1994; The Elements of Statistical
Learning, 4.2 and 12.5). It needs nothing that (G, Q, counts, gamma) do not hold.
"""

from __future__ import annotations

import numpy as np

from pace_edge.analytic import AnalyticClassifier


def discriminant_scores(classifier: AnalyticClassifier, phi: np.ndarray) -> np.ndarray:
    """phi [n, M] to mu_c'S^-1 phi - mu_c'S^-1 mu_c / 2, [n, C], all classes as likely, with the means mu_c = Q_c / n_c
    and the scatter within classes S = G + gamma I - Q N^-1 Q', N = diag(n_c).

    By Woodbury's identity S^-1 Q N^-1 = W (N - Q'W)^-1, so the plain scores phi W and two [C, C] matrices are enough.
    The classifier has one view, as all that are benchmarked.
    """
    c = classifier
    return discriminant_of_plain(c.plain_scores(phi), c.Q.T @ c.W, c.counts)


def discriminant_of_plain(P: np.ndarray, B: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The discriminant's scores of the plain ones P = phi W [..., C], with B = Q'W [C, C]."""
    T = np.linalg.inv(np.diag(counts) - (B + B.T) / 2)
    return P @ T - np.diag(B @ T) / (2 * counts)
