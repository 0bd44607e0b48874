"""How right the starter is: python -m benchmarks.starter_accuracy --data ../shared/data

Prints three Markdown tables. DATA holds `esc10`, `speech_commands_v2_test12` and `urbansound8k_part`. The embeddings
come from the model file itself, windows cut as a listener cuts them. Its own classes have heard every fold and are not
used: they are fitted anew without the fold that is tested. The recipe's few numbers are the starter's, chosen when it
was designed, on the same recordings (docs/starter.md says what that is worth); logistic regression chooses its input
and C within the training folds. YAMNet is the model file's: the published 8-bit weights in float arithmetic.
Needs `pip install .[train,bench]`. About 13 minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.features import StarterFeatures
from benchmarks.heard import WHISPER, YAMNET, Heard, Material, listen
from benchmarks.product import FEW, Outcome, Product, announced, best_logistic_product, taught_logistic, taught_ours
from benchmarks.tasks import READ_OUTS, Logistic, Task, best_logistic, fold_tasks, grid, ours
from pace_edge.config import STARTER_MODEL
from pace_edge.errors import PaceEdgeError
from pace_edge.model_file import read_model
from streams.listening.encoder import Encoder

DRAWS = 5
SHIPPED = "ours, as shipped"
Tables = dict[str, dict[str, dict[str, list[float]]]]
_started = time.monotonic()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=STARTER_MODEL)
    parser.add_argument("--cache", type=Path, help="keep the embeddings in this folder")
    parser.add_argument("--json", type=Path, help="write every fold's and draw's numbers there")
    words = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            cache = words.cache or Path(folder)
            cache.mkdir(parents=True, exist_ok=True)
            model = read_model(words.model)
            material = listen(words.data, model.sha256, [Encoder(model) for _ in range(2)], cache)
    except PaceEdgeError as error:
        sys.exit(f"starter_accuracy: {error}")
    tables: Tables = {}
    tables["accuracy"] = accuracy(material)
    show(tables["accuracy"], "classifier")
    product = Product(material)
    opponents = best_logistic_product(product, grid(balanced=True, on_windows=(False,), largest_C=100.0))
    progress(f"the product's opponents are {opponents}")
    tables["taught"] = taught(product, opponents)
    show(tables["taught"], "taught to the starter")
    tables["announced"] = silence(product, material.unknown, opponents[0])
    show(tables["announced"], "announced by")
    if words.json:
        words.json.write_text(json.dumps(tables, indent=1))


def accuracy(material: Material) -> dict[str, dict[str, list[float]]]:
    """Row to column to one number a fold and draw."""
    rows: dict[str, dict[str, list[float]]] = {}
    columns: list[tuple[str, Heard, dict[str, int | None]]] = [
        ("ESC-10, all clips", material.sounds, {}),
        ("ESC-10, 5-shot", material.sounds, {"few": 5}),
        ("SC12, 40 clips a class", material.words, {"per_class": 40}),
        ("SC12, 5-shot", material.words, {"per_class": 40, "few": 5}),
        ("SC12, all clips", material.words, {}),
    ]

    made_of = material.product
    features = StarterFeatures(made_of)
    of_whisper, of_yamnet = (StarterFeatures(made_of.part(part), [slice(None)]) for part in (WHISPER, YAMNET))
    shipped = {SHIPPED: READ_OUTS[SHIPPED]}

    def put(row: str, column: str, shares: Sequence[tuple[float, float]]) -> None:
        old, new = np.array(shares).T.tolist()
        cells = rows.setdefault(row, {})
        cells |= {f"{column}: old": old, f"{column}: new": new} if not np.isnan(new[0]) else {column: old}

    for column, heard, kind in columns:
        tasks = fold_tasks(heard, draws=DRAWS if "few" in kind else 1, **kind)  # type: ignore[arg-type]
        yamnet = heard.part(YAMNET)
        for name, shares in ours(heard, features, tasks, READ_OUTS).items():
            put(name, column, shares)
        for name, part, some in (("Whisper", heard.part(WHISPER), of_whisper), ("YAMNet", yamnet, of_yamnet)):
            put(f"{name}'s part alone, ours", column, ours(part, some, tasks, shipped)[SHIPPED])
        progress(f"{column}: ours")
        for name, part in (("the same embedding", heard), ("YAMNet", yamnet)):
            for balanced in (False, True):
                row = f"{name} + logistic regression" + (", balanced" if balanced else "")
                shares, chosen = logistic_shares(part, tasks, kind, balanced)
                put(row, column, shares)
                progress(f"{column}: {row}: {chosen}")
    order = sorted(rows, key=lambda row: [not row.startswith("ours"), "logistic" not in row])
    return {row: rows[row] for row in order}


def logistic_shares(
    heard: Heard, tasks: Sequence[Task], kind: dict[str, int | None], balanced: bool
) -> tuple[list[tuple[float, float]], str]:
    """The shares right of each task, and what was chosen for each fold on tasks of the same kind within the rest."""
    inner_kind = {"per_class": 40} | kind  # enough clips to choose by
    chosen: dict[int, Logistic] = {}
    shares, means = [], heard.means
    for task in tasks:
        fold = int(heard.folds[task.test[0]])
        if fold not in chosen:
            inner_folds = [fold % 5 + 1, (fold + 1) % 5 + 1]
            inner = fold_tasks(heard, folds=inner_folds, without=fold, draws=1, **inner_kind)  # type: ignore[arg-type]
            chosen[fold] = best_logistic(heard, inner, list(grid(balanced)))
        shares.append(chosen[fold].shares_right(heard, means, task))
    return shares, ", ".join(
        f"{'windows' if c.on_windows else 'means'}{' standardised' if c.standardised else ''} C {c.C:g}"
        for c in chosen.values()
    )


def taught(product: Product, opponents: Sequence[Logistic]) -> dict[str, dict[str, list[float]]]:
    """Logistic regression is fitted anew for every lesson, so it gets the first draw only."""
    outcomes: dict[str, list[Outcome]] = {name: [] for name in READ_OUTS}
    opponent_names = [
        f"logistic regression, balanced, fitted again, best for {what}" for what in ("old", "old and new")
    ]
    outcomes |= {name: [] for name in opponent_names}
    folds = sorted({int(fold) for fold in product.heard.folds})
    for fold in folds:
        for name, some in taught_ours(product, fold, DRAWS, READ_OUTS).items():
            outcomes[name] += some
        progress(f"fold {fold}: taught ours")
        first = [o for o in product.lessons(fold, DRAWS, train_folds=set(folds) - {fold}) if o.draw == 0]
        for name, logistic in zip(opponent_names, opponents, strict=True):
            outcomes[name] += taught_logistic(product, logistic, product.known(fold), first)
        progress(f"fold {fold}: taught logistic regression")
    sounds = set(product.heard.labels[: product.sounds])
    return {name: lesson_cells(some, sounds) for name, some in outcomes.items()}


def lesson_cells(outcomes: Sequence[Outcome], sounds: set[str]) -> dict[str, list[float]]:
    """The mean over the classes taught, for each fold and draw."""
    runs = sorted({(o.lesson.fold, o.lesson.draw) for o in outcomes})

    def mean(value: Callable[[Outcome], float], chosen: Sequence[Outcome]) -> list[float]:
        return [float(np.mean([value(o) for o in chosen if (o.lesson.fold, o.lesson.draw) == run])) for run in runs]

    cells = {"old, before": mean(lambda o: o.before, outcomes)}
    for few in FEW:
        clips, after = f"{few} clip{'s' * (few > 1)}", [o for o in outcomes if o.few == few]
        cells[f"{clips}: old"] = mean(lambda o: o.after, after)
        cells[f"{clips}: new sound"] = mean(lambda o: o.new, [o for o in after if o.lesson.label in sounds])
        cells[f"{clips}: new word"] = mean(lambda o: o.new, [o for o in after if o.lesson.label not in sounds])
    return cells


def silence(product: Product, unknown: Heard, logistic: Logistic) -> dict[str, dict[str, list[float]]]:
    rows: dict[str, dict[str, list[float]]] = {}
    for fold in sorted({int(fold) for fold in product.heard.folds}):
        for name, numbers in announced(product, unknown, fold, logistic).items():
            cells = rows.setdefault(name, {})
            for column, number in (
                ("known windows, announced rightly", numbers.known_right),
                ("unknown windows, announced", numbers.unknown),
                ("unknown windows, announced as other than speech", numbers.unknown_not_speech),
            ):
                cells.setdefault(column, []).append(float(number))
        progress(f"fold {fold}: announced")
    return rows


def show(rows: dict[str, dict[str, list[float]]], corner: str) -> None:
    """Percent, mean and standard deviation over folds and draws."""
    columns = list(next(iter(rows.values())))
    print(f"| {corner} | " + " | ".join(columns) + " |\n" + "|---" * (1 + len(columns)) + "|")
    for name, cells in rows.items():
        values = [f"{100 * np.mean(cells[c]):.1f} ± {100 * np.std(cells[c]):.1f}" for c in columns]
        print(f"| {name} | " + " | ".join(values) + " |")
    print(flush=True)


def progress(text: str) -> None:
    print(f"{time.monotonic() - _started:5.0f} s  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
