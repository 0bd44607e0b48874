"""PACE next to what it is made of, on real sounds, words and speakers, over class orders and seeds.

    python -m benchmarks.pace_methods --data ../shared/data --sets esc10 timit16 --orders 3 --output runs.jsonl

One line of JSON is written for each run, those that are there already are not run again; the table at the end is made
from all of them: accuracy over all classes after the last session, mean over the runs, and the difference to the frozen
backbone in the same class order and fold, with its standard error.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from pace_edge.adapt.backbones import open_backbone
from pace_edge.adapt.data import read_clips
from pace_edge.adapt.machine import Machine
from pace_edge.adapt.measures import forgetting, incremental_average
from pace_edge.adapt.pace import Pace
from pace_edge.adapt.sessions import plan_sessions
from pace_edge.adapt.settings import parse_settings


@dataclass(frozen=True)
class Set:
    """Clips, and how they come: `epochs` is E_0, the only setting that differs between sets, as in the paper."""

    path: str
    label: str
    seconds: float
    per_session: int
    epochs: int
    fine: bool


SETS = {
    "esc10": Set("esc10", "label", 5.0, 2, 10, fine=False),
    "words12": Set("speech_commands_v2_test12", "label", 1.0, 3, 2, fine=False),
    "timit16": Set("timit_sample16", "label", 2.0, 2, 30, fine=True),
    "speakers50": Set("speech_commands_v2_test12/speakers50.csv", "label", 1.0, 5, 10, fine=True),
    "digits-by-speaker": Set("fsdd", "group", 0.6, 2, 5, fine=True),
}

FORCED = ("adapt_from=0", "regulariser_weight=0")  # whatever the grain
NAIVE = (*FORCED, "frozen_blocks=0", "staged=false")
STAGED = (*FORCED, "frozen_blocks=0")
METHODS: dict[str, tuple[str, ...]] = {
    "frozen": ("last_adapted_session=0",),
    "naive FSA": (*NAIVE, "head_rate=0.15"),
    "naive FSA, rate 0.05": (*NAIVE, "rate=0.05", "head_rate=0.05"),
    "FSA, low head rate": NAIVE,
    "FSA, staged": STAGED,
    "FSA, staged, later blocks": FORCED,
    "FSA, staged, L_reg": ("adapt_from=0", "frozen_blocks=0", "regulariser_weight=1"),
    "PACE": (),  # the defaults
    "MSA, leading directions": (*STAGED, "last_adapted_session=4"),
    "MSA, null space": (*STAGED, "last_adapted_session=4", "directions=null_space"),
    "MSA, no projection": (*STAGED, "last_adapted_session=4", "directions=all"),
    "joint": STAGED,  # all classes in one session
}


def run(name: str, method: str, backbone: str, words: argparse.Namespace, order: int, fold: int) -> dict[str, Any]:
    chosen = SETS[name]
    clips = read_clips(words.data / chosen.path, label_column=chosen.label)
    classes = len({clip.label for clip in clips})
    sessions = plan_sessions(
        clips, classes_per_session=classes if method == "joint" else chosen.per_session, test_fold=fold,
        order_seed=order,
    )  # fmt: skip
    changes = (f"epochs={chosen.epochs}", f"M={words.M}", f"seed={order}", *words.set, *METHODS[method])
    pace = Pace(
        open_backbone(backbone, weights=words.weights),
        parse_settings(changes),
        chosen.seconds,
        Machine(precision=words.precision),
    )
    begun = time.monotonic()
    for session in sessions:
        pace.learn_session(session)
    accuracies = [report.accuracy for report in pace.reports]
    return {
        "set": name, "method": method, "backbone": backbone, "order": order, "fold": fold,
        "changes": list(words.set), "accuracy": accuracies[-1], "average": incremental_average(accuracies),
        "forgetting": forgetting([report.per_session for report in pace.reports]),
        "adapted": sum(report.adapted for report in pace.reports), "n_frozen": pace.n_frozen,
        "losses": [(report.losses[0], report.losses[-1]) for report in pace.reports if report.losses],
        "frozen_error": pace.frozen_error, "seconds": round(time.monotonic() - begun, 1),
    }  # fmt: skip


def table(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A Markdown table for each set and backbone."""
    for name, backbone in dict.fromkeys((r["set"], r["backbone"]) for r in runs):
        here = [r for r in runs if (r["set"], r["backbone"]) == (name, backbone)]
        frozen = {(r["order"], r["fold"]): r["accuracy"] for r in here if r["method"] == "frozen"}
        yield f"\n{name}, {backbone}\n"
        yield "| method | runs | accuracy | against frozen | average | forgetting | seconds a run |"
        yield "|---|---|---|---|---|---|---|"
        for method in (m for m in METHODS if any(r["method"] == m for r in here)):
            of_it = [r for r in here if r["method"] == method]
            against = [
                r["accuracy"] - frozen[r["order"], r["fold"]] for r in of_it if (r["order"], r["fold"]) in frozen
            ]
            error = f" ± {100 * stdev(against) / math.sqrt(len(against)):.1f}" if len(against) > 1 else ""
            yield (
                f"| {method} | {len(of_it)} | {percent(r['accuracy'] for r in of_it)} | "
                + (f"{100 * mean(against):+.1f}{error}" if against else "")
                + f" | {percent(r['average'] for r in of_it)} | {percent(r['forgetting'] for r in of_it)} | "
                f"{mean(r['seconds'] for r in of_it):.0f} |"
            )


def percent(shares: Iterator[float]) -> str:
    return f"{100 * mean(shares):.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--backbone", default="whisper-tiny.en:last")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--orders", type=int, default=3)
    parser.add_argument("--folds", type=int, nargs="+", default=[1])
    parser.add_argument("--precision", choices=("float32", "bf16"), default="float32", help="of training the adapters")
    parser.add_argument("--M", type=int, default=2048)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--output", type=Path, default=Path(tempfile.gettempdir()) / "pace_methods.jsonl")
    words = parser.parse_args()
    runs = [json.loads(line) for line in words.output.read_text().splitlines()] if words.output.exists() else []
    keys = ("set", "method", "backbone", "order", "fold", "changes")
    known = {json.dumps([r[key] for key in keys]) for r in runs}
    for order in range(words.orders):
        for fold in words.folds:
            for name in words.sets:
                for method in words.methods:
                    if json.dumps([name, method, words.backbone, order, fold, words.set]) in known:
                        continue
                    runs.append(run(name, method, words.backbone, words, order, fold))
                    print(json.dumps(runs[-1]), flush=True)
                    with words.output.open("a") as file:
                        file.write(json.dumps(runs[-1]) + "\n")
    print("\n".join(table([r for r in runs if r["changes"] == words.set])))


if __name__ == "__main__":
    main()
