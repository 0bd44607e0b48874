"""The numbers of a model's read-out that only clips can tell: its threshold, and how strange known sounds are to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pace_edge.adapt.starter import STARTER
from pace_edge.analytic import FEWEST, AnalyticClassifier
from pace_edge.errors import PaceEdgeError
from pace_edge.readout import ReadOut

KEEP = 0.95  # of the held-out windows that are called right, so many score at least the threshold
POWER = 0.6  # of the read-out, for normal directions; the starter's own is for its own (docs/few_shots.md)
UNMEASURED_THRESHOLD = 0.5  # of a model that no held-out clip was shown to


def clip_weight(counts: np.ndarray) -> float:
    """What a clip of training may weigh on a device, where one that is taught weighs 1: at most 1, and so that the
    median class counts as the starter's do, 40. One clip taught to classes of a thousand would be lost among them
    (docs/starter.md: among 100 it is called right less often than among 40)."""
    return min(1.0, STARTER.examples_per_class / float(np.median(counts)))


def weighed(classifier: AnalyticClassifier, weight: float) -> AnalyticClassifier:
    """The classifier of the same clips at `weight` each instead of 1, with the same W: gamma is weighed too."""
    if weight == 1:
        return classifier
    classifier.fold()
    G, Q, counts = (weight * part for part in (classifier.G, classifier.Q, classifier.counts))
    return AnalyticClassifier(
        G, Q, counts, classifier.labels, [weight * view.gamma for view in classifier.views],
        squares=None if classifier.squares is None else weight * classifier.squares,
    )  # fmt: skip


def checkpoint_read_out(leverage_median: float) -> ReadOut:
    """The starter's, for a checkpoint's features."""
    return replace(STARTER.read_out(leverage_median), power=POWER)


def read_out_without_clips(classifier: AnalyticClassifier, weight: float) -> ReadOut:
    """The starter's read-out, with the class of median count as the one that keeps its plain score.

    The median leverage is taken from what the classifier was fitted on, clips of this `weight`: each has h = phi'R phi,
    which would be h / (1 - weight h) had it been left out; their mean h is (M - gamma trace R) / sum of counts.
    """
    total, left_out = float(classifier.counts.sum()), []
    for view in classifier.views:
        h = (len(view.G) - view.gamma * float(np.trace(view.R))) / total
        left_out.append(h / max(1 - weight * h, FEWEST))
    unheard = left_out[0] if len(left_out) == 1 else tuple(left_out)
    return replace(checkpoint_read_out(1.0), leverage_median=unheard, reference=float(np.median(classifier.counts)))


def calibrated(
    classifier: AnalyticClassifier, phi: np.ndarray, labels: list[str], read_out: ReadOut, *, keep: float = KEEP
) -> tuple[float, ReadOut]:
    """The announcing threshold, and `read_out` with its median leverage, from held-out windows phi [n, M] and what
    they are: `keep` of those that are called right score the threshold or more. Raises PaceEdgeError if none is."""
    read_out = replace(read_out, leverage_median=_usual(classifier.view_leverages(phi)), floor=0.0)
    heard = [(read_out.best(classifier, row[None]), label) for row, label in zip(phi, labels, strict=True)]
    right = [confidence for (called, confidence), label in heard if called == label]
    if not right:
        raise PaceEdgeError(
            "the model calls none of the held-out clips right", expected="clips of the kind that it learned",
            do="Check --data and --test-fold.",
        )  # fmt: skip
    threshold = round(float(np.quantile(right, 1 - keep)), 3)
    return threshold, replace(read_out, floor=threshold) if read_out.weighs(classifier) else read_out


def weighing(classifier: AnalyticClassifier, read_out: ReadOut, *, restraint: float, floor: float) -> ReadOut:
    """`read_out` with the classes' views weighed and their bars their own, for a model of this classifier that
    announces from `floor` on.

    What a squared length scores is the solution's mean gain, (M - gamma trace R) / trace G. The usual spread is that of
    the classifier's median class among those of two examples and more. Raises ValueError where it has no squares.
    """
    deviations = classifier.deviations()
    if deviations is None:
        raise ValueError("a classifier without squares has no spreads")
    gains = [
        (len(view.G) - view.gamma * float(np.trace(view.R))) / float(np.trace(view.G)) for view in classifier.views
    ]
    several = classifier.counts > 1 + FEWEST
    n = classifier.counts[several]
    spreads = [
        float(np.median(gain * of_view[several] * n / (n - 1))) if several.any() else 0.0
        for gain, of_view in zip(gains, deviations, strict=True)
    ]
    return replace(read_out, gains=tuple(gains), spreads=tuple(spreads), restraint=restraint, floor=floor)


def _usual(leverages: np.ndarray) -> float | tuple[float, ...]:
    """The median of each view's [V, n], among the windows that have anything in the view: one number of one view."""
    medians = [float(np.median(some)) if len(some := each[each > 0]) else 1.0 for each in leverages]
    return medians[0] if len(medians) == 1 else tuple(medians)
