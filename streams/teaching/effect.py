"""What a change did to the classes it was not about: measured before and after it, from what was taught and from the
model's own sums. Nothing is set aside for it, since an example can be left out in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

from pace_edge.leave_one_out import LeftOut, leave_one_out
from streams.listening.learner import Learner

CHECKED = 200  # of the newest examples; more would take longer than they tell


@dataclass(frozen=True)
class Survey:
    """`called`: what each taught example is called when it is left out, by id, with its own label; `own`: what each
    class's own examples score on average, built-in ones too."""

    called: dict[int, tuple[str, LeftOut]]
    own: dict[str, float]


@dataclass(frozen=True)
class Effect:
    """On the other classes. `checked` taught examples of theirs, each left out in turn, were called right so often
    before and after (a class's only example cannot be checked); `renamed` are (label, called before, called after)
    where that changed. `own_before` and `own_after`: the mean plain score, about 0 to 1, of their own examples;
    `most_label` changed most, by `most`.

    >>> import pace_edge
    >>> with pace_edge.Teacher() as teacher:
    ...     effect = teacher.learn_file("doorbell", "ring.wav").effect
    >>> effect.own_before - effect.own_after < 0.05
    True
    """

    checked: int
    right_before: int
    right_after: int
    renamed: tuple[tuple[str, str, str], ...]
    own_before: float
    own_after: float
    most_label: str
    most: float

    def in_words(self) -> str:
        if not self.most_label:
            return "there are no other classes"
        words = f"the other classes' own examples score {self.own_after:.2f} on average ({self.own_before:.2f} before)"
        if abs(self.most) >= 0.005:
            words += f", '{self.most_label}' changed most ({self.most:+.2f})"
        if self.checked:
            words += (
                f"; of their taught examples, left out in turn, {self.right_after} of {self.checked} are called right "
                f"({self.right_before} before)"
            )
        for label, before, after in self.renamed[:3]:
            words += f"; one of '{label}' was called '{before}' and would now be '{after}'"
        return words


def survey(learner: Learner) -> Survey:
    classifier, taught = learner.classifier, learner.state.examples
    ids = list(taught)[-CHECKED:]
    phi = dict(learner.features(ids))
    left_out = leave_one_out(classifier, learner.info.read_out, [(phi[id], taught[id]) for id in phi])
    return Survey(
        {id: (taught[id], left) for id, left in zip(phi, left_out, strict=True)},
        dict(zip(classifier.labels, learner.info.read_out.standing(classifier).own.tolist(), strict=True)),
    )


def effect(before: Survey, after: Survey, *, about: set[str]) -> Effect:
    """`about`: the labels that the change was about."""
    ids = [
        id for id in before.called.keys() & after.called.keys()
        if before.called[id][0] == after.called[id][0] not in about
        and not before.called[id][1].alone and not after.called[id][1].alone
    ]  # fmt: skip
    was, now = ([s.called[id][1].label for id in sorted(ids)] for s in (before, after))
    true = [after.called[id][0] for id in sorted(ids)]
    others = [label for label in before.own if label in after.own and label not in about]
    changes = {label: after.own[label] - before.own[label] for label in others}
    most = max(changes, key=lambda label: abs(changes[label]), default="")
    return Effect(
        checked=len(ids),
        right_before=sum(a == b for a, b in zip(was, true, strict=True)),
        right_after=sum(a == b for a, b in zip(now, true, strict=True)),
        renamed=tuple((t, a, b) for t, a, b in zip(true, was, now, strict=True) if a != b),
        own_before=_mean([before.own[label] for label in others]),
        own_after=_mean([after.own[label] for label in others]),
        most_label=most, most=changes.get(most, 0.0),
    )  # fmt: skip


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
