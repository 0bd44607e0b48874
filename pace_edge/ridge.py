"""The arithmetic of the analytic classifier: the ridge solution, stepped forward and back, solved, checked and healed.

The truth is (G, Q, counts, gamma); R and W are a cache that rank-one steps keep up to date. R is held in the deferred
form (inverse.py): a label reads it once and writes nothing to it. A step whose pivot is not to be trusted is replaced
by a solution from the statistics; each fold checks the fast path against the truth, and mends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from pace_edge.errors import LearningError
from pace_edge.inverse import DeferredInverse, add_products

REBUILD_EVERY = 512  # rank-one steps between two solutions from the statistics
SOLVE_FROM = 64  # windows at once; from here on, or from M / 8, one solution is cheaper than a step for each
BATCH = 1024  # windows whose products are summed at once: bounds the memory
FEWEST = 1e-3  # examples; a count below it is rounding
PIVOT = 1e-6  # smallest trusted 1 + w phi'R phi; below it the step is replaced by a solution from the statistics
TRUSTED = 1e-10  # of W: an error that is left alone; of R a thousand times as much, since W is healed through it


class Ridge:
    """W = (G + gamma I)^-1 Q, and every change of it."""

    def __init__(self, G: np.ndarray, Q: np.ndarray, counts: np.ndarray, labels: Sequence[str], gamma: float) -> None:
        """G [M, M], Q [M, C], counts [C], float64; `gamma` > 0 in the units of G's diagonal."""
        self._take(G, Q, counts, labels, gamma)
        self._rebuild()

    def _take(self, G: np.ndarray, Q: np.ndarray, counts: np.ndarray, labels: Sequence[str], gamma: float) -> None:
        self.G, self.Q = np.array(G, np.float64), np.array(Q, np.float64)
        self.counts = np.array(counts, np.float64)
        self.labels = list(labels)
        self.gamma = float(gamma)
        self.W: np.ndarray
        self._pending_phi: list[np.ndarray] = []
        self._pending_w: list[float] = []
        self._rng = np.random.default_rng(0)

    @property
    def R(self) -> np.ndarray:
        """[M, M], with every pending step folded in."""
        self.fold()
        return self._R.R0

    def R_times(self, phi: np.ndarray) -> np.ndarray:
        """R phi of each phi, [M] or [n, M], to the same shape."""
        return self._R.times(phi)

    def leverage(self, phi: np.ndarray) -> np.ndarray:
        """h = phi'R phi of each phi, [..., M] to [...]: near 0 among the examples, towards |phi|^2 / gamma far off."""
        return self._R.leverage(phi)

    def add_class(self, label: str) -> None:
        """A new class starts as a zero column: exact, since every example so far has target 0 for it."""
        if label in self.labels:
            return
        self.labels.append(label)
        zero = np.zeros((len(self.G), 1))
        self.Q, self.W = np.hstack([self.Q, zero]), np.hstack([self.W, zero])
        self.counts = np.append(self.counts, 0.0)

    def fold(self) -> None:
        """Merge the pending rank-one steps into R and G: do it when idle, reading does not need it."""
        if self._R.pending:
            self._R.fold()
            add_products(self.G, np.array(self._pending_phi), np.array(self._pending_w))
            probe = self._pending_phi[-1]
            self._pending_phi, self._pending_w = [], []
            self._check(probe)
        if self._since_rebuild >= REBUILD_EVERY:
            self._rebuild()

    def _checked_rows(self, phi: np.ndarray) -> np.ndarray:
        rows = np.atleast_2d(np.asarray(phi, np.float64))
        if not len(rows) or rows.shape[1:] != (len(self.G),) or not np.isfinite(rows).all():
            raise LearningError(
                "these features do not fit the classifier",
                expected=f"finite values, {len(self.G)} a window", got=f"shape {rows.shape}", do="Nothing was changed.",
            )  # fmt: skip
        return rows

    def _change(self, examples: Iterable[tuple[np.ndarray, str]], weight: float) -> None:
        """Add `weight` (negative: take away) of each example's rows [windows, M], shared among its windows."""
        stream, few, rows = iter(examples), [], 0
        for phi, label in stream:
            few.append((self._checked_rows(phi), label))
            rows += len(few[-1][0])
            if rows > max(SOLVE_FROM, len(self.G) // 8):
                self._solve_with(chain(few, ((self._checked_rows(phi), label) for phi, label in stream)), weight)
                return
        for _, label in few:
            if weight > 0:
                self.add_class(label)
            else:
                self._holding(label, -weight * sum(name == label for _, name in few))
        self._step_through([(row, self._column(label), weight / len(rows)) for rows, label in few for row in rows])
        for _, label in few:
            self.counts[self._column(label)] += weight

    def _step_through(self, steps: list[tuple[np.ndarray, int, float]]) -> None:
        """Rank-one steps (phi, column, w), all or none; R is read once for as many as fit before a fold."""
        done = 0
        while done < len(steps):
            block = steps[done : done + self._R.room]
            rows = np.array([phi for phi, _, _ in block])
            first = rows @ self._R.R0 if len(rows) > 1 else (self._R.R0 @ rows[0])[None]
            for (phi, column, w), k0 in zip(block, first, strict=True):
                try:
                    stale = not self._rank_one(phi, column, w, self._R.corrected(k0, phi))
                except LearningError:  # an example is taken back whole or not at all
                    for phi, column, w in reversed(steps[:done]):
                        self._step_through([(phi, column, -w)])
                    raise
                done += 1
                if stale:
                    break
            if not self._R.room:
                self.fold()

    def _rank_one(self, phi: np.ndarray, column: int, w: float, k: np.ndarray) -> bool:
        """R -= w k k' / (1 + w phi'k);  W += w k / (1 + w phi'k) (y - phi'W)  with k = R phi.   (PACE 2.2, w signed)

        False: the step was not to be trusted, and R is solved afresh.
        """
        h = phi @ k
        pivot = 1.0 + w * h
        if not (h >= 0 and pivot > PIVOT):  # also when not finite: trust the statistics, not the step
            G, Q = self._now()
            Q[:, column] += w * phi
            self._adopt(G + w * np.outer(phi, phi), Q)
            return False
        error = -(phi @ self.W)
        error[column] += 1.0
        self.W += np.outer(k * (w / pivot), error)
        self.Q[:, column] += w * phi
        self._R.subtract(k * np.sqrt(abs(w) / pivot), float(np.sign(w)))
        self._pending_phi.append(phi)
        self._pending_w.append(w)
        self._since_rebuild += 1
        return True

    def _solve_with(self, examples: Iterator[tuple[np.ndarray, str]], weight: float) -> None:
        """The same change through the statistics, in batches; nothing is changed if no solution exists."""
        G, Q = self._now()
        labels, sums, counts = list(self.labels), list(Q.T), list(self.counts)
        batch: list[np.ndarray] = []
        for rows, label in examples:
            if label not in labels and weight > 0:
                labels.append(label)
                sums.append(np.zeros(len(G)))
                counts.append(0.0)
            column = labels.index(label) if label in labels else self._column(label)
            sums[column] = sums[column] + weight * rows.mean(0)
            counts[column] += weight
            batch.append(rows * np.sqrt(abs(weight) / len(rows)))
            if sum(map(len, batch)) >= BATCH:
                _add_squares(G, batch, weight)
        _add_squares(G, batch, weight)
        if min(counts) < -FEWEST:
            short = labels[int(np.argmin(counts))]
            self._holding(short, self.counts[self._column(short)] - min(counts))
        self._adopt(G, np.array(sums).T.reshape(len(G), len(labels)))
        self.labels, self.counts = labels, np.array(counts)

    def _now(self) -> tuple[np.ndarray, np.ndarray]:
        """Copies of G and Q with every pending step in them."""
        G = self.G.copy()
        if self._pending_phi:
            add_products(G, np.array(self._pending_phi), np.array(self._pending_w))
        return G, self.Q.copy()

    def _adopt(self, G: np.ndarray, Q: np.ndarray) -> None:
        """These statistics in place of those there are. Raises LearningError, with nothing changed."""
        before = self.G, self.Q
        self.G, self.Q = G, Q
        try:
            self._rebuild()
        except np.linalg.LinAlgError:
            self.G, self.Q = before
            raise LearningError(
                "this example cannot be taken back: the classifier never learned it", do="Nothing was changed."
            ) from None

    def _rebuild(self) -> None:
        """R and W from the statistics. Raises LinAlgError, with R and W as they were, unless G + gamma I > 0."""
        A = self.G + self.gamma * np.eye(len(self.G))
        np.linalg.cholesky(A)  # the cheapest proof that A is positive definite
        solution = np.linalg.solve(A, np.hstack([np.eye(len(A)), self.Q]))
        R, self.W = solution[:, : len(A)], solution[:, len(A) :].copy()
        self._take_R((R + R.T) / 2.0)

    def _take_R(self, R: np.ndarray) -> None:
        self._R = DeferredInverse(R)
        self._since_rebuild = 0
        self._pending_phi, self._pending_w = [], []

    def _check(self, probe: np.ndarray) -> None:
        """Is (G + gamma I) W = Q, on a random combination of the classes, and R the inverse, on `probe` [M]? It costs
        two readings of G and R. W is mended by one step of iterative refinement, R by a solution."""
        for _ in range(2):
            u = self._rng.choice([-1.0, 1.0], len(self.labels))
            x = np.stack([self.W @ u, probe])
            Ax = x @ self.G + self.gamma * x
            off = np.abs(np.stack([self.Q @ u - Ax[0], Ax[1]]) @ self._R.R0 - [[0.0], [1.0]] * x).max(1)
            if off[1] > 1000 * TRUSTED * np.abs(probe).max() or not np.isfinite(off).all():
                break
            if off[0] <= TRUSTED * max(1.0, np.abs(x[0]).max()):
                return
            self.W += self._R.R0 @ (self.Q - self.G @ self.W - self.gamma * self.W)
        self._rebuild()

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


def _add_squares(G: np.ndarray, batch: list[np.ndarray], weight: float) -> None:
    """G += or -= the products of the rows in `batch`, which is emptied."""
    if batch:
        rows = np.concatenate(batch)
        add_products(G, rows, np.full(len(rows), np.sign(weight)))
        batch.clear()
