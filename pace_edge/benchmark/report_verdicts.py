"""Whether PACE leads, in a sentence for each group: by how much, over how many orders, and how surely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pace_edge.adapt.markdown import cell
from pace_edge.benchmark.compare import Paired
from pace_edge.benchmark.report_groups import PACE, Group
from pace_edge.benchmark.report_statistics import ahead, leaders
from pace_edge.benchmark.report_tables import percent, probability
from pace_edge.benchmark.sets import SETS

LEVEL = 0.0005  # half of the last digit that is shown


def verdicts(groups: Sequence[Group]) -> list[str]:
    """A bullet for each group that PACE ran on, and one for all others."""
    others = [f"**{cell(group.name)}**" for group in groups if PACE not in group.of_method]
    lines = [f"- {verdict(group)}" for group in groups if PACE in group.of_method]
    return lines + [f"- PACE was not run on {'; '.join(others)}."] * bool(others)


def verdict(group: Group) -> str:
    """A sentence or two on a group that PACE ran on, in Markdown. Joint training is no match: it has all classes at
    once."""
    where = f"**{cell(group.name)}**"
    others = _others(group)
    if not others:
        return f"{where}: PACE was run alone; there is nothing to hold it against."
    better, level = ({m: v for m, v in others.items() if which(v.mean)} for which in (_below, _level))
    if better:
        said = f"PACE does not lead: {_each(better)}"
    elif level:
        said = f"PACE leads, level with {' and '.join(f'{cell(method)} (n {v.n})' for method, v in level.items())}"
    else:
        method, value = min(others.items(), key=lambda item: item[1].mean)
        said = f"PACE leads; the next, {cell(method)}, is {_by(value)} behind"
    if parts := {method: value for method, value in _parts(group).items() if _below(value.mean)}:
        said += f". Of what PACE is made of, {_each(parts)}"
    return f"{where}: {said}."


def summary(groups: Sequence[Group]) -> str:
    """How often PACE leads, on sets of the grain that the paper calls fine, on coarse ones, and on others."""
    counted = []
    for grain, is_it in (("fine", True), ("coarse", False), ("other", None)):
        worst = [
            min(value.mean for value in others.values())
            for group in groups
            if PACE in group.of_method
            and (SETS[group.set].fine if group.set in SETS else None) is is_it
            and (others := _others(group))
        ]
        if worst:
            leads, level = (sum(map(which, worst)) for which in (_above, _level))
            n = len(worst)
            counted.append(f"on {grain} sets it leads on {leads}, is level with the best on {level}, of {n}")
    if not counted:
        return "PACE was not run beside another method."
    return f"PACE beside all other methods: {'; '.join(counted)}."


def _others(group: Group) -> dict[str, Paired]:
    """By how much PACE is ahead of each method that is no part of it."""
    return {method: value for method, value in _ahead_of(group).items() if not _is_part(method)}


def _parts(group: Group) -> dict[str, Paired]:
    return {method: value for method, value in _ahead_of(group).items() if _is_part(method)}


def _ahead_of(group: Group) -> dict[str, Paired]:
    methods = [method for method in leaders(group) if method != PACE]
    found = {method: ahead(group.of_method[PACE], group.of_method[method]) for method in methods}
    return {method: value for method, value in found.items() if value is not None}


def _is_part(method: str) -> bool:
    return method.startswith(f"{PACE}, ")


def _below(difference: float) -> bool:
    return difference < -LEVEL


def _above(difference: float) -> bool:
    return difference > LEVEL


def _level(difference: float) -> bool:
    return abs(difference) <= LEVEL


def _each(ahead_of_pace: Mapping[str, Paired]) -> str:
    ordered = sorted(ahead_of_pace.items(), key=lambda item: item[1].mean)
    return ", ".join(f"{cell(method)} is {_by(value)} ahead" for method, value in ordered)


def _by(value: Paired) -> str:
    """How far, whichever way, and how surely."""
    if value.standard_error is None:
        return f"{percent(abs(value.mean))} points (n {value.n})"
    doubt = ", less than two standard errors" if abs(value.mean) < 2 * value.standard_error else ""
    p = f"p {probability(value.p)}"
    return f"{percent(abs(value.mean))} ± {percent(value.standard_error)} points (n {value.n}, {p}{doubt})"
