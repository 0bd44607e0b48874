"""What a class was taught from, example by example, so that an odd one can be found and taken out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pace_edge.leave_one_out import LeftOut, leave_one_out
from pace_edge.operations import Operation
from pace_edge.plane import principal_plane, share_of_variance
from streams.listening.learner import Learner

SHOWN = 400  # of the newest examples of one class, and of all others in the picture
BESIDE = 5  # other classes in it
FAR = 3.0  # times the leverage that is usual in the class
JUDGED_FROM = 3  # examples of a class; of fewer none is further off than the others


@dataclass(frozen=True)
class TaughtExample:
    """`left_out`: what the others call it; None: its embeddings cannot be read. It is `odd` for the reason `why`."""

    operation: Operation
    left_out: LeftOut | None
    odd: bool
    why: str


@dataclass(frozen=True)
class Point:
    """Where an example's mean embedding lies in the plane of their largest variance."""

    x: float
    y: float
    label: str
    id: int


@dataclass(frozen=True)
class ClassExamples:
    """`points` of this class, of those that its examples are taken for and of the nearest others; `share` of their
    variance is in the picture."""

    examples: tuple[TaughtExample, ...]
    confused_with: tuple[tuple[str, int], ...]
    points: tuple[Point, ...]
    share: float


def examples_of(learner: Learner, label: str) -> ClassExamples:
    """The newest examples of one class, oldest first. Empty for a class that was not taught here."""
    taught = learner.state.examples
    mine = [id for id, name in taught.items() if name == label][-SHOWN:]
    phi = dict(learner.features(mine))
    left = dict(zip(phi, leave_one_out(learner.classifier, learner.info.read_out, [(phi[id], label) for id in phi]),
                    strict=True))  # fmt: skip
    usual = float(np.median([one.leverage for one in left.values()])) if len(left) >= JUDGED_FROM else np.inf
    operations = {o.id: o for o in learner.operations}
    examples = [TaughtExample(operations[id], left.get(id), *_odd(left.get(id), label, usual)) for id in mine]
    wrong = Counter(one.label for one in left.values() if not one.alone and one.label != label).most_common(3)
    points, share = _picture(learner, label, mine, {name for name, _ in wrong})
    return ClassExamples(tuple(examples), tuple(wrong), points, share)


def _odd(left: LeftOut | None, label: str, usual: float) -> tuple[bool, str]:
    if left is None:
        return True, "its embeddings are damaged, and it does not count"
    if not left.alone and left.label != label:
        return True, f"the other examples call it '{left.label}'"
    if left.leverage > FAR * usual:
        return True, f"it is {left.leverage / usual:.1f} times as strange as the others"
    return False, ""


def _picture(
    learner: Learner, label: str, mine: Sequence[int], confused: set[str]
) -> tuple[tuple[Point, ...], float]:  # fmt: skip
    """Beside this class's examples those of the classes it is confused with, and of the nearest others."""
    labels = learner.state.examples
    others = [id for id, name in labels.items() if name != label][-SHOWN:]
    z = {id: embeddings.mean(0) for id, embeddings in learner.journal.embeddings([*mine, *others])}
    if not any(id in z for id in mine):
        return (), 1.0
    centres = {name: np.mean([z[id] for id in z if labels[id] == name], 0) for name in {labels[id] for id in z}}
    nearest = sorted(centres, key=lambda name: float(np.linalg.norm(centres[name] - centres[label])))
    shown = {*nearest[: BESIDE + 1], *confused}  # itself, too
    kept = {id: row for id, row in z.items() if labels[id] in shown}
    rows = np.stack([*kept.values()])
    plane = principal_plane(rows)
    points = [
        Point(round(float(x), 4), round(float(y), 4), labels[id], id) for id, (x, y) in zip(kept, plane, strict=True)
    ]
    return tuple(points), share_of_variance(plane, rows)
