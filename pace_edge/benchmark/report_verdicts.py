"""Whether PACE leads, in a sentence for each group: by how much, over how many orders, and how surely."""

from __future__ import annotations

from collections.abc import Mapping

from pace_edge.adapt.markdown import cell
from pace_edge.benchmark.compare import Paired
from pace_edge.benchmark.report_groups import PACE, Group
from pace_edge.benchmark.report_statistics import ahead, leaders
from pace_edge.benchmark.report_tables import percent, probability

LEVEL = 0.0005  # half of the last digit that is shown


def verdict(group: Group) -> str:
    """A sentence or two, in Markdown. Joint training is no match: it has all classes at once."""
    where = f"**{cell(group.name)}**"
    if PACE not in group.of_method:
        return f"{where}: PACE was not run."
    against = {
        method: difference
        for method in leaders(group)
        if method != PACE and (difference := ahead(group.of_method[PACE], group.of_method[method])) is not None
    }
    others = {method: value for method, value in against.items() if not _is_part(method)}
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
    if parts := {method: value for method, value in against.items() if _is_part(method) and _below(value.mean)}:
        said += f". Of what PACE is made of, {_each(parts)}"
    return f"{where}: {said}."


def _is_part(method: str) -> bool:
    return method.startswith(f"{PACE}, ")


def _below(difference: float) -> bool:
    return difference < -LEVEL


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
