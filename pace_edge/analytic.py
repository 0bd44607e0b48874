"""The analytic classifier: ridge regression on random features, taught and untaught exactly, one label at a time.

PACE 2.2 (arXiv 2602.03355) with RanPAC's projection (arXiv 2307.02251). Symbols are the paper's: z an embedding of
width D, phi its M features, G = sum w phi phi', Q = sum w phi y', R = (G + gamma I)^-1, W = R Q; w is an example's
weight. The truth is (G, Q, counts, gamma); R and W are kept up to date from it. All is float64: in float32 the
covariance form fails exactly where a device lives, with few labels and a small gamma.

R is held as R0 - U diag(sign) U' with a thin U (the deferred form): a label reads R0 once and writes nothing to it;
`fold` merges U when the listener is idle or U is full. NumPy only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pace_edge.errors import LearningError

THIN = 32  # columns of U before it must be folded
REBUILD_EVERY = 512  # rank-one steps between two solutions from the statistics
SOLVE_FROM = 64  # windows at once; from here on one solution is cheaper than a step for each
FEWEST = 1e-3  # examples; a count below it is rounding
ROUNDING = 1e-9  # of G's largest entry; sums may differ from their transpose by it
PIVOT = 1e-6  # smallest trusted 1 + w phi'R phi; below it the step is replaced by a solution from the statistics


class RandomProjection:
    """phi = relu(z W_proj) for a fixed random W_proj, with |phi| about |z| whatever D and M are.

    The normal entries are rounded to 1/32, so eight bits in a model file hold them exactly.
    """

    def __init__(self, steps: np.ndarray) -> None:
        """`steps`: int8 [D, M], W_proj in units of `scale`."""
        self.steps = steps
        self.scale = float(np.sqrt(2.0 / steps.shape[1]) / 32.0)
        self._weight = steps * self.scale

    @classmethod
    def random(cls, D: int, M: int, *, seed: int) -> RandomProjection:
        normal = np.random.default_rng(seed).standard_normal((D, M))
        return cls(np.clip(np.rint(32.0 * normal), -127, 127).astype(np.int8))

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Embeddings [..., D] to features [..., M], float64; alone or in a batch equal up to rounding."""
        return np.maximum(z.astype(np.float64) @ self._weight, 0.0)


class AnalyticClassifier:
    """Ridge regression whose every change is exact: after any sequence of changes W equals the batch solution.

    Labels keep their order; `counts[c]` is the total weight of class c's examples. One taught clip is one example,
    however many windows it has: pass them together and they share its weight.
    """

    def __init__(self, G: np.ndarray, Q: np.ndarray, counts: np.ndarray, labels: Sequence[str], gamma: float) -> None:
        """G [M, M], Q [M, C], counts [C], float64; `gamma` > 0 in the units of G's diagonal."""
        self.G, self.Q = np.array(G, np.float64), np.array(Q, np.float64)
        self.counts = np.array(counts, np.float64)
        self.labels = list(labels)
        self.gamma = float(gamma)
        self.W: np.ndarray
        self._rebuild()

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

    # Reading

    @property
    def R(self) -> np.ndarray:
        """[M, M], with every pending step folded in."""
        self.fold()
        return self._R0

    def plain_scores(self, phi: np.ndarray) -> np.ndarray:
        """phi W: [..., M] to [..., C], the paper's read-out."""
        return phi @ self.W

    def own_scores(self) -> np.ndarray:
        """What each class's own examples score on average, [C], in closed form: Q_c'W_c / counts_c; 0 without any."""
        return np.einsum("mc,mc->c", self.Q, self.W) / np.maximum(self.counts, FEWEST)

    def leverage(self, phi: np.ndarray) -> np.ndarray:
        """h = phi'R phi of each phi, [..., M] to [...]: near 0 among the examples, towards |phi|^2 / gamma far off."""
        h = np.sum(phi * (phi @ self._R0), axis=-1)
        if self._signs:
            h -= np.square(phi @ self._U[:, : len(self._signs)]) @ np.array(self._signs)
        return h

    # Changing

    def add_class(self, label: str) -> None:
        """A new class starts as a zero column: exact, since every example so far has target 0 for it."""
        if label in self.labels:
            return
        self.labels.append(label)
        zero = np.zeros((len(self.G), 1))
        self.Q, self.W = np.hstack([self.Q, zero]), np.hstack([self.W, zero])
        self.counts = np.append(self.counts, 0.0)

    def learn(self, phi: np.ndarray, label: str, weight: float = 1.0) -> None:
        """One example, `weight` > 0, of one window phi [M] or of several [windows, M] that share the weight."""
        self.learn_all([(phi, label)], weight)

    def learn_all(self, examples: Sequence[tuple[np.ndarray, str]], weight: float = 1.0) -> None:
        """Many (phi, label), as if `learn` were called for each; solved at once where that is cheaper."""
        rows = [self._checked_rows(phi) for phi, _ in examples]
        for _, label in examples:
            self.add_class(label)
        self._change(rows, [label for _, label in examples], weight)

    def unlearn(self, phi: np.ndarray, label: str, weight: float = 1.0) -> None:
        """Take back exactly what `learn` with the same arguments did.

        Raises LearningError, with nothing changed, when the class or the classifier cannot have learned it.
        """
        self._holding(label, weight)
        self._change([self._checked_rows(phi)], [label], -weight)

    def relabel(self, phi: np.ndarray, old: str, new: str, weight: float = 1.0) -> None:
        """An example taught as `old` is a `new`; R does not change: W[:, old] -= w R phi, W[:, new] += w R phi."""
        rows, a = self._checked_rows(phi), self._holding(old, weight)
        self.add_class(new)
        b, w = self._column(new), weight / len(rows)
        for row in rows:
            step = w * self._R_times(row)
            self.W[:, a] -= step
            self.W[:, b] += step
            self.Q[:, a] -= w * row
            self.Q[:, b] += w * row
        self.counts[a] -= weight
        self.counts[b] += weight

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

    def fold(self) -> None:
        """Merge the pending rank-one steps into R0 and G: do it when idle, reading does not need it."""
        if self._signs:
            U, signs = self._U[:, : len(self._signs)], np.array(self._signs)
            self._R0 -= (U * signs) @ U.T
            phi, w = np.array(self._pending_phi), np.array(self._pending_w)
            self.G += (phi.T * w) @ phi
            self._forget_pending()
        if self._since_rebuild >= REBUILD_EVERY:
            self._rebuild()

    # The arithmetic

    def _checked_rows(self, phi: np.ndarray) -> np.ndarray:
        rows = np.atleast_2d(np.asarray(phi, np.float64))
        if not len(rows) or rows.shape[1:] != (len(self.G),) or not np.isfinite(rows).all():
            raise LearningError(
                "these features do not fit the classifier",
                expected=f"finite values, {len(self.G)} a window", got=f"shape {rows.shape}", do="Nothing was changed.",
            )  # fmt: skip
        return rows

    def _change(self, examples: list[np.ndarray], labels: list[str], weight: float) -> None:
        """Add `weight` (negative: take away) of each example's rows [windows, M], shared among its windows."""
        columns = [self._column(label) for label in labels]
        if sum(map(len, examples)) > SOLVE_FROM:
            self._solve_with(examples, columns, weight)
        else:
            steps = [(row, c, weight / len(rows)) for rows, c in zip(examples, columns, strict=True) for row in rows]
            for done, (row, column, w) in enumerate(steps):
                try:
                    self._rank_one(row, column, w)
                except LearningError:  # an example is taken back whole or not at all
                    for row, column, w in reversed(steps[:done]):
                        self._rank_one(row, column, -w)
                    raise
        for column in columns:
            self.counts[column] += weight

    def _rank_one(self, phi: np.ndarray, column: int, w: float) -> None:
        """k = R phi;  R -= w k k' / (1 + w phi'k);  W += w k / (1 + w phi'k) (y - phi'W).   (PACE 2.2, w signed)"""
        k = self._R_times(phi)
        h = phi @ k
        pivot = 1.0 + w * h
        if not (h >= 0 and pivot > PIVOT):  # also when not finite: trust the statistics, not the step
            self._solve_with([phi[None]], [column], w)
            return
        error = -(phi @ self.W)
        error[column] += 1.0
        self.W += np.outer(k * (w / pivot), error)
        self.Q[:, column] += w * phi
        self._U[:, len(self._signs)] = k * np.sqrt(abs(w) / pivot)
        self._signs.append(float(np.sign(w)))
        self._pending_phi.append(phi)
        self._pending_w.append(w)
        self._since_rebuild += 1
        if len(self._signs) == THIN:
            self.fold()

    def _solve_with(self, examples: list[np.ndarray], columns: list[int], weight: float) -> None:
        """The same change through the statistics; all is put back if no solution exists."""
        self.fold()
        G, Q = self.G, self.Q
        phi = np.concatenate(examples)
        w = np.repeat([weight / len(rows) for rows in examples], [len(rows) for rows in examples])
        self.G, self.Q = G + (phi.T * w) @ phi, Q.copy()
        for rows, column in zip(examples, columns, strict=True):
            self.Q[:, column] += weight / len(rows) * rows.sum(0)
        try:
            self._rebuild()
        except np.linalg.LinAlgError:
            self.G, self.Q = G, Q
            raise LearningError(
                "this example cannot be taken back: the classifier never learned it", do="Nothing was changed."
            ) from None

    def _rebuild(self) -> None:
        """R and W from the statistics. Raises LinAlgError, with R and W as they were, unless G + gamma I > 0."""
        A = self.G + self.gamma * np.eye(len(self.G))
        np.linalg.cholesky(A)  # the cheapest proof that A is positive definite
        solution = np.linalg.solve(A, np.hstack([np.eye(len(A)), self.Q]))
        R, self.W = solution[:, : len(A)], solution[:, len(A) :].copy()
        self._R0 = (R + R.T) / 2.0
        self._since_rebuild = 0
        self._forget_pending()

    def _forget_pending(self) -> None:
        self._U = np.empty((len(self.G), THIN))
        self._signs: list[float] = []
        self._pending_phi: list[np.ndarray] = []
        self._pending_w: list[float] = []

    def _R_times(self, phi: np.ndarray) -> np.ndarray:
        k = self._R0 @ phi
        if self._signs:
            U = self._U[:, : len(self._signs)]
            k -= U @ (np.array(self._signs) * (U.T @ phi))
        return k

    def _holding(self, label: str, weight: float) -> int:
        """The column of a class that has examples of this total weight to give back."""
        column = self._column(label)
        if self.counts[column] < weight * (1 - 1e-9):
            raise LearningError(
                f"'{label}' has too few examples to take one back",
                expected=f"at least {weight:g}", got=f"{self.counts[column]:g}", do="Nothing was changed.",
            )  # fmt: skip
        return column

    def _column(self, label: str) -> int:
        try:
            return self.labels.index(label)
        except ValueError:
            raise LearningError(
                f"no class is called '{label}'", expected="one of " + ", ".join(self.labels), do="Nothing was changed."
            ) from None
