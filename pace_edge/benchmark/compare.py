"""Two methods on the same orders of the classes: by how much one is ahead, and how surely."""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TypeVar

import numpy as np

K = TypeVar("K", bound=Hashable)
ALL_FLIPS = 16  # up to so many pairs every flip is tried, beyond as many drawn ones as that gives


@dataclass(frozen=True)
class Paired:
    """The mean of n differences, its standard error (None of one), and p: how often differences so large, either way,
    would come of signs that are tossed. It cannot be below 2 / 2^n."""

    n: int
    mean: float
    standard_error: float | None
    p: float


def paired(a: Mapping[K, float], b: Mapping[K, float]) -> Paired | None:
    """a minus b over the keys, such as (order, fold), that both have; None if there are none."""
    differences = [a[key] - b[key] for key in a if key in b]
    n = len(differences)
    if not n:
        return None
    if n <= ALL_FLIPS:
        signs = np.array(list(itertools.product((1, -1), repeat=n)))
    else:
        signs = np.random.default_rng(0).choice((1, -1), size=(2**ALL_FLIPS, n))
        signs[0] = 1  # what was found is one of them
    flipped, mean = np.abs(signs @ differences) / n, fmean(differences)
    error = stdev(differences) / math.sqrt(n) if n > 1 else None
    return Paired(n, mean, error, float(np.mean(flipped >= abs(mean) - 1e-12)))
