"""The text of the report, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pace_edge.adapt.markdown import cell, one_line
from pace_edge.benchmark.records import Record
from pace_edge.benchmark.report_beside import beside_paper
from pace_edge.benchmark.report_groups import FROZEN, PACE, Group, plans_sha256
from pace_edge.benchmark.report_html import anchor
from pace_edge.benchmark.report_paper import IN_PAPER, STANDS_FOR
from pace_edge.benchmark.report_pictures import Picture
from pace_edge.benchmark.report_tables import (
    absent_methods,
    accuracy_table,
    cost_table,
    coverage_table,
    many,
    standing_table,
    table,
)
from pace_edge.benchmark.report_verdicts import summary, verdicts
from pace_edge.benchmark.sets import SETS
from pace_edge.benchmark.sources import OURS

LEAD, WHY, RAN, BESIDE, SMALL = "Where PACE leads", "Why", "What ran", "Beside the paper", "Our small sets"
READ, CKA, MADE = "How to read the tables", "Which blocks move", "How this was made"


def page(
    groups: Sequence[Group], pictures: Sequence[Sequence[Picture]], cka: Sequence[Picture], *, methods: Sequence[str],
    backbones: Sequence[str], analysis: str, notes: Sequence[str],
) -> str:  # fmt: skip
    """`pictures` are each group's; `analysis` is Markdown from somebody who looked."""
    runs = [run for group in groups for run in group.runs]
    of_sets = [group.name for group in groups]
    headings = [LEAD, *[WHY] * bool(analysis), RAN, BESIDE, SMALL, READ, *of_sets, *[CKA] * bool(cka), MADE]
    lines = [
        "# Audio continual learning with pretrained models", "",
        f"{many(len(runs), 'run')} of {many(len({r.method for r in runs}), 'method')} on "
        f"{many(len({g.set for g in groups}), 'set')} with {many(len({g.backbone for g in groups}), 'backbone')}. "
        "Classes come in sessions; no old clip is kept; a test clip is told apart among all classes so far.", "",
        *[f"- [{cell(heading)}](#{anchor(heading)})" for heading in headings],
        *_section(LEAD), summary(groups), "", *verdicts(groups),
    ]  # fmt: skip
    if analysis:
        lines += [*_section(WHY), analysis.strip()]
    lines += [*_section(RAN), *coverage_table(groups, [*SETS], backbones)]
    lines += [*_section(BESIDE), *beside_paper(groups)]
    lines += [*_section(SMALL), *_standing(groups)]
    lines += [*_section(READ), *_legend()]
    for heading, group, its in zip(of_sets, groups, pictures, strict=True):
        lines += [*_section(heading), *_of_group(group, its, methods)]
    if cka:
        lines += [*_section(CKA), *_legend_cka(), *_shown(cka)]
    return "\n".join([*lines, *_section(MADE), *_made(groups, runs, notes), ""])


def _section(heading: str) -> list[str]:
    return ["", f"## {cell(heading)}", ""]


def _standing(groups: Sequence[Group]) -> list[str]:
    small = [group for group in groups if not (group.set in SETS and SETS[group.set].paper)]
    if not small:
        return ["None was run."]
    return [
        "Accuracy after the last session, per cent ± deviation over runs, on sets that are not the paper's. Where one "
        "stands in for a set of the paper it is far smaller, and its numbers say nothing of that set's.", "",
        *standing_table(small, IN_PAPER, STANDS_FOR),
    ]  # fmt: skip


def _legend() -> list[str]:
    return [
        "- **accuracy**: of all test clips after the last session, per cent (the paper's average); **macro**: the mean "
        "over classes; **average**: the mean over sessions. ± is the standard deviation over runs.",
        "- **forgetting**: from the best that earlier sessions' classes ever had, in points; **backward transfer**: "
        "from when they were new; below 0 is lost.",
        f"- **against {FROZEN}**, **against {PACE}**: the mean difference over the same class orders, in points, ± its "
        "standard error, and p of exact sign flips (two-sided), which cannot be below 2 / 2^n for n orders. All orders "
        "have the same test clips: this is how sure a difference is for other orders, not for other clips.",
        f"- **time to learn**: with embedding the clips, as a multiple of {FROZEN} on the same device; seconds are "
        "told only of a GPU with a name. **peak memory**: of the process. **trained at once**: parameters. **stored**: "
        "all that is kept between sessions beyond the pretrained backbone.",
        "- A method that had all classes at once (joint training) is no match for the others and never in bold; it has "
        "nothing to forget.",
    ]


def _legend_cka() -> list[str]:
    return [
        "Linear CKA of each block's features before and after the probe, a throw-away adaptation of all blocks on "
        "session 1; the mean over orders. Blocks before the first below rho_layer stay frozen.",
        "",
    ]


def _of_group(group: Group, pictures: Sequence[Picture], methods: Sequence[str]) -> list[str]:
    first = next(run for run in group.runs if len(run.sessions) == group.T)
    known = SETS.get(group.set)
    classes = sum(map(len, first.sessions))
    facts = [
        f"{known.title}, {'fine' if known.fine else 'coarse'}" if known else "",
        f"{classes} classes in {many(group.T, 'session')}",
        f"{first.clips_train} clips to learn from, {first.clips_test} to test on",
        f"clips of {group.seconds:g} s, E_0 {group.epochs}, M {group.M}",
        f"one test clip is {100 / first.clips_test:.2g} points, guessing {100 / classes:.1f} %",
    ]
    lines = ["; ".join(fact for fact in facts if fact) + ".", "", *accuracy_table(group)]
    lines += absent_methods(group, methods)
    *plots, cost = pictures
    return [*lines, *_shown(plots), "", *cost_table(group), *_shown([cost])]


def _shown(pictures: Sequence[Picture]) -> list[str]:
    return [line for picture in pictures for line in ("", f"![{cell(picture.alt)}]({picture.name})")]


def _made(groups: Sequence[Group], runs: Sequence[Record], notes: Sequence[str]) -> list[str]:
    plans, begun, ended = plans_sha256(groups), min(r.at_unix_s for r in runs), max(r.at_unix_s for r in runs)
    orders = sorted({run.order for run in runs})
    foreign = sorted({(run.method, run.source) for run in runs if run.source.partition(",")[0] != OURS})
    return [
        f"- Runs ended {_day(begun)} to {_day(ended)} (UTC). Seeds, of the class order and of the method: "
        f"{', '.join(map(str, orders))}. Folds tested on: {', '.join(map(str, sorted({run.fold for run in runs})))}.",
        f"- Devices: {_counted([run.device for run in runs])}.",
        f"- Versions: {_counted([', '.join(f'{k} {v}' for k, v in sorted(run.versions.items())) for run in runs])}.",
        *[f"- {cell(method)} is not of this package: {cell(source)}." for method, source in foreign],
        *[f"- {cell(note)}" for note in notes],
        "", "SHA-256 of which classes came when, and of every clip's content, label and fold:", "",
        *table(["set", "plans", "clips"], _checksums(groups, plans), words=3),
        "", "Weights:", "",
        *table(["backbone", "SHA-256"], sorted({(cell(r.backbone), _short(r.backbone_sha256)) for r in runs}), words=2),
        "", "Commands:", "", *[f"    {one_line(command)}" for command in dict.fromkeys(run.command for run in runs)],
        "", "All runs are in `leaderboard.jsonl`.",
    ]  # fmt: skip


def _checksums(groups: Sequence[Group], plans: Mapping[str, str]) -> list[list[str]]:
    clips = {group.set: group.runs[0].set_sha256 for group in groups}
    return [[cell(name), _short(plans[name]), _short(clips[name])] for name in clips]


def _short(sha256: str) -> str:
    return f"`{cell(sha256[:16])}`"


def _counted(values: Sequence[str]) -> str:
    return "; ".join(f"{cell(value)} ({many(values.count(value), 'run')})" for value in dict.fromkeys(values))


def _day(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M")
