"""What several runs of a method say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from pace_edge.benchmark.compare import Paired, paired
from pace_edge.benchmark.records import Record
from pace_edge.benchmark.report_groups import Group, plan


@dataclass(frozen=True)
class Mean:
    """Of n values; the deviation is the sample's (n - 1), None of one value."""

    mean: float
    deviation: float | None
    n: int


def mean_of(values: Sequence[float]) -> Mean:
    return Mean(fmean(values), stdev(values) if len(values) > 1 else None, len(values))


def ahead(these: Sequence[Record], those: Sequence[Record]) -> Paired | None:
    """By how much the last accuracy of `these` is above that of `those`, over the orders and folds that both have."""
    return paired({plan(run): run.accuracy for run in these}, {plan(run): run.accuracy for run in those})


def learning_seconds(run: Record) -> float:
    """Of all sessions, with what embedding their clips took, whether the embeddings were kept from before or not."""
    return sum(run.train_seconds) + run.embed_seconds_per_clip * run.embedded_clips_train


def time_ratio(these: Sequence[Record], those: Sequence[Record]) -> float | None:
    """How many times as long `these` learned, over the same orders on the same device; None if there are none."""
    other = {plan(run): run for run in those}
    pairs = [(run, match) for run in these if (match := other.get(plan(run))) and match.device == run.device]
    whole = sum(learning_seconds(match) for _, match in pairs)
    return sum(learning_seconds(run) for run, _ in pairs) / whole if whole > 0 else None


def curve(runs: Sequence[Record]) -> tuple[list[float], list[float]]:
    """Mean and deviation (0 of one run) of the accuracy after each session."""
    means = [mean_of(values) for values in zip(*(run.accuracies for run in runs), strict=True)]
    return [m.mean for m in means], [m.deviation or 0.0 for m in means]


def mean_matrix(runs: Sequence[Record]) -> list[list[float]]:
    """The mean of the runs' matrices."""
    return [
        [fmean(of_runs) for of_runs in zip(*rows, strict=True)]
        for rows in zip(*(run.matrix for run in runs), strict=True)
    ]


def leaders(group: Group) -> list[str]:
    """The methods by mean last accuracy, best first; those that had all classes at once are no match and left out."""
    methods = [method for method in group.of_method if not group.is_joint(method)]
    return sorted(methods, key=lambda method: -mean_of([run.accuracy for run in group.of_method[method]]).mean)
