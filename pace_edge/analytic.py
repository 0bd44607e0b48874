"""The analytic classifier: ridge regression on random features, taught and untaught exactly, one label at a time.

PACE 2.2 (arXiv 2602.03355) with RanPAC's projection (arXiv 2307.02251). Symbols are the paper's: z an embedding of
width D, phi its M features, G = sum w phi phi', Q = sum w phi y', R = (G + gamma I)^-1, W = R Q; w is an example's
weight. The truth is (G, Q, counts, gamma); R and W are kept up to date from it. All is float64: in float32 the
covariance form fails exactly where a device lives, with few labels and a small gamma.

The arithmetic is in ridge.py: a label costs one reading of R; `fold` does the rest when the listener is idle. NumPy
only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from pace_edge.errors import LearningError
from pace_edge.ridge import FEWEST, Ridge

LARGEST = 127 / 32  # of a projection's entries, in units of a normal one
ROUNDING = 1e-9  # of G's largest entry; sums may differ from their transpose by it


class RandomProjection:
    """phi = relu(z W_proj) for a fixed W_proj: normal entries (`random`), with |phi| about |z| whatever D and M are, or
    others. They are rounded to 1/32, so eight bits in a model file hold them exactly.
    """

    def __init__(self, steps: np.ndarray) -> None:
        """`steps`: int8 [D, M], W_proj in units of `scale`."""
        self.steps = steps
        self.scale = float(np.sqrt(2.0 / steps.shape[1]) / 32.0)
        self._weight = steps * self.scale

    @classmethod
    def random(cls, D: int, M: int, *, seed: int) -> RandomProjection:
        return cls.rounded(np.random.default_rng(seed).standard_normal((D, M)))

    @classmethod
    def rounded(cls, entries: np.ndarray) -> RandomProjection:
        """The nearest to W_proj = sqrt(2 / M) entries, [D, M]; entries of more than LARGEST are cut there."""
        return cls(np.rint(32.0 * np.clip(entries, -LARGEST, LARGEST)).astype(np.int8))

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Embeddings [..., D] to features [..., M], float64; alone or in a batch equal up to rounding."""
        return np.maximum(z.astype(np.float64) @ self._weight, 0.0)


class AnalyticClassifier(Ridge):
    """Ridge regression whose every change is exact: after any sequence of changes W equals the batch solution.

    Labels keep their order; `counts[c]` is the total weight of class c's examples. One taught clip is one example,
    however many windows it has: pass them together and they share its weight.

    >>> import pace_edge
    >>> import numpy
    >>> classifier = pace_edge.AnalyticClassifier.empty(2, gamma=0.01)
    >>> classifier.learn(numpy.array([[1.0, 0.0]]), "doorbell")
    >>> classifier.learn(numpy.array([[0.0, 1.0]]), "phone")
    >>> classifier.labels[int(classifier.plain_scores(numpy.array([0.9, 0.1])).argmax())]
    'doorbell'
    """

    @classmethod
    def empty(cls, M: int, *, gamma: float) -> AnalyticClassifier:
        return cls(np.zeros((M, M)), np.zeros((M, 0)), np.zeros(0), (), gamma)

    @classmethod
    def from_solution(
        cls, R: np.ndarray, W: np.ndarray, counts: np.ndarray, labels: Sequence[str], gamma: float
    ) -> AnalyticClassifier:
        """From what a model file holds: R [M, M] and W [M, C] give G = R^-1 - gamma I and Q = R^-1 W."""
        inverse = np.linalg.inv(R)
        inverse = (inverse + inverse.T) / 2.0
        return cls(inverse - gamma * np.eye(len(R)), inverse @ W, counts, labels, gamma)

    @classmethod
    def restored(
        cls, G: np.ndarray, Q: np.ndarray, R: np.ndarray, counts: np.ndarray, labels: Sequence[str], gamma: float
    ) -> AnalyticClassifier:
        """From statistics and an R that was kept beside them; solved afresh where R does not fit them."""
        classifier = cls.__new__(cls)
        classifier._take(G, Q, counts, labels, gamma)
        classifier._take_R(np.array(R, np.float64))
        classifier.W = classifier._R.times(classifier.Q.T).T
        classifier._check(classifier._rng.choice([-1.0, 1.0], len(classifier.G)))
        return classifier

    # Reading

    def plain_scores(self, phi: np.ndarray) -> np.ndarray:
        """phi W: [..., M] to [..., C], the paper's read-out."""
        return phi @ self.W

    def own_scores(self) -> np.ndarray:
        """What each class's own examples score on average, [C], in closed form: Q_c'W_c / counts_c; 0 without any."""
        return np.einsum("mc,mc->c", self.Q, self.W) / np.maximum(self.counts, FEWEST)

    # Changing

    def arrange(self, labels: Sequence[str]) -> None:
        """These classes, in this order. A class that is left out can no longer be named; what was learned of it stays
        in G, where it goes on speaking against the others: exact for the classes that are left."""
        columns = [self._column(label) for label in labels]
        self.labels, self.counts = list(labels), self.counts[columns]
        self.Q, self.W = self.Q[:, columns], self.W[:, columns]

    def learn(self, phi: np.ndarray, label: str, weight: float = 1.0) -> None:
        """One example, `weight` > 0, of one window phi [M] or of several [windows, M] that share the weight."""
        self.learn_all([(phi, label)], weight)

    def learn_all(self, examples: Iterable[tuple[np.ndarray, str]], weight: float = 1.0) -> None:
        """Many (phi, label), as if `learn` were called for each; solved at once where that is cheaper."""
        self._change(examples, weight)

    def unlearn(self, phi: np.ndarray, label: str, weight: float = 1.0) -> None:
        """Take back exactly what `learn` with the same arguments did.

        Raises LearningError, with nothing changed, when the class or the classifier cannot have learned it.
        """
        self.unlearn_all([(phi, label)], weight)

    def unlearn_all(self, examples: Iterable[tuple[np.ndarray, str]], weight: float = 1.0) -> None:
        """Many (phi, label), as if `unlearn` were called for each."""
        self._change(examples, -weight)

    def relabel(self, phi: np.ndarray, old: str, new: str, weight: float = 1.0) -> None:
        """An example taught as `old` is a `new`; R does not change."""
        self.relabel_all([(phi, old, new)], weight)

    def relabel_all(self, examples: Iterable[tuple[np.ndarray, str, str]], weight: float = 1.0) -> None:
        """Many (phi, old, new): R is read once for each pair of labels."""
        moves: dict[tuple[str, str], tuple[np.ndarray, float]] = {}
        for phi, old, new in examples:
            q, count = moves.get((old, new), (0.0, 0.0))
            moves[old, new] = q + weight * self._checked_rows(phi).mean(0), count + weight
        for old in {old for old, _ in moves}:  # all or none
            self._holding(old, sum(count for (label, _), (_, count) in moves.items() if label == old))
        for (old, new), (q, count) in moves.items():
            self.move(q, count, old=old, new=new)

    def move(self, q: np.ndarray, count: float, *, old: str | None, new: str | None) -> None:
        """The examples behind q [M], a share of Q's column `old`, are of the class `new`; None: of none that is named.

        W[:, old] -= R q, W[:, new] += R q. Raises LearningError, with nothing changed.
        """
        a = None if old is None else self._holding(old, count)
        step = self._R.times(q)
        if new is not None:
            self.add_class(new)
        for column, sign in ((a, -1.0), (None if new is None else self._column(new), 1.0)):
            if column is not None:
                self.W[:, column] += sign * step
                self.Q[:, column] += sign * q
                self.counts[column] += sign * count

    def add_sums(
        self, G: np.ndarray, Q: np.ndarray, counts: np.ndarray, labels: Sequence[str], gamma: float | None = None
    ) -> None:
        """All examples behind other sums at once; the union is exact. Labels not known yet come after those that are.

        G [M, M], Q [M, C] and counts [C] are of the same features, from a classifier after `fold`; `gamma` None keeps
        the one there is. Raises LearningError, with nothing changed, when they cannot be.
        """
        G, Q, counts = (np.asarray(part, np.float64) for part in (G, Q, counts))
        M, C = len(self.G), len(labels)
        if (G.shape, Q.shape, counts.shape) != ((M, M), (M, C), (C,)) or len(set(labels)) < C:
            raise LearningError(
                "these sums do not fit the classifier",
                expected=f"G {(M, M)}, Q {(M, C)}, counts {(C,)} and {C} different labels",
                got=f"G {G.shape}, Q {Q.shape}, counts {counts.shape} and {len(set(labels))}",
                do="Nothing was changed.",
            )  # fmt: skip
        plausible = all(np.isfinite(part).all() for part in (G, Q, counts)) and (counts > -FEWEST).all()
        if not plausible or np.abs(G - G.T).max(initial=0.0) > ROUNDING * np.abs(G).max(initial=0.0):
            raise LearningError(
                "these sums are not those of examples",
                expected="finite values, a symmetric G, counts from 0", do="Nothing was changed.",
            )  # fmt: skip
        self.fold()
        union = [*self.labels, *(label for label in labels if label not in self.labels)]
        columns, known = [union.index(label) for label in labels], len(self.labels)
        both_Q, both_counts = np.zeros((M, len(union))), np.zeros(len(union))
        both_Q[:, :known], both_counts[:known] = self.Q, self.counts
        both_Q[:, columns] += Q
        both_counts[columns] += counts
        try:
            both = AnalyticClassifier(self.G + G, both_Q, both_counts, union, gamma or self.gamma)
        except np.linalg.LinAlgError:
            raise LearningError(
                "these sums are not those of examples", expected="a G without negative directions",
                do="Nothing was changed.",
            ) from None  # fmt: skip
        vars(self).update(vars(both))
