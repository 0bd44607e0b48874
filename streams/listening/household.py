"""The household set: sounds that the model's backbone has a name for, and that are announced without being taught.

One table says what a sound is called here, which of AudioSet's display names mean it (the largest of their scores
counts), and from which score on it is announced. The thresholds and the verdicts are those of

    python -m benchmarks.household --data ../shared/data

A sound is `tested` where 10 clips of it or more were heard: its threshold is the lowest, from 0.2 on, at which all
other sounds make at most one false event an hour, and at least half of its clips are found then. It is `untested` where
there were fewer clips; its threshold keeps to the same rate, and is 0.5 at least. It is `refused` where less than half
of its clips, of 5 or more, are found.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pace_edge.errors import UsageError
from pace_edge.label_check import nearest, same_form


@dataclass(frozen=True)
class HouseholdSound:
    """`label`: what its events are called. `names`: AudioSet's display names that mean it. `threshold`: 0 to 1.
    `recall`: the share of its clips that was announced; None: too few clips were heard. `refused`: how few of its
    clips were found, so that it cannot be asked for; empty: it can."""

    label: str
    names: tuple[str, ...]
    threshold: float
    recall: float | None = None
    refused: str = ""

    @property
    def verdict(self) -> Literal["tested", "untested", "refused"]:
        if self.refused:
            return "refused"
        return "untested" if self.recall is None else "tested"


HOUSEHOLD = (
    HouseholdSound("alarm clock", ("Alarm clock",), 0.5),
    HouseholdSound("appliance beep", ("Beep, bleep", "Microwave oven"), 0.7, refused="3 of 16"),
    HouseholdSound("baby cry", ("Baby cry, infant cry",), 0.2, recall=0.90),
    HouseholdSound("blender", ("Blender",), 0.5),
    HouseholdSound("car alarm", ("Car alarm",), 0.5),
    HouseholdSound("car horn", ("Vehicle horn, car horn, honking", "Air horn, truck horn"), 0.7, refused="16 of 62"),
    HouseholdSound("cat", ("Cat", "Meow", "Caterwaul"), 0.25, recall=0.62),
    HouseholdSound("clock tick", ("Tick", "Tick-tock"), 0.2, recall=0.55),
    HouseholdSound("cough", ("Cough",), 0.55),
    HouseholdSound("dog bark", ("Dog", "Bark"), 0.7, recall=0.70),
    HouseholdSound("doorbell", ("Doorbell", "Ding-dong"), 0.5, refused="0 of 7"),
    HouseholdSound("drill", ("Drill", "Power tool"), 0.6, refused="5 of 60"),
    HouseholdSound("fire alarm", ("Fire alarm",), 0.5),
    HouseholdSound("glass breaking", ("Shatter",), 0.5),
    HouseholdSound("gunshot", ("Gunshot, gunfire",), 0.6, recall=0.55),
    HouseholdSound("hair dryer", ("Hair dryer",), 0.5),
    HouseholdSound("knock", ("Knock",), 0.5),
    HouseholdSound("rain", ("Rain", "Rain on surface"), 0.45, recall=0.73),
    HouseholdSound("rooster", ("Chicken, rooster", "Crowing, cock-a-doodle-doo"), 0.3, recall=0.89),
    HouseholdSound("running water", ("Water tap, faucet", "Sink (filling or washing)"), 0.5),
    HouseholdSound("siren", ("Siren", "Police car (siren)", "Ambulance (siren)"), 0.7, refused="24 of 56"),
    HouseholdSound("smoke alarm", ("Smoke detector, smoke alarm",), 0.5),
    HouseholdSound("sneeze", ("Sneeze",), 0.2, recall=0.57),
    HouseholdSound("snoring", ("Snoring",), 0.75),
    HouseholdSound("telephone", ("Telephone", "Telephone bell ringing", "Ringtone"), 0.75),
    HouseholdSound("toilet flush", ("Toilet flush",), 0.5),
    HouseholdSound("vacuum cleaner", ("Vacuum cleaner",), 0.5),
)  # fmt: skip

SOUNDS_LIKE = 3  # names that a window has at most
LEAST_LIKE = 0.1  # a lower score says nothing
_NO_SOUND = "Silence"
Names = tuple[tuple[str, float], ...]


def household_sounds(wanted: Iterable[str]) -> dict[str, HouseholdSound]:
    """The household sounds of these names, by their label: each is a label of the table or a display name of AudioSet
    that the table has. Raises UsageError."""
    known = {name: sound for sound in HOUSEHOLD for name in (*sound.names, sound.label)}
    found: dict[str, HouseholdSound] = {}
    for word in sorted(wanted):
        sound = known.get(word) or known.get(same_form(word, known) or "")
        if sound is None:
            near = nearest(word, known)
            can = ", ".join(sound.label for sound in HOUSEHOLD if not sound.refused)
            raise UsageError(
                f"events.names: no household sound is called {word!r}", expected=can,
                do=f"Did you mean '{near}'?" if near else "Give one of these, or teach it.",
            )  # fmt: skip
        if sound.refused:
            raise UsageError(
                f"events.names: '{sound.label}' cannot be announced without being taught: of its recordings only "
                f"{sound.refused} were found",
                do="Teach it: pace-edge learn.",
            )
        found[sound.label] = sound
    return found


class Household:
    """The household sounds that one model has names for. `names`: those of the model, in their order."""

    def __init__(self, sounds: Iterable[HouseholdSound], names: Sequence[str]) -> None:
        self._names = names
        columns = {sound.label: [names.index(name) for name in sound.names if name in names] for sound in sounds}
        self._columns = {label: mine for label, mine in columns.items() if mine}

    @property
    def labels(self) -> list[str]:
        return list(self._columns)

    def scores(self, heard: np.ndarray, labels: Container[str]) -> dict[str, float]:
        """Of those among `labels`, from the names' scores of one window [N] or of several of one sound [n, N]."""
        most = np.atleast_2d(heard).max(0)
        return {label: float(most[mine].max()) for label, mine in self._columns.items() if label in labels}

    def sounds_like(self, heard: np.ndarray) -> Names:
        """The best names of one window [N] or of several of one sound [n, N], best first; none where nothing is
        heard."""
        most = np.atleast_2d(heard).max(0)
        best = [i for i in np.argsort(-most, kind="stable")[: SOUNDS_LIKE + 1].tolist() if most[i] >= LEAST_LIKE]
        return tuple((self._names[i], float(most[i])) for i in best if self._names[i] != _NO_SOUND)[:SOUNDS_LIKE]


def best_names(some: Names, others: Names) -> Names:
    """Both together, each name with its larger score."""
    largest = dict(some)
    for name, score in others:
        largest[name] = max(score, largest.get(name, 0.0))
    return tuple(sorted(largest.items(), key=lambda item: -item[1])[:SOUNDS_LIKE])


def like_in_words(names: Names) -> str:
    """Such as "sounds like: smoke detector, 0.80"; empty where there is no name."""
    return f"sounds like: {spoken_name(names[0][0])}, {names[0][1]:.2f}" if names else ""


def spoken_name(name: str) -> str:
    """A display name in running words: "Smoke detector, smoke alarm" is a smoke detector."""
    return name.partition(",")[0].partition(" (")[0].lower()
