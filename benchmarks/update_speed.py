"""What one label costs, in readings of R, of which the machine's memory allows no less than one; and what others pay.

python -m benchmarks.update_speed [--sizes 2048 4096 8192] [--rounds 15]

All in one run, in turn, on one thread, and the median of each; so that a machine with other work to do slows all alike.
`read R` is the quicker of two ways to read its M * M numbers, their sum and a product with a vector. Every row but the
last learns one example of one window, of 25 classes:

    pace-edge     the update as a listener makes it: R read once, nothing written to it; what is pending is folded after
    fold          ... and that, when idle
    river         RLS as river has it: R -= k k' / (1 + phi'k), in NumPy
    RanPAC        G and Q summed, then solved: O(M^3)
    Ridge         scikit-learn, fitted again on all examples
    partial_fit   scikit-learn's logistic regression by SGD: one step, which is not the solution
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np

from pace_edge.analytic import AnalyticClassifier

CLASSES, EXAMPLES, GAMMA = 25, 1000, 1.0
SOLVED_UP_TO = 4096  # above it one solution takes minutes
SLOW_ROUNDS = 3  # of what is solved
ROWS = ("pace-edge", "fold", "river", "RanPAC", "Ridge", "partial_fit")


def measure(M: int, rounds: int) -> dict[str, float]:
    """Seconds of each, the median of `rounds`, by its name."""
    rng = np.random.default_rng(M)
    phi = np.maximum(rng.standard_normal((EXAMPLES, M)), 0) / np.sqrt(M / 2)
    labels = np.arange(EXAMPLES) % CLASSES
    names = [str(c) for c in range(CLASSES)]
    G, Y = phi.T @ phi, np.eye(CLASSES)[labels]
    Q = phi.T @ Y
    R = _inverse(phi)
    ours = AnalyticClassifier.restored(G, Q, R, Y.sum(0), names, GAMMA)
    river_R, river_W = R.copy(), R @ Q
    seconds: dict[str, list[float]] = defaultdict(list)

    def river(x: np.ndarray, c: int) -> None:
        k = river_R @ x
        scale = 1.0 / (1.0 + x @ k)
        river_R.__isub__(np.outer(k * scale, k))
        river_W.__iadd__(np.outer(k * scale, np.eye(CLASSES)[c] - x @ river_W))

    def ranpac(x: np.ndarray, c: int) -> None:
        Q[:, c] += x
        np.linalg.solve(G + np.outer(x, x) + GAMMA * np.eye(M), Q)

    slow = _scikit(phi, labels) | ({"RanPAC": ranpac} if M <= SOLVED_UP_TO else {})
    fast: dict[str, Callable[[np.ndarray, int], object]] = {
        "sum of R": lambda x, c: R.sum(), "pace-edge": lambda x, c: ours.learn(x, str(c)),
        "fold": lambda x, c: ours.fold(), "river": river, "R x": lambda x, c: R @ x,
    }  # fmt: skip
    if M > SOLVED_UP_TO:
        slow.pop("Ridge")
    for turn in range(rounds):
        x, c = np.maximum(rng.standard_normal(M), 0) / np.sqrt(M / 2), turn % CLASSES
        for name, job in (fast | (slow if turn < SLOW_ROUNDS else {})).items():
            start = time.perf_counter()
            job(x, c)
            seconds[name].append(time.perf_counter() - start)
    return {name: float(np.median(taken)) for name, taken in seconds.items()}


def _inverse(phi: np.ndarray) -> np.ndarray:
    """(phi'phi + gamma I)^-1 by way of the smaller matrix: I - phi' (phi phi' + gamma I)^-1 phi, over gamma."""
    small = np.linalg.solve(phi @ phi.T + GAMMA * np.eye(len(phi)), phi)
    R = -(phi.T @ small)
    R[np.diag_indices(len(R))] += 1.0
    return R / GAMMA


def _scikit(phi: np.ndarray, labels: np.ndarray) -> dict[str, Callable[[np.ndarray, int], object]]:
    from sklearn.linear_model import RidgeClassifier, SGDClassifier

    sgd = SGDClassifier(loss="log_loss").partial_fit(phi, labels, classes=np.arange(CLASSES))
    return {
        "Ridge": lambda x, c: RidgeClassifier(alpha=GAMMA, solver="cholesky").fit(
            np.vstack([phi, x]), np.append(labels, c)
        ),
        "partial_fit": lambda x, c: sgd.partial_fit(x[None], [c]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2048, 4096, 8192])
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":  # read when NumPy loads: start again with it
        threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        os.execve(
            sys.executable, [sys.executable, "-m", "benchmarks.update_speed", *sys.argv[1:]], os.environ | threads
        )
    print("| M | read R, ms | " + " | ".join(ROWS) + " |")
    print("|---" * (len(ROWS) + 2) + "|")
    for M in arguments.sizes:
        taken = measure(M, arguments.rounds)
        read = min(taken["sum of R"], taken["R x"])
        cells = [f"{taken[row] / read:.2f}" if row in taken else "-" for row in ROWS]
        print(f"| {M} | {1000 * read:.2f} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
