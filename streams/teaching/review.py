"""Which announced sounds are worth a person's word: the least certain first, each once.

A sound is doubtful when another class comes close (a small margin) and when it is unlike what was taught (a high
leverage). Its place in the queue is the sum of its places by both, so that neither needs a scale of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pace_edge.files import write_whole
from pace_edge.heard_memory import EVENTS_KEPT, HeardEvent
from streams.listening.learner import UNKNOWN, Learner

CLOSE = 0.15  # a margin that is worth a word
STRANGE = 1.5  # times the leverage that is usual


@dataclass(frozen=True)
class Question:
    """Was `event` what it was called? `margin`: its score less that of `second`, the best other class; `strangeness`:
    its leverage in units of what is usual."""

    event: HeardEvent
    score: float
    second: str
    margin: float
    strangeness: float
    why: str


def questions(learner: Learner, answered: Iterable[str]) -> list[Question]:
    """Of the remembered events that nobody has said anything of, the least certain first."""
    done = {*answered, *learner.event_examples()}
    labels = learner.classifier.labels
    asked = [
        _question(learner, event) for event in learner.journal.events()
        if event.id not in done and (event.label in labels or event.label == UNKNOWN)
    ]  # fmt: skip
    by_margin = np.argsort(np.argsort([q.margin for q in asked], kind="stable"), kind="stable")
    by_strangeness = np.argsort(np.argsort([-q.strangeness for q in asked], kind="stable"), kind="stable")
    order = np.argsort(by_margin + by_strangeness, kind="stable")
    return [asked[i] for i in order]


def _question(learner: Learner, event: HeardEvent) -> Question:
    reading, labels = learner.read(event.embeddings), learner.classifier.labels
    scores = {
        label: float(score) for label, score in zip(labels, reading.confidences, strict=True)
        if label not in learner.state.hidden
    }  # fmt: skip
    own = scores.pop(event.label, 0.0)
    second = max(scores, key=lambda label: scores[label], default="")
    margin = own - scores.get(second, 0.0)
    whys = []
    if margin < 0:
        whys.append(f"it would be called '{second}' now")
    elif margin < CLOSE:
        whys.append(f"'{second}' is close")
    if reading.strangeness > STRANGE:
        whys.append(f"it is {reading.strangeness:.1f} times as strange as known sounds")
    return Question(event, own, second, margin, reading.strangeness, " and ".join(whys) or "one of the less certain")


class Answered:
    """The events that were answered without an example, in a file beside the journal; more than are remembered need
    not be kept."""

    def __init__(self, journal: Path) -> None:
        self._path = journal.with_name(journal.name + ".answered.json")

    def ids(self) -> list[str]:
        try:
            found = json.loads(self._path.read_bytes())
        except (OSError, ValueError):  # none yet, or not whole: then a question comes again
            return []
        return [id for id in found if isinstance(id, str)] if isinstance(found, list) else []

    def add(self, event: str) -> None:
        """Raises OSError."""
        write_whole(self._path, json.dumps([*self.ids(), event][-2 * EVENTS_KEPT :]).encode())
