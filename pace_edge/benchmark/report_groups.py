"""Runs that may be compared: of the same set, backbone and settings, with the same classes in the same order."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from pace_edge.benchmark.records import Record
from pace_edge.errors import PaceEdgeError

FROZEN, PACE = "frozen + analytic", "PACE"
Key = tuple[str, str, float, int, int]  # set, backbone, seconds, epochs, M


@dataclass(frozen=True)
class Group:
    """The runs of one table, by method, in the order in which the methods are shown."""

    set: str
    backbone: str
    seconds: float
    epochs: int
    M: int
    of_method: dict[str, list[Record]]
    apart: str = ""  # what tells it from others of the same set and backbone

    @cached_property
    def runs(self) -> list[Record]:
        return [run for runs in self.of_method.values() for run in runs]

    @cached_property
    def T(self) -> int:
        return max(len(run.sessions) for run in self.runs)

    def is_joint(self, method: str) -> bool:
        """Whether it had all classes at once."""
        return self.T > 1 and all(len(run.sessions) == 1 for run in self.of_method[method])

    @property
    def name(self) -> str:
        return f"{self.set}, {self.backbone}{self.apart}"


def grouped(runs: Sequence[Record], methods: Sequence[str] = ()) -> list[Group]:
    """Groups in the order of their first runs; methods as in `methods`, then others as they come. Raises PaceEdgeError
    for runs that say they are comparable and are not."""
    held: dict[Key, dict[str, list[Record]]] = {}
    place = {method: i for i, method in enumerate(methods)}
    for run in runs:
        key = (run.set, run.backbone, run.seconds, run.epochs, run.M)
        held.setdefault(key, defaultdict(list))[run.method].append(run)
    groups = []
    for key, of_method in held.items():
        known_first = sorted(of_method, key=lambda method: place.get(method, len(place)))
        groups.append(Group(*key, {method: of_method[method] for method in known_first}, _apart(key, held)))
        _check(groups[-1])
    return groups


def _apart(key: Key, keys: Iterable[Key]) -> str:
    twins = [other for other in keys if other[:2] == key[:2]]
    said = zip((f"{key[2]:g} s", f"E_0 {key[3]}", f"M {key[4]}"), *(twin[2:] for twin in twins), strict=True)
    return "".join(f", {text}" for text, *values in said if len(set(values)) > 1)


def plan(run: Record) -> tuple[int, int]:
    """What two runs of a group share if they met the same classes in the same order, tested on the same clips."""
    return run.order, run.fold


def _check(group: Group) -> None:
    first = group.runs[0]
    for runs in group.of_method.values():
        for run in runs:
            if run.source != runs[0].source:
                raise _other(group, run, runs[0], f"the code {runs[0].source}", run.source)
    plans: dict[tuple[int, int], Record] = {}
    for run in group.runs:
        if (run.set_sha256, run.backbone_sha256) != (first.set_sha256, first.backbone_sha256):
            what = "clips" if run.set_sha256 != first.set_sha256 else "weights"
            raise _other(group, run, first, f"the same {what}", "other checksums")
        if len(run.sessions) == 1 < group.T:  # all classes at once
            continue
        same_order = plans.setdefault(plan(run), run)
        if len(run.sessions) != group.T or run.sessions != same_order.sessions:
            raise _other(group, run, same_order, "the same sessions for the same order", "others")


def _other(group: Group, run: Record, first: Record, expected: str, got: str) -> PaceEdgeError:
    return PaceEdgeError(
        f"{run.method} and {first.method} cannot be compared on {group.name} (order {run.order}, fold {run.fold})",
        expected=expected, got=got, do="Give one of the two another set's or backbone's name, or report them apart.",
    )  # fmt: skip


def plans_sha256(groups: Sequence[Group]) -> dict[str, str]:
    """For each set, a checksum of which classes came when in every order and fold that was run."""
    plans: dict[str, dict[str, list[list[str]]]] = defaultdict(dict)
    for group in groups:
        for run in group.runs:
            if len(run.sessions) == group.T:
                plans[group.set][f"{run.order} {run.fold}"] = run.sessions
    return {
        name: hashlib.sha256(json.dumps(of_set, sort_keys=True).encode()).hexdigest() for name, of_set in plans.items()
    }
