"""The paper's tables beside ours. Quoted numbers are marked, and stand in rows of their own; only the same set with the
same backbone is held against them."""

from __future__ import annotations

from collections.abc import Sequence

from pace_edge.adapt.markdown import cell
from pace_edge.benchmark import report_paper as paper
from pace_edge.benchmark.report_groups import Group
from pace_edge.benchmark.report_statistics import mean_of
from pace_edge.benchmark.report_tables import NOT_RUN, NOTHING, table
from pace_edge.benchmark.sets import SETS

MARK = " †"  # after every quoted number


def beside_paper(groups: Sequence[Group]) -> list[str]:
    """Section's lines: three tables."""
    every = (*paper.COARSE, *paper.FINE)
    lines = [
        f"Numbers with †, in rows that say so, are quoted: {paper.SOURCE}. They are accuracies after the last session, "
        "per cent, one run each, with EAT. Rows called ours are the same set in full, with EAT; where there is none "
        "they say so. Differences are ours minus quoted, in points."
    ]
    for heading, quoted, sets in (
        ("Methods", paper.METHODS, every),
        ("Steps of the first-session adaptation", paper.FSA_STEPS, paper.COARSE),
        ("Components", paper.COMPONENTS, paper.FINE),
    ):
        lines += ["", f"### {heading}, beside the paper", "", *_table(groups, quoted, sets)]
    return lines


def _table(groups: Sequence[Group], quoted: paper.Quoted, sets: Sequence[str]) -> list[str]:
    rows = []
    for words, (methods, numbers) in quoted.items():
        rows.append([f"{cell(words)}, quoted", *(f"{value:.2f}{MARK}" for value in numbers)])
        for method in methods:
            ours = [_ours(groups, method, name) for name in sets]
            shown = [NOT_RUN if share is None else f"{100 * share:.2f}" for share in ours]
            rows.append([f"{cell(method)}, ours", *shown])
            if any(share is not None for share in ours):
                both = zip(ours, numbers, strict=True)
                apart = [NOTHING if share is None else f"{100 * share - value:+.2f}" for share, value in both]
                rows.append([f"{cell(method)}, difference", *apart])
    return table(["", *map(cell, sets)], rows)


def _ours(groups: Sequence[Group], method: str, name: str) -> float | None:
    """Mean last accuracy on the same set with the same backbone, at the paper's M if it was run with that."""
    for group in sorted(groups, key=lambda group: group.M != paper.M):
        same = group.set in SETS and SETS[group.set].paper == name
        if same and group.backbone.partition(":")[0] == paper.BACKBONE and method in group.of_method:
            return mean_of([run.accuracy for run in group.of_method[method]]).mean
    return None
