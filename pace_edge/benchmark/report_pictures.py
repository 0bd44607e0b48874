"""Which pictures a report has, what they are called, and what they say to those who cannot see them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from pace_edge.benchmark.report_groups import FROZEN, PACE, Group, plan
from pace_edge.benchmark.report_statistics import curve, leaders, mean_matrix, mean_of, time_ratio

MAPPED = (PACE, FROZEN, "naive fine-tuning")  # whose matrices are shown


class Picture(NamedTuple):
    name: str  # of the file
    alt: str
    content: bytes  # PNG


def pictures_of(group: Group, number: int, look: Mapping[str, dict[str, Any]]) -> list[Picture]:
    """The group's, `number` from 1 in the report."""
    from pace_edge.benchmark import report_figures as figures

    stem = f"{number:02}-{_file_name(group.set)}-{_file_name(group.backbone)}"
    ends = {method: mean_of([run.accuracy for run in runs]).mean for method, runs in group.of_method.items()}
    curves = {method: curve(runs) for method, runs in group.of_method.items()}
    made = []
    whole = {method: curves[method] for method in curves if not method.startswith(f"{PACE}, ")}
    parts = {method: curves[method] for method in curves if method.startswith(PACE) or method == FROZEN}
    for name, what, some in (
        ("sessions", "methods", whole),
        ("ablations", "PACE and what it is made of", parts if len(parts) > len({PACE, FROZEN} & {*parts}) else {}),
    ):
        if some:
            alt = (
                f"Lines: accuracy on all classes so far after each of {group.T} sessions on {group.name}, {what}. "
                f"After the last: {_listed(some, ends)}."
            )
            title = f"{group.name}: {what}"
            made.append(Picture(f"{stem}-{name}.png", alt, figures.small_png(figures.curves(title, some, look))))
    mapped = [method for method in MAPPED if method in group.of_method] or leaders(group)[:1]
    if group.T > 1 and mapped:
        lost = {method: fmean(run.forgetting for run in group.of_method[method]) for method in mapped}
        alt = (
            f"Heat maps: accuracy on each session's classes after each session on {group.name}. Points forgotten: "
            f"{', '.join(f'{method} {100 * share:.1f}' for method, share in lost.items())}."
        )
        title = f"{group.name}: each session's classes after each session"
        means = {method: mean_matrix(group.of_method[method]) for method in mapped}
        made.append(Picture(f"{stem}-matrix.png", alt, figures.small_png(figures.matrices(title, means))))
    costs = {method: (ends[method], _costs(group, method)) for method in whole}
    alt = (
        f"Points: accuracy after the last session on {group.name} over bytes stored, parameters trained and time; the "
        "tables have the numbers."
    )
    title = f"{group.name}: what accuracy costs"
    made.append(Picture(f"{stem}-cost.png", alt, figures.small_png(figures.costs(title, costs, look))))
    return made


def _costs(group: Group, method: str) -> tuple[float, float, float | None]:
    runs = group.of_method[method]
    time = time_ratio(runs, group.of_method.get(FROZEN, ()))
    return max(run.stored_bytes for run in runs), max(run.trainable_parameters for run in runs), time


def cka_pictures(groups: Sequence[Group]) -> list[Picture]:
    """One for each backbone that was probed: the mean over orders, a line a set. All of PACE's variants that probe have
    the same probe."""
    from pace_edge.adapt.settings import PaceSettings
    from pace_edge.benchmark import report_figures as figures

    made: list[Picture] = []
    for backbone in dict.fromkeys(group.backbone for group in groups):
        of_sets = {}
        for group in groups:
            if group.backbone == backbone and (probes := _probes(group)):
                of_sets[group.set] = [fmean(of_block) for of_block in zip(*probes, strict=True)]
        if of_sets:
            lowest = ", ".join(f"{name} {min(values):.3f}" for name, values in of_sets.items())
            alt = f"Lines: similarity (CKA) of each block of {backbone} before and after the probe. Lowest: {lowest}."
            title = f"{backbone}: which blocks move in the probe"
            name = f"cka-{len(made) + 1:02}-{_file_name(backbone)}.png"
            made.append(Picture(name, alt, figures.small_png(figures.cka(title, of_sets, PaceSettings().rho_layer))))
    return made


def _probes(group: Group) -> list[list[float]]:
    """The similarities of the blocks, [orders][blocks]; of probes of different lengths, none."""
    probes: dict[tuple[int, int], list[float]] = {}
    for run in group.runs:
        if run.method.startswith(PACE) and (similarities := run.details.get("cka")):
            probes.setdefault(plan(run), similarities)
    return list(probes.values()) if len({len(probe) for probe in probes.values()}) == 1 else []


def _listed(methods: Mapping[str, object], ends: Mapping[str, float]) -> str:
    ordered = sorted(methods, key=lambda method: -ends[method])
    return ", ".join(f"{method} {100 * ends[method]:.1f} %" for method in ordered)


def _file_name(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.") or "unnamed"
