"""Known against unknown: python -m benchmarks.open_set --data ../shared/data --cache FOLDER

Two models, fitted anew for each of 5 folds without the clips that are tested: `sounds`, ESC-10's ten classes, and
`starter`, those and the words, speech and background of benchmarks/shots_data.py. Known: the tested fold's windows.
Unknown: nine classes of UrbanSound8K; sentences of TIMIT and spoken digits (for the starter they count only when
called other than speech); and classes of the model held out, each once (twice for `sounds`), where the model has not
heard them. Each cell: AUROC in percent, then single windows an hour (one every 0.5 s) that would be announced at the
threshold that misses 5 % of the known windows that are called right. The last column: events an hour on UrbanSound8K,
two windows that agree, as streams/listening/events.py decides. Means over folds, for AUROC of UrbanSound8K with their
standard deviation. Logistic regression (LR) is balanced, on clip means, its C the best on the next fold. The product's
leverage median comes from the next fold too. Needs `pip install .[train,bench]`.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from benchmarks.features import StarterFeatures
from benchmarks.heard import Heard, world_heard
from benchmarks.product import starter_of
from benchmarks.shots_data import URBAN_HOP_S, made_of, shots_sets
from export.calibrate import calibrated
from pace_edge.adapt.starter import BACKGROUND, STARTER
from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.config import STARTER_MODEL
from pace_edge.errors import PaceEdgeError
from pace_edge.model_file import read_model
from pace_edge.readout import ReadOut
from streams.heard import Window
from streams.listening.encoder import Encoder
from streams.listening.events import EventRule, EventState, step

warnings.simplefilter("ignore", ConvergenceWarning)
SPEECH = "speech"
MISSED = 0.05
AN_HOUR = 3600 / URBAN_HOP_S  # windows
UNKNOWN = ("urban", "timit", "digits")
Called = tuple[np.ndarray, np.ndarray]  # label and confidence of each window
Rows = dict[str, Callable[[np.ndarray], Called]]  # of the table: what each says of embeddings [n, D]
_started = time.monotonic()


def by_read_out(classifier: AnalyticClassifier, read_out: ReadOut, phi: np.ndarray) -> Called:
    """`ReadOut.best` of each window alone."""
    heard = [read_out.best(classifier, row[None]) for row in phi]
    return np.array([label for label, _ in heard]), np.array([confidence for _, confidence in heard])


def fit_ears(heard: Heard, projection: RandomProjection, train: np.ndarray, next_fold: int, world: np.ndarray) -> Rows:
    phi, of_world = heard.projected(projection), projection(world)
    classifier = starter_of(phi, train, of_world)
    inner = train[heard.folds[train] != next_fold]
    waiting = train[(heard.folds[train] == next_fold) & (heard.labels[train] != BACKGROUND)]
    rehearsed = starter_of(phi, inner, of_world)
    rows, labels = (
        np.concatenate([phi.windows[i] for i in waiting]),
        [str(heard.labels[i]) for i in waiting for _ in phi.windows[i]],
    )
    _, shipped = calibrated(rehearsed, rows, labels, STARTER.read_out_of(rehearsed))
    score_only = replace(shipped, own_share=0.0, leverage_weight=0.0, restraint=0.0)

    def by_leverage(z: np.ndarray) -> Called:
        features = projection(z)
        return by_read_out(classifier, score_only, features)[0], 1 / (1 + classifier.leverage(features))

    ours: Rows = {
        "ours: confidence, as shipped": lambda z: by_read_out(classifier, shipped, projection(z)),
        "ours: score alone": lambda z: by_read_out(classifier, score_only, projection(z)),
        "ours: leverage alone": by_leverage,
    }
    return ours | logistic_rows(heard, train, inner, waiting)


def logistic_rows(heard: Heard, train: np.ndarray, inner: np.ndarray, waiting: np.ndarray) -> Rows:
    means = heard.means

    def fit(C: float, clips: np.ndarray) -> LogisticRegression:
        model = LogisticRegression(C=C, max_iter=300, tol=1e-3, class_weight="balanced")
        return model.fit(means[clips], heard.labels[clips])

    C = max((10.0, 100.0, 1000.0), key=lambda C: fit(C, inner).score(means[waiting], heard.labels[waiting]))
    model = fit(C, train)

    def softmax(z: np.ndarray) -> Called:
        probability = model.predict_proba(z)
        return model.classes_[probability.argmax(1)], probability.max(1)

    def energy(z: np.ndarray) -> Called:
        logits = model.decision_function(z)
        return model.classes_[logits.argmax(1)], 1 / (1 + np.exp(-np.logaddexp.reduce(logits, axis=1)))

    return {"LR: largest softmax": softmax, "LR: energy": energy}


def measured(known: Called, truth: np.ndarray, unknown: Called, silent: tuple[str, ...]) -> tuple[float, float, float]:
    """AUROC, windows announced an hour, and the threshold. Unknown windows called one of `silent` are not announced."""
    threshold = float(np.quantile(known[1][known[0] == truth], MISSED))
    lowest = min(known[1].min(), unknown[1].min()) - 1.0
    loudness = np.where(np.isin(unknown[0], silent), lowest, unknown[1])
    is_known = np.repeat([1, 0], [len(truth), len(loudness)])
    auroc = roc_auc_score(is_known, np.concatenate([known[1], loudness]))
    return float(auroc), float((loudness >= threshold).mean() * AN_HOUR), threshold


def events_an_hour(heard: Called, clip_windows: list[int], threshold: float) -> float:
    """Starts of events, each clip a stream of its own, an hour of its windows."""
    started, at = 0, 0
    rule = EventRule(threshold=threshold, background=BACKGROUND)
    for count in clip_windows:
        state = EventState()
        for i in range(count):
            label, confidence = str(heard[0][at + i]), float(heard[1][at + i])
            start_s = i * URBAN_HOP_S
            window = Window(start_s, start_s + STARTER.window_s, label, confidence, 0.0)
            state, events = step(state, window, {label: confidence}, rule)
            started += sum(event.state == "start" for event in events)
        at += count
    return started / (at / AN_HOUR)


def held_out(model: str, classes: list[str], fold: int) -> list[str]:
    """Each class once over five folds, for `sounds` twice."""
    turns = {fold - 1, fold % 5} if model == "sounds" else {fold - 1}
    return [label for i, label in enumerate(classes) if i % 5 in turns]


def one_fold(
    model: str, heard: Heard, features: StarterFeatures, unknown: dict[str, Heard], fold: int, world: np.ndarray
) -> dict[str, dict[str, float]]:
    """Row to column to number."""
    next_fold = fold % 5 + 1
    train, test = np.flatnonzero(heard.folds != fold), np.flatnonzero(heard.folds == fold)
    test = test[heard.labels[test] != BACKGROUND]
    cells: dict[str, dict[str, float]] = {}

    def put(row: str, column: str, auroc: float, an_hour: float) -> None:
        cells.setdefault(row, {}).update({f"{column}: AUROC": auroc, f"{column}: an hour": an_hour})

    def windows(clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        some = [heard.windows[i] for i in clips]
        return np.concatenate(some), np.repeat(heard.labels[clips], [len(z) for z in some])

    ears, (z, truth) = fit_ears(heard, features.without({fold}), train, next_fold, world), windows(test)
    for row, hear in ears.items():
        known = hear(z)
        for name in UNKNOWN:
            called = hear(np.concatenate(unknown[name].windows))
            silent = (BACKGROUND,) if name == "urban" else (BACKGROUND, SPEECH)
            auroc, an_hour, threshold = measured(known, truth, called, silent)
            put(row, name, auroc, an_hour)
            if name == "urban":
                lengths = [len(w) for w in unknown[name].windows]
                cells[row]["urban: events an hour"] = events_an_hour(called, lengths, threshold)
    classes = sorted(set(heard.labels) - {BACKGROUND, SPEECH})
    gathered: dict[str, list[tuple[float, float]]] = {}
    for label in held_out(model, classes, fold):
        is_held = heard.labels == label
        ears = fit_ears(heard, features.without({fold}, {label}), train[~is_held[train]], next_fold, world)
        (z, truth), (held, _) = windows(test[~is_held[test]]), windows(test[is_held[test]])
        for row, hear in ears.items():
            gathered.setdefault(row, []).append(measured(hear(z), truth, hear(held), (BACKGROUND,))[:2])
    for row, pairs in gathered.items():
        put(row, "held out", *np.mean(pairs, 0).tolist())
    return cells


def show(model: str, folds: list[dict[str, dict[str, float]]]) -> None:
    columns = ["held out", *UNKNOWN]
    print(f"| {model} | " + " | ".join(columns) + " | urban: events |\n" + "|---" * (2 + len(columns)) + "|")
    for row in folds[0]:
        texts = []
        for column in columns:
            aurocs = [100 * cells[row][f"{column}: AUROC"] for cells in folds]
            an_hour = np.mean([cells[row][f"{column}: an hour"] for cells in folds])
            spread = f" ± {np.std(aurocs):.1f}" if column == "urban" else ""
            texts.append(f"{np.mean(aurocs):.1f}{spread}; {an_hour:.0f}")
        events = np.mean([cells[row]["urban: events an hour"] for cells in folds])
        print(f"| {row} | " + " | ".join(texts) + f" | {events:.0f} |")
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="keep the embeddings in this folder")
    parser.add_argument("--model", type=Path, default=STARTER_MODEL)
    words = parser.parse_args()
    try:
        whole = read_model(words.model)
        sets = shots_sets(words.data, words.cache, whole, ("sounds", "rooms", *UNKNOWN))
        world = world_heard(words.cache, whole.sha256, [Encoder(whole)])
    except PaceEdgeError as error:
        sys.exit(f"open_set: {error}")
    starter = made_of("starter", words.data, sets)
    for model, heard in (("sounds", sets["sounds"]), ("starter", starter)):
        folds, features = [], StarterFeatures(starter)
        for fold in sorted({int(fold) for fold in heard.folds}):
            folds.append(one_fold(model, heard, features, sets, fold, world))
            print(f"{time.monotonic() - _started:5.0f} s  {model}, fold {fold}", file=sys.stderr, flush=True)
        show(model, folds)


if __name__ == "__main__":
    main()
