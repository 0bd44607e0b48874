"""Two methods over the same orders and folds: is the difference more than the orders' luck?"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import product
from statistics import fmean, stdev
from typing import TypeVar

import numpy as np

K = TypeVar("K", bound=Hashable)
EXACT = 12  # pairs whose 2^n signs are all tried; of more DRAWN are drawn
DRAWN = 9999
ROUNDING = 1e-12


@dataclass(frozen=True)
class Paired:
    """`mean` of n differences a - b; `p` is two-sided: how often a mean as far from 0 comes of the same differences
    with signs thrown at random. It is never below 2 / 2^n: three orders cannot give less than 0.25."""

    n: int
    mean: float
    standard_error: float | None  # None of one difference
    p: float


def paired(a: Mapping[K, float], b: Mapping[K, float]) -> Paired | None:
    """The values of `a` against those of `b` with the same key; None where they have none in common."""
    differences = np.array([a[key] - b[key] for key in a if key in b])
    n = len(differences)
    if not n:
        return None
    error = stdev(differences.tolist()) / math.sqrt(n) if n > 1 else None
    return Paired(n, fmean(differences.tolist()), error, _sign_flips(differences))


def _sign_flips(differences: np.ndarray) -> float:
    n, least = len(differences), abs(differences.mean()) - ROUNDING
    if n <= EXACT:
        signs = np.array(list(product((1.0, -1.0), repeat=n)))  # [2^n, n], with the signs as they are
        return float((np.abs(signs @ differences / n) >= least).mean())
    signs = np.random.default_rng(0).choice([1.0, -1.0], (DRAWN, n))
    return float((1 + (np.abs(signs @ differences / n) >= least).sum()) / (1 + DRAWN))
