"""The analytic classifier: ridge regression on random features, taught and untaught exactly, one label at a time.

PACE 2.2 (arXiv 2602.03355) with RanPAC's projection (arXiv 2307.02251). Symbols are the paper's: z an embedding of
width D, phi its M features, G = sum w phi phi', Q = sum w phi y', R = (G + gamma I)^-1, W = R Q; w is an example's
weight. The truth is (G, Q, counts, gamma); R and W are kept up to date from it. All is float64: in float32 the
covariance form fails exactly where a device lives, with few labels and a small gamma.

The paper has one such solution. Here there may be V side by side, the views: each has M of a window's V M features, its
own gamma, and no part in the others' solutions; all are taught the same labels. Where one embedding serves words and
another voices, their scores added serve both, and all stays exact.

Beside them stand the squares, S_vc = sum w |mean phi_v|^2 over the examples of class c: with Q and counts they say how
far a class's examples lie from their mean, which no solution tells (readout.py). They add up as the other sums do.
Older files do not have them; then they are None, and stay so.

Shapes, here and in a model file: W and Q are [V M, C], one view below the other. G and R are [M, M] of one view and
[V, M, M] of several; gamma is a number of one view and V numbers of several; squares are [V, C].

The arithmetic of a view is in ridge.py: a label costs one reading of each R; `fold` does the rest when the listener is
idle. NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

import numpy as np

from pace_edge.errors import LearningError
from pace_edge.inverse import add_products
from pace_edge.ridge import SOLVE_FROM, Ridge, never_learned

LARGEST = 127 / 32  # of a projection's entries, in units of a normal one
ROUNDING = 1e-9  # of G's largest entry; sums may differ from their transpose by it
FEWEST = 1e-3  # examples; a count below it is rounding
BATCH = 1024  # windows whose products are summed at once: bounds the memory

T = TypeVar("T")


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

    @classmethod
    def beside(cls, projections: Sequence[RandomProjection]) -> RandomProjection:
        """Of embeddings side by side: each projection reads its own columns, and their features stand side by side."""
        D, M = (sum(p.steps.shape[axis] for p in projections) for axis in (0, 1))
        steps, row, column = np.zeros((D, M), np.int8), 0, 0
        for part in (p.steps for p in projections):
            steps[row : row + len(part), column : column + part.shape[1]] = part
            row, column = row + len(part), column + part.shape[1]
        return cls(steps)

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Embeddings [..., D] to features [..., M], float64; alone or in a batch equal up to rounding."""
        return np.maximum(z.astype(np.float64) @ self._weight, 0.0)


class AnalyticClassifier:
    """Ridge regression whose every change is exact: after any sequence of changes each view's W equals its batch
    solution, and a change that cannot be made changes no view.

    `labels` keep their order; `counts[c]` is the total weight of class c's examples, `squares[v, c]` the weighed sum of
    their squared lengths in view v, None where nobody counted them; `views` hold the solutions. One taught clip is one
    example, however many windows it has: pass them together and they share its weight.

    >>> import pace_edge
    >>> import numpy
    >>> classifier = pace_edge.AnalyticClassifier.empty(2, gamma=0.01)
    >>> classifier.learn(numpy.array([[1.0, 0.0]]), "doorbell")
    >>> classifier.learn(numpy.array([[0.0, 1.0]]), "phone")
    >>> classifier.labels[int(classifier.plain_scores(numpy.array([0.9, 0.1])).argmax())]
    'doorbell'
    """

    def __init__(
        self, G: np.ndarray, Q: np.ndarray, counts: np.ndarray, labels: Sequence[str], gamma: float | Sequence[float],
        *, squares: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        """G [M, M] or [V, M, M], Q [V M, C], counts [C], squares [V, C], float64; `gamma` > 0 in the units of G's
        diagonal, one for all views or one each. Raises LinAlgError unless each G + gamma I > 0, ValueError where shapes
        do not fit."""
        self._take([Ridge(*view) for view in _each_view(G, Q, gamma)], counts, labels, squares)

    @classmethod
    def of(
        cls, views: Iterable[Ridge], counts: np.ndarray, labels: Sequence[str], squares: np.ndarray | None = None
    ) -> AnalyticClassifier:
        """Of solutions that were taught the same examples: each M features wide and C columns. They are not copied."""
        classifier = cls.__new__(cls)
        classifier._take(views, counts, labels, squares)
        return classifier

    @classmethod
    def empty(cls, M: int, *, gamma: float | Sequence[float], views: int = 1) -> AnalyticClassifier:
        """Without any example; M features in each view."""
        return cls(
            np.zeros((views, M, M)), np.zeros((views * M, 0)), np.zeros(0), (), gamma, squares=np.zeros((views, 0))
        )  # fmt: skip

    @classmethod
    def from_solution(
        cls, R: np.ndarray, W: np.ndarray, counts: np.ndarray, labels: Sequence[str], gamma: float | Sequence[float],
        *, Q: np.ndarray | None = None, squares: np.ndarray | None = None,
    ) -> AnalyticClassifier:  # fmt: skip
        """From what a model file holds: R [M, M] or [V, M, M] and W [V M, C] give G = R^-1 - gamma I and, where it is
        not given, Q = R^-1 W. Raises ValueError where Q [V M, C] is not that of W, or shapes do not fit."""
        each = _each_view(R, W, gamma)
        sums = [None] * len(each) if Q is None else [view[1] for view in _each_view(R, Q, gamma)]
        views = [Ridge.from_solution(*view, part) for view, part in zip(each, sums, strict=True)]
        return cls.of(views, counts, labels, squares)

    @classmethod
    def restored(
        cls, G: np.ndarray, Q: np.ndarray, R: np.ndarray, counts: np.ndarray, labels: Sequence[str],
        gamma: float | Sequence[float], *, squares: np.ndarray | None = None,
    ) -> AnalyticClassifier:  # fmt: skip
        """From statistics and an R, shaped as G, that was kept beside them; solved afresh where R does not fit them."""
        kept = np.reshape(R, (-1, *np.shape(R)[-2:]))
        views = [Ridge.restored(*view[:2], r, view[2]) for view, r in zip(_each_view(G, Q, gamma), kept, strict=True)]
        return cls.of(views, counts, labels, squares)

    def _take(
        self, views: Iterable[Ridge], counts: np.ndarray, labels: Sequence[str], squares: np.ndarray | None
    ) -> None:
        self.views = tuple(views)
        self.labels = list(labels)
        self.counts = np.array(counts, np.float64)
        self.squares = None if squares is None else np.array(squares, np.float64)
        if squares is not None and np.shape(squares) != (shape := (len(self.views), len(self.labels))):
            raise ValueError(f"squares of shape {np.shape(squares)} do not fit {shape[0]} views and {shape[1]} labels")
        self._changed()

    def _changed(self) -> None:
        self._kept: dict[Hashable, Any] = {}  # what `kept` keeps

    # Reading

    @property
    def width(self) -> int:
        """The features of a window, V M."""
        return sum(len(view.G) for view in self.views)

    @property
    def gamma(self) -> float | tuple[float, ...]:
        return self.views[0].gamma if len(self.views) == 1 else tuple(view.gamma for view in self.views)

    @property
    def G(self) -> np.ndarray:
        """[M, M] of one view, [V, M, M] of several; up to date after `fold`. To be read, as are Q, W and R."""
        return _stacked([view.G for view in self.views])

    @property
    def R(self) -> np.ndarray:
        """[M, M] of one view, [V, M, M] of several, with every pending step folded in."""
        return _stacked([view.R for view in self.views])

    @property
    def Q(self) -> np.ndarray:
        """[V M, C]"""
        return self.views[0].Q if len(self.views) == 1 else np.concatenate([view.Q for view in self.views])

    @property
    def W(self) -> np.ndarray:
        """[V M, C]"""
        return self.views[0].W if len(self.views) == 1 else np.concatenate([view.W for view in self.views])

    def blocks(self, phi: np.ndarray) -> list[np.ndarray]:
        """Each view's part of features [..., V M]: V arrays [..., M]."""
        return np.split(phi, len(self.views), axis=-1)

    def view_scores(self, phi: np.ndarray) -> np.ndarray:
        """phi_v W_v of each view v: [..., V M] to [V, ..., C]."""
        return np.stack([part @ view.W for part, view in zip(self.blocks(phi), self.views, strict=True)])

    def plain_scores(self, phi: np.ndarray) -> np.ndarray:
        """The views' mean, phi W / V: [..., V M] to [..., C]. Of one view it is the paper's read-out."""
        return self.view_scores(phi).mean(0)

    def own_view_scores(self) -> np.ndarray:
        """What each class's own examples score on average in each view, [V, C], in closed form: Q_c'W_c / counts_c; 0
        without any."""
        products = np.stack([np.einsum("mc,mc->c", view.Q, view.W) for view in self.views])
        return products / np.maximum(self.counts, FEWEST)

    def own_scores(self) -> np.ndarray:
        """The views' mean of that, [C]: what each class's own examples score on average."""
        return self.own_view_scores().mean(0)

    def deviations(self) -> np.ndarray | None:
        """How far each class's examples lie from their mean in each view, the mean square, [V, C]; None where the
        squares are."""
        if self.squares is None:
            return None
        lengths = np.stack([np.einsum("mc,mc->c", view.Q, view.Q) for view in self.views])
        return deviations(self.counts, self.squares, lengths)

    def kept(self, key: Hashable, compute: Callable[[], T]) -> T:
        """`compute()`, which depends on this classifier's state and `key` alone: once, until something changes."""
        kept = self._kept  # a change puts another in its place, so that nothing stale can get into that
        if key not in kept:
            kept[key] = compute()
        found: T = kept[key]
        return found

    def view_leverages(self, phi: np.ndarray) -> np.ndarray:
        """h = phi_v'R_v phi_v in each view v, [..., V M] to [V, ...]: near 0 among the examples, towards
        |phi_v|^2 / gamma_v far off."""
        return np.stack([view.leverage(part) for part, view in zip(self.blocks(phi), self.views, strict=True)])

    def leverage(self, phi: np.ndarray) -> np.ndarray:
        """The views' mean of that, [..., V M] to [...]."""
        return self.view_leverages(phi).mean(0)

    # Changing

    def fold(self) -> None:
        """Merge the pending rank-one steps into R and G: do it when idle, reading does not need it."""
        for view in self.views:
            view.fold()
        self._changed()

    def add_class(self, label: str) -> None:
        """A new class starts as a zero column: exact, since every example so far has target 0 for it."""
        if label in self.labels:
            return
        self.labels.append(label)
        self.counts = np.append(self.counts, 0.0)
        if self.squares is not None:
            self.squares = np.pad(self.squares, ((0, 0), (0, 1)))
        for view in self.views:
            view.add_column()
        self._changed()

    def arrange(self, labels: Sequence[str]) -> None:
        """These classes, in this order. A class that is left out can no longer be named; what was learned of it stays
        in G, where it goes on speaking against the others: exact for the classes that are left."""
        columns = [self._column(label) for label in labels]
        self.labels, self.counts = list(labels), self.counts[columns]
        if self.squares is not None:
            self.squares = self.squares[:, columns]
        for view in self.views:
            view.arrange(columns)
        self._changed()

    def learn(self, phi: np.ndarray, label: str, weight: float = 1.0) -> None:
        """One example, `weight` > 0, of one window phi [V M] or of several [windows, V M] that share the weight."""
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
        """Many (phi, old, new): each R is read once for each pair of labels."""
        moves: dict[tuple[str, str], tuple[np.ndarray, float, np.ndarray]] = {}
        for phi, old, new in examples:
            q, count, squares = moves.get((old, new), (0.0, 0.0, 0.0))
            mean = self._checked_rows(phi).mean(0)
            moves[old, new] = q + weight * mean, count + weight, squares + weight * self._lengths(mean)
        for old in {old for old, _ in moves}:  # all or none
            self._holding(old, sum(count for (label, _), (_, count, _) in moves.items() if label == old))
        for (old, new), (q, count, squares) in moves.items():
            self.move(q, count, old=old, new=new, squares=squares)

    def move(
        self, q: np.ndarray, count: float, *, old: str | None, new: str | None, squares: np.ndarray | None = None
    ) -> None:
        """The examples behind q [V M], a share of Q's column `old`, are of the class `new`; None: of none that is
        named. `squares` [V] are these examples'; None: it is one example. Raises LearningError, with nothing
        changed."""
        if squares is None:
            squares = self._lengths(q) / max(count, FEWEST)
        a = None if old is None else self._holding(old, count)
        if new is not None:
            self.add_class(new)
        b = None if new is None else self._column(new)
        for part, view in zip(self.blocks(q), self.views, strict=True):
            view.move(part, old=a, new=b)
        for column, sign in ((a, -1.0), (b, 1.0)):
            if column is not None:
                self._count(column, sign * count, sign * squares)

    def add_sums(
        self, G: np.ndarray, Q: np.ndarray, counts: np.ndarray, labels: Sequence[str],
        gamma: float | Sequence[float] | None = None, *, squares: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        """All examples behind other sums at once; the union is exact. Labels not known yet come after those that are.

        G, Q [V M, C], counts [C] and squares [V, C] are of the same features, from a classifier of as many views after
        `fold`; `gamma` None keeps the one there is, `squares` None: they are not known, and so not of the union. Raises
        LearningError, with nothing changed, when they cannot be.
        """
        G, Q, counts = (np.asarray(part, np.float64) for part in (G, Q, counts))
        square, C, V = self.G.shape, len(labels), len(self.views)
        theirs = np.zeros((V, C)) if squares is None else np.asarray(squares, np.float64)
        shapes, fitting = (G.shape, Q.shape, counts.shape, theirs.shape), (square, (self.width, C), (C,), (V, C))
        if shapes != fitting or len(set(labels)) < C:
            raise LearningError(
                "these sums do not fit the classifier",
                expected=f"{_in_words(fitting)} and {C} different labels",
                got=f"{_in_words(shapes)} and {len(set(labels))}",
                do="Nothing was changed.",
            )  # fmt: skip
        plausible = all(np.isfinite(part).all() for part in (G, Q, counts, theirs)) and (counts > -FEWEST).all()
        if not plausible or any(not _is_symmetric(part) for part in np.reshape(G, (-1, *square[-2:]))):
            raise LearningError(
                "these sums are not those of examples",
                expected="finite values, a symmetric G, counts from 0", do="Nothing was changed.",
            )  # fmt: skip
        self.fold()
        union = [*self.labels, *(label for label in labels if label not in self.labels)]
        columns, known = [union.index(label) for label in labels], len(self.labels)
        both_Q, both_counts = np.zeros((self.width, len(union))), np.zeros(len(union))
        both_Q[:, :known], both_counts[:known] = self.Q, self.counts
        both_Q[:, columns] += Q
        both_counts[columns] += counts
        both_squares = None
        if self.squares is not None and squares is not None:
            both_squares = np.pad(self.squares, ((0, 0), (0, len(union) - known)))
            both_squares[:, columns] += theirs
        try:
            both = AnalyticClassifier(self.G + G, both_Q, both_counts, union, gamma or self.gamma)
        except np.linalg.LinAlgError:
            raise LearningError(
                "these sums are not those of examples", expected="a G without negative directions",
                do="Nothing was changed.",
            ) from None  # fmt: skip
        self._take(both.views, both_counts, union, both_squares)

    def _checked_rows(self, phi: np.ndarray) -> np.ndarray:
        rows = np.atleast_2d(np.asarray(phi, np.float64))
        if not len(rows) or rows.shape[1:] != (self.width,) or not np.isfinite(rows).all():
            raise LearningError(
                "these features do not fit the classifier",
                expected=f"finite values, {self.width} a window", got=f"shape {rows.shape}", do="Nothing was changed.",
            )  # fmt: skip
        return rows

    def _change(self, examples: Iterable[tuple[np.ndarray, str]], weight: float) -> None:
        """Add `weight` (negative: take away) of each example's rows [windows, V M], shared among its windows."""
        stream, few, rows = iter(examples), [], 0
        for phi, label in stream:
            few.append((self._checked_rows(phi), label))
            rows += len(few[-1][0])
            if rows > max(SOLVE_FROM, len(self.views[0].G) // 8):
                self._solve_with(chain(few, ((self._checked_rows(phi), label) for phi, label in stream)), weight)
                return
        known = list(self.labels)
        for _, label in few:
            if weight > 0:
                self.add_class(label)
            else:
                self._holding(label, -weight * sum(name == label for _, name in few))
        try:
            self._step([(row, self._column(label), weight / len(rows)) for rows, label in few for row in rows])
        except LearningError:
            self.arrange(known)
            raise
        for phi, label in few:
            self._count(self._column(label), weight, weight * self._lengths(phi.mean(0)))

    def _lengths(self, q: np.ndarray) -> np.ndarray:
        """|q_v|^2 of each view, of q [V M]: [V]."""
        return np.array([part @ part for part in self.blocks(q)])

    def _count(self, column: int, count: float, squares: np.ndarray) -> None:
        """Examples more in a class, or fewer: their weight, and their squares [V]."""
        self.counts[column] += count
        if self.squares is not None:
            self.squares[:, column] += squares
        self._changed()

    def _step(self, steps: list[tuple[np.ndarray, int, float]]) -> None:
        """Rank-one steps (phi [V M], column, w) in every view, or in none."""
        blocks = [self.blocks(phi) for phi, _, _ in steps]
        own = [
            [(parts[v], column, w) for parts, (_, column, w) in zip(blocks, steps, strict=True)]
            for v in range(len(self.views))
        ]
        for v, view in enumerate(self.views):
            try:
                view.step(own[v])
            except LearningError:
                for earlier, taken in zip(self.views[:v], own[:v], strict=True):
                    earlier.step_back(taken)
                raise

    def _solve_with(self, examples: Iterator[tuple[np.ndarray, str]], weight: float) -> None:
        """The same change through the statistics, in batches; nothing is changed if no solution exists."""
        each_G = [view.sums()[0] for view in self.views]
        labels, sums, counts = list(self.labels), list(self.Q.T), list(self.counts)
        squares = list(np.zeros((len(labels), len(each_G))) if self.squares is None else self.squares.T)
        batch: list[np.ndarray] = []
        for rows, label in examples:
            if label not in labels and weight > 0:
                labels.append(label)
                sums.append(np.zeros(self.width))
                counts.append(0.0)
                squares.append(np.zeros(len(each_G)))
            column = labels.index(label) if label in labels else self._column(label)
            q = rows.mean(0)
            sums[column] = sums[column] + weight * q
            counts[column] += weight
            squares[column] = squares[column] + weight * self._lengths(q)
            batch.append(rows * np.sqrt(abs(weight) / len(rows)))
            if sum(map(len, batch)) >= BATCH:
                self._add_squares(each_G, batch, weight)
        self._add_squares(each_G, batch, weight)
        if min(counts) < -FEWEST:
            short = labels[int(np.argmin(counts))]
            self._holding(short, self.counts[self._column(short)] - min(counts))
        Q = np.array(sums).T.reshape(self.width, len(labels))
        try:
            views = [
                Ridge(G, part, view.gamma)
                for G, part, view in zip(each_G, np.split(Q, len(each_G)), self.views, strict=True)
            ]
        except np.linalg.LinAlgError:
            raise never_learned() from None
        all_squares = np.array(squares).reshape(len(labels), len(views)).T
        self._take(views, np.array(counts), labels, None if self.squares is None else all_squares)

    def _add_squares(self, each_G: list[np.ndarray], batch: list[np.ndarray], weight: float) -> None:
        """Each view's G += or -= the products of the rows in `batch`, which is emptied."""
        if batch:
            rows = np.concatenate(batch)
            for G, part in zip(each_G, self.blocks(rows), strict=True):
                add_products(G, part, np.full(len(rows), np.sign(weight)))
            batch.clear()

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


def deviations(counts: np.ndarray, squares: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The mean square of the examples' distance from their mean, [V, C]: from the class's counts n [C], its squares
    [V, C] and the squared lengths of its sums |Q_vc|^2 [V, C]."""
    n = np.maximum(counts, FEWEST)
    return np.maximum(squares / n - lengths / n**2, 0.0)


def _each_view(
    square: np.ndarray, tall: np.ndarray, gamma: float | Sequence[float]
) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """(G, Q, gamma) or (R, W, gamma) of each view, from those of all. Raises ValueError where shapes do not fit."""
    shape, gammas = np.shape(square), np.atleast_1d(gamma).tolist()
    if len(shape) not in (2, 3) or 0 in shape:
        raise ValueError(f"{shape} is not the shape of one view or of several")
    squares = np.reshape(square, (-1, *shape[-2:]))
    V, M = squares.shape[:2]
    if np.ndim(gamma) == 0:
        gammas *= V
    if len(tall) != V * M or len(gammas) != V:
        raise ValueError(f"{len(tall)} features and {len(gammas)} gammas do not fit {V} views of {M}")
    return list(zip(squares, np.split(np.asarray(tall), V), gammas, strict=True))


def _in_words(shapes: Iterable[tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in zip(("G", "Q", "counts", "squares"), shapes, strict=True))


def _stacked(each: list[np.ndarray]) -> np.ndarray:
    return each[0] if len(each) == 1 else np.stack(each)


def _is_symmetric(G: np.ndarray) -> bool:
    return bool(np.abs(G - G.T).max(initial=0.0) <= ROUNDING * np.abs(G).max(initial=0.0))
