"""The arithmetic of one view of the analytic classifier: a ridge solution, stepped forward and back, solved, checked
and healed. It knows columns; their labels and counts are the classifier's (analytic.py).

The truth is (G, Q, gamma); R and W are a cache that rank-one steps keep up to date. R is held in the deferred form
(inverse.py): a label reads it once and writes nothing to it. A step whose pivot is not to be trusted is replaced by a
solution from the statistics; each fold checks the fast path against the truth, and mends it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pace_edge.errors import LearningError
from pace_edge.inverse import DeferredInverse, add_products

REBUILD_EVERY = 512  # rank-one steps between two solutions from the statistics
SOLVE_FROM = 64  # windows at once; from here on, or from M / 8, one solution is cheaper than a step for each
PIVOT = 1e-6  # smallest trusted 1 + w phi'R phi; below it the step is replaced by a solution from the statistics
SAME = 1e-6  # W's error, relative to its largest entry or 1, of a Q and a W that belong together
TRUSTED = 1e-10  # of W: an error that is left alone; of R a thousand times as much, since W is healed through it

Step = tuple[np.ndarray, int, float]  # phi [M] of the class in this column, with the weight w; negative takes it away


class Ridge:
    """W = (G + gamma I)^-1 Q, and every change of it.

    `Q` [M, C] and `W` [M, C] are up to date after every change, `G` [M, M] after `fold`. To be read, not written.
    """

    def __init__(self, G: np.ndarray, Q: np.ndarray, gamma: float) -> None:
        """G [M, M], Q [M, C], float64, are copied; `gamma` > 0 in the units of G's diagonal. Raises LinAlgError unless
        G + gamma I > 0."""
        self._take(G, Q, gamma)
        self._rebuild()

    @classmethod
    def from_solution(cls, R: np.ndarray, W: np.ndarray, gamma: float, Q: np.ndarray | None = None) -> Ridge:
        """R [M, M] and W [M, C] give G = R^-1 - gamma I and, where it is not given, Q [M, C] = R^-1 W. Raises
        ValueError where the Q that is given has another W."""
        inverse = np.linalg.inv(R)
        inverse = (inverse + inverse.T) / 2.0
        G = inverse - gamma * np.eye(len(R))
        if Q is None:
            return cls(G, inverse @ W, gamma)
        view, largest = cls(G, Q, gamma), max(1.0, np.abs(W).max(initial=0.0))
        if view.W.shape != W.shape or np.abs(view.W - W).max(initial=0.0) > SAME * largest:
            raise ValueError("its Q is not that of its W")
        return view

    @classmethod
    def restored(cls, G: np.ndarray, Q: np.ndarray, R: np.ndarray, gamma: float) -> Ridge:
        """From statistics and an R that was kept beside them; solved afresh where R does not fit them."""
        view = cls.__new__(cls)
        view._take(G, Q, gamma)
        view._take_R(np.array(R, np.float64))
        view.W = view._R.times(view.Q.T).T
        view._check(view._rng.choice([-1.0, 1.0], len(view.G)))
        return view

    def _take(self, G: np.ndarray, Q: np.ndarray, gamma: float) -> None:
        self.G, self.Q = np.array(G, np.float64), np.array(Q, np.float64)
        self.gamma = float(gamma)
        self.W: np.ndarray
        self._pending_phi: list[np.ndarray] = []
        self._pending_w: list[float] = []
        self._rng = np.random.default_rng(0)

    # Reading

    @property
    def R(self) -> np.ndarray:
        """[M, M], with every pending step folded in."""
        self.fold()
        return self._R.R0

    @property
    def mean_gain(self) -> float:
        """What a squared length of features scores on average, (M - gamma trace R) / trace G."""
        return (len(self.G) - self.gamma * float(np.trace(self.R))) / float(np.trace(self.G))

    def times(self, phi: np.ndarray) -> np.ndarray:
        """R phi of each phi, [M] or [n, M], to the same shape."""
        return self._R.times(phi)

    def leverage(self, phi: np.ndarray) -> np.ndarray:
        """h = phi'R phi of each phi, [..., M] to [...]: near 0 among the examples, towards |phi|^2 / gamma far off."""
        return self._R.leverage(phi)

    def sums(self) -> tuple[np.ndarray, np.ndarray]:
        """Copies of G and Q with every pending step in them."""
        G = self.G.copy()
        if self._pending_phi:
            add_products(G, np.array(self._pending_phi), np.array(self._pending_w))
        return G, self.Q.copy()

    # Changing

    def add_column(self) -> None:
        """A new class starts as a zero column: exact, since every example so far has target 0 for it."""
        zero = np.zeros((len(self.G), 1))
        self.Q, self.W = np.hstack([self.Q, zero]), np.hstack([self.W, zero])

    def arrange(self, columns: Sequence[int]) -> None:
        """These columns, in this order; what was learned of others stays in G: exact for those that are left."""
        columns = list(columns)
        self.Q, self.W = self.Q[:, columns], self.W[:, columns]

    def move(self, q: np.ndarray, *, old: int | None, new: int | None) -> None:
        """The examples behind q [M], a share of Q's column `old`, are of the column `new`; None: of none.

        W[:, old] -= R q, W[:, new] += R q.
        """
        step = self._R.times(q)
        for column, sign in ((old, -1.0), (new, 1.0)):
            if column is not None:
                self.W[:, column] += sign * step
                self.Q[:, column] += sign * q

    def step(self, steps: Sequence[Step]) -> None:
        """Rank-one steps, all or none; R is read once for as many as fit before a fold. Raises LearningError."""
        done = 0
        while done < len(steps):
            block = steps[done : done + self._R.room]
            rows = np.array([phi for phi, _, _ in block])
            first = rows @ self._R.R0 if len(rows) > 1 else (self._R.R0 @ rows[0])[None]
            for (phi, column, w), k0 in zip(block, first, strict=True):
                try:
                    stale = not self._rank_one(phi, column, w, self._R.corrected(k0, phi))
                except LearningError:  # an example is taken back whole or not at all
                    self.step_back(steps[:done])
                    raise
                done += 1
                if stale:
                    break
            if not self._R.room:
                self.fold()

    def step_back(self, steps: Sequence[Step]) -> None:
        """As if these steps, the latest, had not been made."""
        for phi, column, w in reversed(steps):
            self.step([(phi, column, -w)])

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

    def _rank_one(self, phi: np.ndarray, column: int, w: float, k: np.ndarray) -> bool:
        """R -= w k k' / (1 + w phi'k);  W += w k / (1 + w phi'k) (y - phi'W)  with k = R phi.   (PACE 2.2, w signed)

        False: the step was not to be trusted, and R is solved afresh.
        """
        h = phi @ k
        pivot = 1.0 + w * h
        if not (h >= 0 and pivot > PIVOT):  # also when not finite: trust the statistics, not the step
            G, Q = self.sums()
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

    def _adopt(self, G: np.ndarray, Q: np.ndarray) -> None:
        """These statistics in place of those there are. Raises LearningError, with nothing changed."""
        before = self.G, self.Q
        self.G, self.Q = G, Q
        try:
            self._rebuild()
        except np.linalg.LinAlgError:
            self.G, self.Q = before
            raise never_learned() from None

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
            u = self._rng.choice([-1.0, 1.0], self.Q.shape[1])
            x = np.stack([self.W @ u, probe])
            Ax = x @ self.G + self.gamma * x
            off = np.abs(np.stack([self.Q @ u - Ax[0], Ax[1]]) @ self._R.R0 - [[0.0], [1.0]] * x).max(1)
            if off[1] > 1000 * TRUSTED * np.abs(probe).max() or not np.isfinite(off).all():
                break
            if off[0] <= TRUSTED * max(1.0, np.abs(x[0]).max()):
                return
            self.W += self._R.R0 @ (self.Q - self.G @ self.W - self.gamma * self.W)
        self._rebuild()


def never_learned() -> LearningError:
    """Why statistics without an example have no solution."""
    return LearningError(
        "this example cannot be taken back: the classifier never learned it", do="Nothing was changed."
    )
