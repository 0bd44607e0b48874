"""1, 3, 5, 10 and all clips of new classes beside old ones: ours against six classifiers on the same embeddings.

    python -m benchmarks.few_shots --data ../shared/data --cache FOLDER [--json FILE]

Prints one Markdown table for each set of benchmarks/shots_data.py, which says what the folds do not share. A task: a
draw picks which half of the classes is new; the old ones are known from all clips of the training folds, the new ones
from so many. Each cell: old / new (their mean), percent of the test clips called right, mean over 5 folds x DRAWS
draws, then the standard deviation of that mean of old and new over the tasks. speakers50: each draw picks 20
speakers. Every opponent chooses its grid's value for each fold and number of clips on a task of the same kind within
the training folds. Ours hears with the starter's projection, made without the folds, classes and speakers that are
tested; "half whitened": the opponent gets what that projection makes of the embedding before its relu. FILE keeps
every number, and those that it holds are not computed again.
Needs `pip install .[train,bench]`.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.features import StarterFeatures
from benchmarks.heard import Heard
from benchmarks.opponents import OPPONENTS
from benchmarks.shots_data import made_of, shots_sets
from benchmarks.tasks import ReadOuts, Task, calls, fold_tasks, shares_right
from export.calibrate import clip_weight, weighed
from pace_edge.adapt.fit import fit_features
from pace_edge.adapt.starter import STARTER, VIEWS
from pace_edge.analytic import AnalyticClassifier
from pace_edge.config import STARTER_MODEL
from pace_edge.errors import PaceEdgeError
from pace_edge.model_file import read_model

SETS = ("sounds", "keywords", "timit", "digits", "speakers50")
DRAWS = 3
NEVER = 1e6  # a spread of which no class is expected to score anything
ALL = 1000  # more clips than any class has
SHOTS = (1, 3, 5, 10, ALL)
SPEAKERS = 20  # of speakers50 in a draw
Numbers = dict[str, list[tuple[float, float]]]  # method -> (old, new) of each task
_started = time.monotonic()


def tasks_of(heard: Heard, few: int, draw: int) -> list[tuple[Task, Task]]:
    """For each fold the task that is reported, and one like it within its training folds. The same draw has the same
    new classes and nested clips whatever `few` is."""
    pairs = []
    for fold in sorted({int(fold) for fold in heard.folds}):
        seed = 100 * draw + fold
        [task] = fold_tasks(heard, folds=[fold], few=few, seed=seed)
        [inner] = fold_tasks(heard, folds=[fold % 5 + 1], without=fold, few=few, seed=1000 + seed)
        pairs.append((task, inner))
    return pairs


def drawn(heard: Heard, draw: int, classes: int | None) -> Heard:
    """The clips of `classes` classes that this draw picks; None: of all."""
    labels = np.random.default_rng(draw).permutation(np.unique(heard.labels))[:classes]
    clips = np.flatnonzero(np.isin(heard.labels, labels))
    return Heard(heard.labels[clips], heard.folds[clips], [heard.windows[i] for i in clips])


READ_OUTS: ReadOuts = {
    "ours, as shipped": STARTER.read_out_of,
    "ours, without the voice's view": lambda classifier: replace(
        STARTER.read_out_of(classifier), spreads=(STARTER.spreads[0], NEVER)
    ),
    "ours, the paper's read-out": lambda classifier: replace(STARTER.read_out(1.0), power=0.0),
    "ours, power 0.4": lambda classifier: replace(STARTER.read_out_of(classifier), power=0.4),
}
WHITENED = {f"{row}, half whitened": row for row in OPPONENTS if "balanced" in row}


def fitted(phi: Heard, clips: np.ndarray) -> AnalyticClassifier:
    """As `pace-edge export` does: each clip weighs the same, and at most what a taught one does."""
    classifier = fit_features(
        [phi.windows[i] for i in clips],
        phi.labels[clips].tolist(),
        gamma_relative=STARTER.gamma_relative,
        views=len(VIEWS),
    )
    return weighed(classifier, clip_weight(classifier.counts))


class Ears:
    """The features and the classifier of the old classes of a task: the same whatever the number of new clips."""

    def __init__(self, heard: Heard, features: StarterFeatures, shares_clips: bool) -> None:
        self._heard, self._starter, self._shares_clips = heard, features, shares_clips
        self._features: dict[bytes, Heard] = {}
        self._fitted: dict[bytes, AnalyticClassifier] = {}

    def features(self, task: Task) -> Heard:
        key = task.old.tobytes() if self._shares_clips else b""
        if key not in self._features:
            folds, classes = set(self._heard.folds[task.test]), set(self._heard.labels[task.taught])
            projection = self._starter.without(folds, classes) if self._shares_clips else self._starter.without()
            self._features[key] = self._heard.projected(projection)
        return self._features[key]

    def whitened(self, task: Task) -> np.ndarray:
        """Each clip's mean, [clips, V M / 2], of about length 1: relu(x) - relu(-x) is x."""
        means = self.features(task).means
        halves = means.reshape(len(means), len(VIEWS), 2, -1)
        x = (halves[:, :, 0] - halves[:, :, 1]).reshape(len(means), -1)
        return (x / np.linalg.norm(x, axis=1).mean()).astype(np.float32)

    def taught(self, task: Task) -> AnalyticClassifier:
        phi, key = self.features(task), task.old.tobytes()
        if key not in self._fitted:
            self._fitted[key] = fitted(phi, task.old)
        classifier = copy.deepcopy(self._fitted[key])
        classifier.learn_all([(phi.windows[i], str(phi.labels[i])) for i in task.taught])
        return classifier


def ours(ears: Ears, pairs: Sequence[tuple[Task, Task]]) -> Numbers:
    numbers: Numbers = {name: [] for name in READ_OUTS}
    for task, _ in pairs:
        phi, classifier = ears.features(task), ears.taught(task)
        means = phi.means[task.test]
        for name, read_out in READ_OUTS.items():
            numbers[name].append(shares_right(phi, task, calls(classifier, read_out, means)))
    return numbers


def measured(name: str, heard: Heard, features: StarterFeatures, kept: dict[str, Numbers]) -> dict[int, Numbers]:
    """Shots to method to numbers; those in `kept` are taken, the others are put there."""
    largest = int(np.unique(heard.labels, return_counts=True)[1].min())
    cells = {few: kept.setdefault(f"{name} {few}", {}) for few in SHOTS if few == ALL or few < 0.75 * largest}
    todo_ours = {(few, row) for few, numbers in cells.items() for row in READ_OUTS if row not in numbers}
    todo = [(few, row) for few, numbers in cells.items() for row in (*OPPONENTS, *WHITENED) if row not in numbers]
    values: dict[tuple[int, str], list[object]] = {}  # chosen on the first draw, one for each fold
    for draw in range(DRAWS):
        here = drawn(heard, draw, SPEAKERS if name == "speakers50" else None)
        means, pairs = here.means, {few: tasks_of(here, few, draw) for few in cells}
        ears = Ears(here, features, shares_clips=name in ("sounds", "keywords"))
        for few in sorted({few for few, _ in todo_ours}):
            for row, shares in ours(ears, pairs[few]).items():
                if (few, row) in todo_ours:
                    cells[few].setdefault(row, []).extend(shares)
        progress(f"{name}, draw {draw + 1}: ours")
        for few, row in todo:
            opponent = OPPONENTS[WHITENED.get(row, row)]
            inputs = [ears.whitened(task) if row in WHITENED else means for task, _ in pairs[few]]
            if draw == 0:
                values[few, row] = [
                    opponent.best_value(here, x, inner) for x, (_, inner) in zip(inputs, pairs[few], strict=True)
                ]
                progress(f"{name}, {few} clips: {row}: {values[few, row]}")
            for x, (task, _), value in zip(inputs, pairs[few], values[few, row], strict=True):
                cells[few].setdefault(row, []).append(opponent.shares_right(here, x, task, value))
        progress(f"{name}, draw {draw + 1}: opponents")
    return cells


def show(name: str, cells: dict[int, Numbers]) -> None:
    shots = list(cells)
    print(f"| {name} | " + " | ".join("all" if few == ALL else str(few) for few in shots) + " | mean |")
    print("|---" * (2 + len(shots)) + "|")
    for row in [*READ_OUTS, *OPPONENTS, *WHITENED]:
        shares = [100 * np.array(cells[few][row]) for few in shots]  # [tasks, 2] for each number of clips
        texts = [
            f"{old:.1f} / {new:.1f} ({(old + new) / 2:.1f} ± {each.mean(1).std():.1f})"
            for each in shares for old, new in [each.mean(0)]
        ]  # fmt: skip
        print(f"| {row} | " + " | ".join(texts) + f" | {np.mean(shares):.1f} |")
    print(flush=True)


def progress(text: str) -> None:
    print(f"{time.monotonic() - _started:5.0f} s  {text}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; default: all")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="keep the embeddings in this folder")
    parser.add_argument("--json", type=Path, help="keep every number there")
    parser.add_argument("--model", type=Path, default=STARTER_MODEL)
    words = parser.parse_args()
    if unknown := set(words.sets) - set(SETS):
        parser.error(f"no set is called {', '.join(sorted(unknown))}; there are {', '.join(SETS)}")
    kept: dict[str, Numbers] = {}
    if words.json and words.json.exists():
        kept = json.loads(words.json.read_text())
    try:
        names = words.sets or SETS
        sets = shots_sets(words.data, words.cache, read_model(words.model), dict.fromkeys([*names, "sounds", "rooms"]))
        made = {name: StarterFeatures(made_of(name, words.data, sets)) for name in names}
    except PaceEdgeError as error:
        sys.exit(f"few_shots: {error}")
    for name in names:
        cells = measured(name, sets[name], made[name], kept)
        if words.json:
            words.json.write_text(json.dumps(kept))
        show(name, cells)


if __name__ == "__main__":
    main()
