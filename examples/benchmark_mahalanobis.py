"""A method for the benchmark from outside: the nearest class mean by a Mahalanobis distance, on frozen embeddings.

    pace-edge benchmark run --data FOLDER --output RUNS --method examples/benchmark_mahalanobis.py:Mahalanobis
    pace-edge benchmark report RUNS --to REPORT

All classes share one covariance, of the clips around their class's mean, shrunk towards a multiple of the identity as
Ledoit and Wolf say (2004, doi 10.1016/S0047-259X(03)00096-4): by how much follows from the clips. All that is kept are
sums over clips, so neither the sessions' order nor their classes matter, and no clip is needed again.
"""

import numpy as np

from pace_edge.benchmark.method import Cost


class Mahalanobis:
    def __init__(self, task):
        self.embed = task.embed  # clips to float32 [n, D], by the pretrained backbone
        self.means = {}  # label -> [D]
        self.clips = 0
        self.scatter = 0.0  # sum over clips of x x', x the clip's embedding less its class's mean: [D, D]
        self.fourth = 0.0  # sum of ||x||^4
        self.details = {}

    def learn(self, session):
        z = self.embed(session.train).astype(np.float64)
        labels = np.array([clip.label for clip in session.train])
        for label in session.labels:
            mine = z[labels == label]
            self.means[label] = mine.mean(0)
            away = mine - self.means[label]
            self.clips += len(mine)
            self.scatter = self.scatter + away.T @ away
            self.fourth += (np.square(away).sum(1) ** 2).sum()

    def call(self, clips):
        z, labels = self.embed(clips).astype(np.float64), list(self.means)
        means = np.stack(list(self.means.values()))
        weights = np.linalg.solve(self.covariance(), means.T)  # [D, C]
        # ||z - mu||^2 in units of the covariance, without z's own part, which is the same for all classes
        scores = z @ weights - 0.5 * (means * weights.T).sum(1)
        return [labels[best] for best in scores.argmax(1)]

    def covariance(self):
        """Shrunk, [D, D]; never singular."""
        n, D = self.clips, len(self.scatter)
        found = self.scatter / n
        even = found.trace() / D
        apart = np.square(found - even * np.eye(D)).sum()
        noise = (self.fourth / n - np.square(found).sum()) / n
        share = min(noise / apart, 1.0) if apart > 0 else 1.0
        self.details["shrinkage"] = float(share)
        return (1 - share) * found + (share * even + 1e-12) * np.eye(D)

    def cost(self):
        kept = sum(mean.nbytes for mean in self.means.values()) + self.scatter.nbytes
        return Cost(trainable_parameters=0, stored_bytes=kept + 16)
