"""A method for the benchmark from outside: FeCAM (Goswami et al., NeurIPS 2023, arXiv 2309.14062) on frozen embeddings.

    pace-edge benchmark run --data FOLDER --output RUNS --method examples/benchmark_fecam.py:FeCAM
    pace-edge benchmark report RUNS --to REPORT

A clip is called the class whose centre is nearest by that class's own Mahalanobis distance. The classes of a session
change nothing of others, so all that can be lost is what later classes take by being there to be mistaken for. Tukey's
transform, which wants features above 0, is left out.
"""

import numpy as np

from pace_edge.benchmark.method import Cost

SHRINK = 1.0  # gamma_1 and gamma_2


class FeCAM:
    def __init__(self, task):
        self.embed = task.embed  # clips to float32 [n, D], by the pretrained backbone
        self.centres = {}  # label -> mu, [D], of length 1
        self.precisions = {}  # label -> the inverse of its correlations, [D, D]
        self.details = {"shrink": SHRINK}

    def learn(self, session):
        z = self.embed(session.train).astype(np.float64)
        labels = np.array([clip.label for clip in session.train])
        for label in session.labels:
            mine = z[labels == label]
            away = mine - mine.mean(0)
            covariance = shrunk(away.T @ away / max(len(mine) - 1, 1))
            deviations = np.sqrt(covariance.diagonal())
            self.centres[label] = unit(mine.mean(0))
            self.precisions[label] = np.linalg.pinv(covariance / np.outer(deviations, deviations), hermitian=True)

    def call(self, clips):
        z, labels = unit(self.embed(clips).astype(np.float64)), list(self.centres)
        distances = [self.distances(z, label) for label in labels]
        return [labels[nearest] for nearest in np.argmin(distances, axis=0)]

    def distances(self, z, label):
        """Squared, of each of z [n, D] to the class's centre: [n]."""
        away = z - self.centres[label]
        return ((away @ self.precisions[label]) * away).sum(1)

    def cost(self):
        kept = [*self.centres.values(), *self.precisions.values()]
        return Cost(trainable_parameters=0, stored_bytes=sum(array.nbytes for array in kept))


def unit(z):
    return z / np.linalg.norm(z, axis=-1, keepdims=True).clip(1e-12)


def shrunk(covariance):
    """With the average variance added on the diagonal, and the average covariance beside it."""
    D, variance = len(covariance), covariance.trace()
    beside = (covariance.sum() - variance) / (D * (D - 1))
    diagonal = np.eye(D)
    return covariance + SHRINK * ((variance / D + 1e-9) * diagonal + beside * (1 - diagonal))
