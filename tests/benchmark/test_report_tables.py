"""The numbers of the tables are those of the runs, computed here anew; only what may be compared is compared."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.benchmark import report_paper as paper
from pace_edge.benchmark.report_beside import MARK, beside_paper
from pace_edge.benchmark.report_groups import grouped, plans_sha256
from pace_edge.benchmark.report_statistics import curve, leaders, mean_matrix, time_ratio
from pace_edge.benchmark.report_tables import (
    absent_methods,
    accuracy_table,
    cost_table,
    coverage_table,
    named_seconds,
    number,
    size,
    standing_table,
)
from pace_edge.benchmark.report_verdicts import summary, verdict, verdicts
from pace_edge.errors import PaceEdgeError
from tests.benchmark.some_runs import some_run


def cells(lines: list[str]) -> dict[str, list[str]]:
    """The rows of a table by their first cell; the first two lines are its head."""
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    assert len({len(row) for row in rows}) == 1
    return {row[0]: row[1:] for row in rows}


def three(method, lasts, **changes):
    return [some_run(method, order, last=last, **changes) for order, last in enumerate(lasts)]


def one_group(*of_methods, methods=()):
    (group,) = grouped([run for runs in of_methods for run in runs], methods)
    return group


FROZEN, PACE, JOINT = [0.7, 0.75, 0.62], [0.8, 0.75, 0.76], [0.9, 0.9, 0.9]


def test_means_deviations_and_paired_differences_are_those_of_the_runs():
    group = one_group(
        three("frozen + analytic", FROZEN), three("PACE", PACE), three("joint LoRA", JOINT, joint=True),
        methods=["joint LoRA", "L2P", "PACE"],
    )  # fmt: skip
    rows = cells(accuracy_table(group))
    assert [*rows][2:] == ["joint LoRA", "PACE", "frozen + analytic"]
    assert absent_methods(group, ["joint LoRA", "L2P", "PACE, no L_reg"]) == ["", "Not run: L2P; PACE, no L\\_reg."]
    assert absent_methods(group, ["PACE"]) == []
    runs, accuracy, macro, average, forgetting, backward, to_frozen, to_pace = rows["PACE"]
    assert runs == "3" and accuracy == f"**{100 * np.mean(PACE):.1f} ± {100 * np.std(PACE, ddof=1):.1f}**"
    assert macro == accuracy.strip("*")
    per_run = [np.mean(np.linspace(1, last, 5)) for last in PACE]
    assert average == f"{100 * np.mean(per_run):.1f} ± {100 * np.std(per_run, ddof=1):.1f}"
    # session j's classes fall from 1 to the value that 4 - j steps lead to, of the line from 1 to last
    lost = [np.mean([(4 - j) / 4 * (1 - last) for j in range(4)]) for last in PACE]
    assert forgetting == f"{100 * np.mean(lost):.1f} ± {100 * np.std(lost, ddof=1):.1f}"
    assert backward == f"-{forgetting}"
    apart = np.subtract(PACE, FROZEN)  # 0.1, 0, 0.14: of eight sign flips four are as far from 0
    assert to_frozen == f"{100 * np.mean(apart):+.1f} ± {100 * np.std(apart, ddof=1) / math.sqrt(3):.1f} (p 0.50)"
    assert to_pace == ""
    assert rows["frozen + analytic"][6] == "" and rows["frozen + analytic"][7].startswith("-8.0 ± 4.2 (p")
    assert "**" not in rows["joint LoRA"][1] and rows["joint LoRA"][3:6] == ["", "", ""]
    assert leaders(group) == ["PACE", "frozen + analytic"]


def test_one_run_has_no_deviation_and_a_difference_no_error():
    rows = cells(accuracy_table(one_group([some_run("PACE", last=0.8)], [some_run("frozen + analytic", last=0.7)])))
    assert rows["PACE"][1] == "**80.0**" and rows["PACE"][6] == "+10.0"


def test_differences_are_over_the_orders_that_both_have():
    rows = cells(accuracy_table(one_group(three("PACE", [0.9, 0.8, 0.1]), three("frozen + analytic", [0.7, 0.7]))))
    assert rows["PACE"][6] == "+15.0 ± 5.0 (p 0.50)"
    apart = [some_run("PACE", 0), some_run("frozen + analytic", 1)]
    assert cells(accuracy_table(one_group(apart)))["PACE"][6] == ""


def test_time_is_with_the_embedding_relative_to_the_frozen_backbone_and_on_the_same_device():
    frozen = three("frozen + analytic", FROZEN, train_seconds=[0.1] * 5)  # 0.5 s and 320 clips of 0.01 s: 3.7 s
    own = three("PACE", PACE, train_seconds=[2.0] * 5, embedded_clips_train=0)
    rows = cells(cost_table(one_group(frozen, own)))
    assert rows["PACE"][0] == f"{10 / 3.7:.3g}" and rows["frozen + analytic"][0] == "1"
    assert "on the GPU" not in rows["method"]
    elsewhere = three("PACE", PACE, device="cuda, NVIDIA H100 80GB HBM3")
    assert time_ratio(elsewhere, frozen) is None
    rows = cells(cost_table(one_group(frozen, elsewhere)))
    assert (
        rows["method"][1] == "on the GPU" and rows["PACE"][:2] == ["", "5.7 s"] and rows["frozen + analytic"][1] == ""
    )
    assert named_seconds(elsewhere) == "5.7 s" and named_seconds([*elsewhere, *own]) == "" and named_seconds(own) == ""


def test_costs_are_the_largest_of_the_runs_in_units_that_can_be_read():
    runs = [some_run("PACE", o, stored_bytes=s, trainable_parameters=7000) for o, s in enumerate((10, 4_194_304))]
    assert cells(cost_table(one_group(runs)))["PACE"][1:] == ["1 GB", "7 k", "4.19 MB"]
    assert [number(n) for n in (0, 999, 1000, 12345, 10**6, 2.5e9)] == ["0", "999", "1 k", "12.3 k", "1 M", "2.5 G"]
    assert (size(0), size(1000)) == ("0 B", "1 kB")


def test_curves_and_matrices_are_means_over_the_runs():
    runs = three("PACE", [0.8, 0.6])
    mean, deviation = curve(runs)
    assert mean == pytest.approx([1, 0.925, 0.85, 0.775, 0.7]) and deviation[4] == pytest.approx(np.sqrt(0.02))
    assert mean_matrix(runs)[4] == pytest.approx([0.7, 0.775, 0.85, 0.925, 1])


def test_what_ran_is_counted_and_what_did_not_says_so():
    groups = grouped([*three("PACE", PACE), *three("NCM", FROZEN), some_run(set="mine", backbone="eat")])
    rows = cells(coverage_table(groups, ["esc50", "esc10"], ["whisper-base", "eat", "sslam"]))
    assert rows["set"] == ["whisper-base:last", "eat", "sslam"]
    assert rows["esc10"] == ["6 runs, 2 methods", "not run", "not run"]
    assert rows["mine"] == ["not run", "1 run, 1 method", "not run"] and rows["esc50"] == ["not run"] * 3


def test_runs_of_other_settings_are_never_in_one_group():
    runs = [some_run(), some_run(M=8192), some_run(epochs=1), some_run(seconds=1.0), some_run(backbone="eat")]
    assert [len(group.runs) for group in grouped([*runs, some_run(set="sc12")])] == [1] * 6


def test_groups_of_one_set_and_backbone_are_called_by_what_differs_between_them():
    first, *others = (some_run(), some_run(M=8192), some_run(set="sc12"))
    assert [group.name for group in grouped([first, *others])] == [
        "esc10, whisper-base:last, M 2048", "esc10, whisper-base:last, M 8192", "sc12, whisper-base:last",
    ]  # fmt: skip
    names = [group.name for group in grouped([first, some_run(epochs=1, seconds=1.5)])]
    assert names == ["esc10, whisper-base:last, 5 s, E_0 10", "esc10, whisper-base:last, 1.5 s, E_0 1"]


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"set_sha256": "0"}, r"FeCAM and PACE cannot be compared on esc10, .* \(order 0, fold 1\): expected the same"),
        ({"backbone_sha256": "0" * 64}, "expected the same weights, got other checksums"),
        ({"sessions": [["x", "y"], *some_run().sessions[1:]]}, "expected the same sessions for the same order, got"),
        ({"T": 4}, "expected the same sessions for the same order, got others. Give one of the two another"),
        ({"T": 4, "order": 1}, "expected the same sessions"),
    ],
)  # fmt: skip
def test_runs_that_only_look_alike_are_refused(other, what):
    with pytest.raises(PaceEdgeError, match=what):
        grouped([some_run("PACE"), some_run("FeCAM", **other)])


def test_runs_of_one_method_by_two_codes_are_refused():
    said = r"FeCAM and FeCAM cannot be compared .* \(order 1, fold 1\): expected the code a.py, got b.py. Give one of"
    with pytest.raises(PaceEdgeError, match=said):
        grouped([some_run("FeCAM", source="a.py"), some_run("PACE"), some_run("FeCAM", 1, source="b.py")])
    assert grouped([some_run("FeCAM", source="a.py"), some_run("FeCAM", 1, source="b.py", set="sc12")])


def test_the_plans_checksum_is_of_the_sessions_and_of_nothing_else():
    runs = [some_run("PACE", 0), some_run("PACE", 1), some_run("joint LoRA", 0, joint=True)]
    (before,) = plans_sha256(grouped(runs)).values()
    assert plans_sha256(grouped([*reversed(runs), some_run("NCM", 1, last=0.1)])) == {"esc10": before}
    assert plans_sha256(grouped(runs[:1])) != {"esc10": before}


def test_the_papers_numbers_are_marked_and_the_same_set_on_the_same_backbone_stands_beside_them():
    tables = (paper.METHODS, paper.FSA_STEPS, paper.COMPONENTS)
    quoted = [value for table in tables for _, values in table.values() for value in values]
    rows_of_ours = sum(len(methods) * len(values) for table in tables for methods, values in table.values())
    small = [some_run("PACE", set=name, backbone=backbone) for name, backbone in (("esc10", "eat"), ("esc50", "sslam"))]
    text = "\n".join(beside_paper(grouped(small)))
    assert sorted(re.findall(r"\d+\.\d\d" + MARK, text)) == sorted(f"{value:.2f}{MARK}" for value in quoted)
    assert not re.findall(r"\d+\.\d\d(?!\d|" + MARK + ")", text.replace("2602.03355", ""))  # none without its mark
    assert text.count("not run") == rows_of_ours
    assert "arXiv 2602.03355" in text and "difference |" not in text

    ours = [
        some_run("PACE, as published", 0, set="esc50", backbone="eat:last", last=0.96),
        some_run("PACE, as published", 1, set="esc50", backbone="eat:last", last=0.95),
    ]
    rows = cells([line for line in beside_paper(grouped([*small, *ours])) if line.startswith("| PACE")][:3])
    assert rows["PACE, quoted"] == ["95.75 †", "97.49 †", "91.87 †", "90.95 †", "94.05 †", "69.08 †"]
    assert rows["PACE, as published, ours"] == ["95.50", *["not run"] * 5]
    assert rows["PACE, as published, difference"] == ["-0.25", *[""] * 5]
    at_8192 = [some_run("PACE, as published", 0, set="esc50", backbone="eat", last=0.9, M=8192)]
    assert any("| 90.00 |" in line for line in beside_paper(grouped([*ours, *at_8192])))


def test_small_sets_stand_beside_the_name_of_what_they_stand_in_for():
    groups = grouped([*three("PACE", PACE), some_run("PACE", set="digits", last=0.5)])
    rows = cells(standing_table(groups, ["PACE", "L2P"], paper.STANDS_FOR))
    assert rows["esc10"] == ["ESC-50", "whisper-base:last", "77.0 ± 2.6", "not run"]
    assert rows["digits"] == ["", "whisper-base:last", "50.0", "not run"]
    twins = standing_table(grouped([some_run(), some_run(M=8192)]), ["PACE"], paper.STANDS_FOR)
    assert [line.split("|")[3].strip() for line in twins[2:]] == [
        "whisper-base:last, M 2048",
        "whisper-base:last, M 8192",
    ]


def test_where_pace_does_not_lead_a_sentence_says_by_how_much():
    frozen, pace, joint = (
        three("frozen + analytic", FROZEN),
        three("PACE", PACE),
        three("joint LoRA", JOINT, joint=True),
    )
    said = "**esc10, whisper-base:last**: PACE "
    assert verdict(one_group(frozen, pace, joint, three("NCM", [0.1] * 3))) == (
        said
        + "leads; the next, frozen + analytic, is 8.0 ± 4.2 points (n 3, p 0.50, less than two standard errors) behind."
    )
    better, best = three("RanPAC", [0.9, 0.85, 0.88]), three("L2P", [0.95] * 3)
    assert verdict(one_group(frozen, pace, better, best)) == (
        said + "does not lead: L2P is 18.0 ± 1.5 points (n 3, p 0.25) ahead, RanPAC is 10.7 ± 0.7 points (n 3, "
        "p 0.25) ahead."
    )
    part = three("PACE, no L_reg", [0.81, 0.77, 0.79])
    assert verdict(one_group(frozen, pace, part)).endswith(
        "behind. Of what PACE is made of, PACE, no L\\_reg is 2.0 ± 0.6 points (n 3, p 0.25) ahead."
    )
    assert verdict(one_group(three("NCM", PACE), pace)) == said + "leads, level with NCM (n 3)."
    assert verdict(one_group([some_run("PACE", last=0.8)], [some_run("NCM", last=0.9)])) == (
        said + "does not lead: NCM is 10.0 points (n 1) ahead."
    )
    assert verdict(one_group(pace, joint)) == said + "was run alone; there is nothing to hold it against."
    neither = [grouped(three("NCM", PACE, set=name))[0] for name in ("digits", "sc12")]
    assert verdicts([neither[0], one_group(pace, joint), neither[1]]) == [
        f"- {said}was run alone; there is nothing to hold it against.",
        "- PACE was not run on **digits, whisper-base:last**; **sc12, whisper-base:last**.",
    ]
    assert verdicts([one_group(pace, joint)]) == [f"- {said}was run alone; there is nothing to hold it against."]


def test_how_often_pace_leads_is_counted_by_grain():
    def runs_on(name, pace, **others):
        alone = [some_run("PACE, no L_reg", set=name, last=1.0), some_run("joint LoRA", set=name, joint=True, last=1.0)]
        return [some_run(method, set=name, last=last) for method, last in {"PACE": pace, **others}.items()] + alone

    sets = [
        runs_on("timit16-2", 0.8, NCM=0.7, L2P=0.6), runs_on("timit16-3", 0.8, NCM=0.8, L2P=0.6),
        runs_on("digits-by-speaker", 0.8, NCM=0.6, L2P=0.9), runs_on("esc10", 0.8, NCM=0.7), runs_on("sc12", 0.8),
        runs_on("mine", 0.8, NCM=0.9, L2P=0.7),
    ]  # fmt: skip
    assert summary(grouped([run for some in sets for run in some])) == (
        "PACE beside all other methods: on fine sets it leads on 1, is level with the best on 1, of 3; on coarse sets "
        "it leads on 1, is level with the best on 0, of 1; on other sets it leads on 0, is level with the best on 0, "
        "of 1."
    )
    assert summary(grouped(sets[4])) == "PACE was not run beside another method."


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_the_sentence_says_that_pace_leads_if_and_only_if_nobody_is_ahead(pace, other):
    said = verdict(one_group(three("PACE", pace), three("RanPAC", other)))
    n = min(len(pace), len(other))
    ahead = np.mean(other[:n]) - np.mean(pace[:n])
    if abs(ahead - 0.0005) > 1e-9:
        assert ("does not lead" in said) == (ahead > 0.0005)
