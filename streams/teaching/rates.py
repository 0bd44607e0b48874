"""How often classes are announced here at a threshold, from what the journal's listeners have counted."""

from __future__ import annotations

from pace_edge.rates import Counts, Rate, class_keys, rate_of
from streams.listening.learner import Learner


def counts_here(learner: Learner) -> dict[str, Counts]:
    """Of each class, since it was last changed."""
    counted = learner.journal.counted()
    return {label: counted.get(key, Counts()) for label, key in class_keys(learner.state).items()}


def rate(learner: Learner, label: str, threshold: float) -> Rate:
    """How often this class is announced here with that threshold."""
    return rate_of(counts_here(learner).get(label, Counts()), threshold)
