"""Deep streaming LDA (Hayes and Kanan, CVPR Workshops 2020, arXiv 1909.01520) on the frozen backbone's embeddings.

Symbols are the paper's: mu_k and c_k a class's running mean and count, Sigma the covariance that all classes share, t
how many clips it is made of. Sigma is plastic (it goes on being updated) and begins with the first session, the paper's
base initialisation: its shrunk covariance (OAS) around the class means. There it is LDA on the batch.

After it the update is the paper's and not the exact within-class scatter: it is t / (t + 1) of the deviation from the
mean BEFORE the clip, where the exact one is c_k / (c_k + 1) of it, and a new class's mean begins at 0. So means never
depend on the order, and Sigma does a little.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pace_edge.adapt.data import Clip
from pace_edge.adapt.sessions import Session
from pace_edge.benchmark.method import Cost, Entry, Task
from pace_edge.benchmark.methods.scale import unit_variance

EPSILON = 1e-4  # the paper's shrinkage of Sigma towards I when it is inverted


class StreamingLDA:
    def __init__(self, task: Task, *, epsilon: float = EPSILON) -> None:
        D = task.backbone.embedding_size
        self._embed, self.epsilon = task.embed, epsilon
        self.labels: list[str] = []
        self.mu, self.c, self.t = np.zeros((0, D)), np.zeros(0), 0
        self.Sigma = np.zeros((D, D))
        self._solved: tuple[np.ndarray, np.ndarray] | None = None

    def learn(self, session: Session) -> None:
        self.labels += session.labels
        self.mu = np.concatenate([self.mu, np.zeros((len(session.labels), self.mu.shape[1]))])
        self.c = np.concatenate([self.c, np.zeros(len(session.labels))])
        z = unit_variance(self._embed(session.train).astype(np.float64))
        y = np.array([self.labels.index(clip.label) for clip in session.train])
        first = not self.t
        deviations = self._stream(z, y)
        if first:
            self.Sigma = oas(z - self.mu[y])
        else:  # the rank-one updates (eq. 2 and 3) of all clips at once: t Sigma is a sum
            t = self.t - len(z) + np.arange(len(z))  # before each clip
            self.Sigma = ((self.t - len(z)) * self.Sigma + (deviations.T * (t / (t + 1))) @ deviations) / self.t
        self._solved = None

    def _stream(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        """mu_k and c_k clip by clip (eq. 1); each clip's deviation from mu_k before it, [n, D]."""
        deviations = np.empty_like(z)
        for i, k in enumerate(y):
            deviations[i] = z[i] - self.mu[k]
            self.mu[k] += deviations[i] / (self.c[k] + 1)
            self.c[k] += 1
        self.t += len(z)
        return deviations

    def scores(self, z: np.ndarray) -> np.ndarray:
        """[n, D] at unit variance to [n, C]: W z + b with w_k = Lambda mu_k, b_k = -mu_k' Lambda mu_k / 2 (eq. 4)."""
        if self._solved is None:
            Lambda_inverse = (1 - self.epsilon) * self.Sigma + self.epsilon * np.eye(len(self.Sigma))
            W = np.linalg.solve(Lambda_inverse, self.mu.T)  # [D, C]
            self._solved = W, -0.5 * np.einsum("kd,dk->k", self.mu, W)
        W, b = self._solved
        return z @ W + b

    def call(self, clips: Sequence[Clip]) -> list[str]:
        z = unit_variance(self._embed(clips).astype(np.float64))
        return [self.labels[k] for k in self.scores(z).argmax(1)]

    def cost(self) -> Cost:
        return Cost(0, self.mu.nbytes + self.c.nbytes + self.Sigma.nbytes)


def oas(x: np.ndarray) -> np.ndarray:
    """Oracle-approximating shrinkage of the covariance of centred rows x [n, D] towards its mean variance times I
    (Chen et al. 2010, eq. 23, as scikit-learn has it)."""
    n, D = x.shape
    S = x.T @ x / n
    mean_variance, alpha = np.trace(S) / D, np.square(S).mean()
    least = (n + 1) * (alpha - mean_variance**2 / D)
    rho = 1.0 if least == 0 else min((alpha + mean_variance**2) / least, 1.0)
    return (1 - rho) * S + rho * mean_variance * np.eye(D)


SLDA = {"SLDA": Entry(StreamingLDA, "Hayes and Kanan, CVPR Workshops 2020, arXiv 1909.01520", trains=False)}
