"""What the model knows here, how well, and whether the room has moved away from what was taught."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pace_edge.leave_one_out import LeftOut, leave_one_out
from pace_edge.model_file import Model
from pace_edge.rates import Rate, rate_of
from streams.configuration.place import place
from streams.listening.event_rule import EventRule
from streams.listening.learner import Learner, open_journal
from streams.teaching.confusion import Confusion, confusions, rule_here
from streams.teaching.rates import counts_here

ENOUGH = 5  # clips of a class; docs/starter.md has what 1 and 5 do
CURVE_FROM = 4  # examples; with fewer no learning curve can be drawn
GOAL = 0.1  # the share called wrong that is good enough
MOST = 50  # more examples than this is no advice
FEW_RECENT = 3  # sounds of a class; with fewer, nothing is said of its drift
FURTHER = 1.5  # times the leverage that was to be expected: the sound has changed
WEAKER = 0.7  # of the score that was to be expected


@dataclass(frozen=True)
class LabelCount:
    """One class: the examples it came with, and those taught here. Left out in turn, `right` of `checked` taught ones
    are called right, with the mean score `score` from 0 to 1 (0 where wrong), and `confused_with` says what the others
    are called, and how many; a class's only example cannot be checked. `more` examples would bring the share called
    wrong to one in ten: None, it cannot be told or more of the same would not help; `more_from` says where the number
    is from.

    >>> import pace_edge
    >>> pace_edge.LabelCount("doorbell", built_in=0, taught=5, checked=5, right=4).right
    4
    """

    label: str
    built_in: float
    taught: int
    hidden: bool = False
    checked: int = 0
    right: int = 0
    score: float = 0.0
    confused_with: tuple[tuple[str, int], ...] = ()
    more: int | None = None
    more_from: str = ""
    here: Rate | None = None
    confusion: Confusion | None = None


@dataclass(frozen=True)
class Health:
    """What was heard lately as `label`, "" for the whole room in the last minute, beside what was to be expected.
    `leverage` (h = phi'R phi, strangeness) and `score` are medians; `drifted` says `words`.

    >>> import pace_edge
    >>> [one.words for one in pace_edge.health() if isinstance(one, pace_edge.Health) and one.drifted]
    []
    """

    label: str
    recent: int
    leverage: float
    expected_leverage: float
    score: float
    expected_score: float
    drifted: bool
    words: str


def labels(
    model: str | Path | Model | None = None, *, journal: str | Path | None = None, config: str | Path | None = None
) -> list[LabelCount]:
    """Every class that the model and its journal know, in the classifier's order. None: as configured.

    >>> import pace_edge
    >>> [one.label for one in pace_edge.labels() if one.taught]
    []
    """
    with _learner(model, journal, config) as learner:
        return count_labels(learner, rule_here(learner.info, learner.state, config))


def health(
    model: str | Path | Model | None = None, *, journal: str | Path | None = None, config: str | Path | None = None
) -> list[Health]:
    """Of the room, and of each class that was announced lately; what has drifted first. None: as configured.

    >>> import pace_edge
    >>> pace_edge.health()
    []
    """
    with _learner(model, journal, config) as learner:
        return check_health(learner)


@contextmanager
def _learner(
    model: str | Path | Model | None, journal: str | Path | None, config: str | Path | None
) -> Iterator[Learner]:
    found = place(model, journal=journal, config=config)
    loaded = found.load()
    with open_journal(loaded, found.journal_of(loaded)) as opened:
        yield Learner(loaded, opened)


def count_labels(learner: Learner, rule: EventRule | None = None) -> list[LabelCount]:
    """`rule`: by what rule they are announced; None: the model's own."""
    usual = EventRule(threshold=learner.info.threshold, background=learner.info.background)
    rule = rule or usual.for_classes(learner.state)
    counts_by_label = counts_here(learner)
    built_in: dict[str, float] = defaultdict(float)
    for own, count in zip(learner.info.labels, learner.info.counts, strict=True):
        built_in[learner.state.built_in[own] or ""] += count
    left_out = _left_out(learner)
    each = enumerate((label, left) for label, all_left in left_out.items() for left in all_left)
    mistaken = confusions(learner, rule, dict(each), learner.state.labels)
    counted = []
    for label in learner.state.labels:
        taught, mine = len(left_out[label]), [left for left in left_out[label] if not left.alone]
        wrong = Counter(left.label for left in mine if left.label != label)
        more, more_from = _how_many_more(learner, label, taught, sum(wrong.values()), built_in[label])
        counted.append(LabelCount(
            label, built_in[label], taught, label in learner.state.hidden, len(mine), len(mine) - sum(wrong.values()),
            float(np.mean([left.score * (left.label == label) for left in mine])) if mine else 0.0,
            tuple(wrong.most_common(3)), more, more_from,
            None if rule.never(label) else rate_of(counts_by_label[label], rule.bar(label, going_on=False)),
            mistaken.get(label),
        ))  # fmt: skip
    return counted


def check_health(learner: Learner) -> list[Health]:
    left_out, recent = _left_out(learner), defaultdict(list)
    project = learner.features_of
    for event in learner.journal.events():
        recent[event.label].append(project(event.embeddings))
    found = []
    for label, sounds in recent.items():
        if label not in learner.state.labels or len(sounds) < FEW_RECENT:
            continue
        taught = [left for left in left_out[label] if left.label == label]
        expected = (
            (float(np.median([left.leverage for left in taught])), float(np.median([left.score for left in taught])))
            if taught else (learner.info.read_out.usual_leverage, learner.info.threshold)
        )  # fmt: skip
        leverage, score = _medians(learner, sounds)
        drifted = leverage > FURTHER * expected[0] or score < WEAKER * expected[1]
        words = f"'{label}' sounds otherwise than what was taught: teach it again, as it sounds now" if drifted else ""
        found.append(Health(label, len(sounds), leverage, expected[0], score, expected[1], drifted, words))
    room = [window for stream in learner.journal.heard() for window in stream.windows]
    if room:
        leverage, score = _medians(learner, [project(window.embedding[None]) for window in room])
        usual = learner.info.read_out.usual_leverage
        words = "the room sounds unlike everything that was taught: when it is quiet, teach it with learn --background"
        drifted = leverage > FURTHER * usual
        found.append(Health("", len(room), leverage, usual, score, 0.0, drifted, words if drifted else ""))
    return sorted(found, key=lambda one: not one.drifted)


def _left_out(learner: Learner) -> dict[str, list[LeftOut]]:
    taught = learner.state.examples
    found: dict[str, list[LeftOut]] = defaultdict(list)
    order: list[str] = []

    def examples():
        for id, phi in learner.features(taught):
            order.append(taught[id])
            yield phi, taught[id]

    for left in leave_one_out(learner.classifier, learner.info.read_out, examples()):
        found[order[sum(map(len, found.values()))]].append(left)
    return found


def _medians(learner: Learner, sounds: list[np.ndarray]) -> tuple[float, float]:
    """Of the leverage and the score of sounds, each phi [windows, M]."""
    leverage = [float(learner.classifier.leverage(phi).mean()) for phi in sounds]
    return float(np.median(leverage)), float(
        np.median([learner.info.read_out.best(learner.classifier, phi)[1] for phi in sounds])
    )


def _how_many_more(learner: Learner, label: str, taught: int, wrong: int, built_in: float) -> tuple[int | None, str]:
    """By how the share called wrong falls from half of the examples to all but one, as a power of their number."""
    if built_in >= ENOUGH and not taught:
        return None, "nothing was taught here to measure it by"
    if taught < CURVE_FROM:
        return max(0, ENOUGH - taught - round(built_in)), f"{ENOUGH} clips are enough for most sounds"
    now = (wrong + 0.5) / (taught + 1)  # nought of four is not never
    if now <= GOAL:
        return 0, "measured by leaving each out"
    half = (_wrong_by_halves(learner, label) + 0.5) / (taught + 1)
    slope = math.log(half / now) / math.log((taught - 1) / (taught / 2))
    if slope < 0.05:
        return None, "more of them did not help so far: teach it as it sounds elsewhere, or one it is confused with"
    needed = (taught - 1) * (now / GOAL) ** (1 / slope) + 1 - taught
    return min(MOST, math.ceil(needed)), "guessed from how half of the examples do beside all but one"


def _wrong_by_halves(learner: Learner, label: str) -> int:
    """How many of the class's examples are called wrong by a classifier that has only the other half of them."""
    ids = [id for id, name in learner.state.examples.items() if name == label]
    phi, wrong = [phi for _, phi in learner.features(ids)], 0
    for out in (phi[::2], phi[1::2]):
        half = deepcopy(learner.classifier)
        half.unlearn_all([(rows, label) for rows in out])
        wrong += sum(learner.info.read_out.best(half, rows)[0] != label for rows in out)
    return wrong
