"""The tables of the report, in Markdown. Accuracies are in per cent, differences in points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pace_edge.adapt.markdown import cell
from pace_edge.benchmark.compare import Paired
from pace_edge.benchmark.records import Record
from pace_edge.benchmark.report_groups import FROZEN, PACE, Group
from pace_edge.benchmark.report_statistics import Mean, ahead, leaders, learning_seconds, mean_of, time_ratio

NOT_RUN = "not run"
NOTHING = ""  # where there is no number to tell


def accuracy_table(group: Group) -> list[str]:
    """Every method of the group, one row each."""
    best = leaders(group)[:1]
    rows = []
    for method, runs in group.of_method.items():
        once = group.T == 1 or group.is_joint(method)
        last = spread(mean_of([run.accuracy for run in runs]))
        rows.append([
            cell(method), str(len(runs)), f"**{last}**" if method in best else last,
            spread(mean_of([run.macro_accuracy for run in runs])),
            NOTHING if once else spread(mean_of([run.incremental_average for run in runs])),
            NOTHING if once else spread(mean_of([run.forgetting for run in runs])),
            NOTHING if once else spread(mean_of([run.backward_transfer for run in runs])),
            *(NOTHING if method == other else difference(ahead(runs, group.of_method.get(other, ())))
              for other in (FROZEN, PACE)),
        ])  # fmt: skip
    head = ["method", "runs", "accuracy", "macro", "average", "forgetting", "backward transfer", f"against {FROZEN}",
            f"against {PACE}"]  # fmt: skip
    return table(head, rows)


def absent_methods(group: Group, methods: Sequence[str]) -> list[str]:
    """A line that names those of `methods` that the group has not, or no line."""
    absent = [cell(method) for method in methods if method not in group.of_method]
    return ["", f"{NOT_RUN.capitalize()}: {'; '.join(absent)}."] if absent else []


def cost_table(group: Group) -> list[str]:
    """Seconds have a column where a GPU that has a name made some."""
    seconds = {method: named_seconds(runs) for method, runs in group.of_method.items()}
    rows = []
    for method, runs in group.of_method.items():
        ratio = time_ratio(runs, group.of_method.get(FROZEN, ()))
        rows.append([
            cell(method), NOTHING if ratio is None else f"{ratio:.3g}", *[seconds[method]] * any(seconds.values()),
            size(max(run.peak_memory_bytes for run in runs)), number(max(run.trainable_parameters for run in runs)),
            size(max(run.stored_bytes for run in runs)),
        ])  # fmt: skip
    timed = [f"time to learn, {FROZEN} = 1", *["on the GPU"] * any(seconds.values())]
    return table(["method", *timed, "peak memory", "trained at once", "stored"], rows)


def coverage_table(groups: Sequence[Group], sets: Sequence[str], backbones: Sequence[str]) -> list[str]:
    """How many runs of how many methods each set and backbone has. A backbone of `backbones` is there, too, where its
    name is followed by a choice of blocks."""
    used = list(dict.fromkeys(group.backbone for group in groups))
    unused = [name for name in backbones if name not in {backbone.partition(":")[0] for backbone in used} | {*used}]
    rows = []
    for name in dict.fromkeys((*sets, *(group.set for group in groups))):
        row = [cell(name)]
        for backbone in (*used, *unused):
            here = [group for group in groups if (group.set, group.backbone) == (name, backbone)]
            runs, methods = sum(len(group.runs) for group in here), {m for group in here for m in group.of_method}
            row.append(f"{many(runs, 'run')}, {many(len(methods), 'method')}" if here else NOT_RUN)
        rows.append(row)
    return table(["set", *map(cell, (*used, *unused))], rows)


def standing_table(groups: Sequence[Group], methods: Sequence[str], stands_for: Mapping[str, str]) -> list[str]:
    """The last accuracies of `methods` side by side, one row a group."""
    rows = [
        [
            cell(group.set), cell(stands_for.get(group.set, NOTHING)), cell(f"{group.backbone}{group.apart}"),
            *(spread(mean_of([run.accuracy for run in group.of_method[method]]))
              if method in group.of_method else NOT_RUN for method in methods),
        ]
        for group in groups
    ]  # fmt: skip
    return table(["our set", "stands in for", "backbone", *map(cell, methods)], rows, words=3)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> list[str]:
    """Short rows are filled up; the first columns are `words`, the rest numbers, to the right."""
    full = [[*row, *[NOTHING] * (len(head) - len(row))] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * words + ["---:"] * (len(head) - words), *full)]


def many(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def spread(value: Mean) -> str:
    """A share, as per cent, ± its deviation."""
    return f"{percent(value.mean)}{'' if value.deviation is None else f' ± {percent(value.deviation)}'}"


def percent(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:.1f}"  # + 0.0: never -0.0


def difference(value: Paired | None) -> str:
    """A difference of shares, in points, ± its standard error, and p."""
    if value is None:
        return NOTHING
    text = f"{round(100 * value.mean, 1) + 0.0:+.1f}"
    if value.standard_error is None:
        return text
    return f"{text} ± {percent(value.standard_error)} (p {probability(value.p)})"


def probability(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.2f}" if p >= 0.1 else f"{p:.3f}"


def named_seconds(runs: Sequence[Record]) -> str:
    """Seconds of learning a run, where one GPU that has a name made all: others' seconds mean nothing elsewhere."""
    devices = {run.device for run in runs}
    if len(devices) > 1 or runs[0].device.lower().startswith("cpu"):
        return NOTHING
    return f"{mean_of([learning_seconds(run) for run in runs]).mean:.3g} s"


def number(n: float) -> str:
    for factor, letter in ((10**9, " G"), (10**6, " M"), (10**3, " k")):
        if n >= factor:
            return f"{n / factor:.3g}{letter}"
    return f"{n:.3g}"


def size(n: int) -> str:
    return f"{number(n)}B" if n >= 1000 else f"{n} B"
