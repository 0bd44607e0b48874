"""What is asked of every classifier, and how the product's and logistic regression answer."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from benchmarks.features import StarterFeatures
from benchmarks.heard import Heard
from pace_edge.adapt.fit import fit_features
from pace_edge.adapt.starter import STARTER
from pace_edge.analytic import AnalyticClassifier
from pace_edge.readout import ReadOut

warnings.simplefilter("ignore", ConvergenceWarning)  # at a large C the last digits take their time


@dataclass(frozen=True)
class Task:
    """Know `old`, be taught `taught`, then name `test`: indices of clips."""

    old: np.ndarray
    taught: np.ndarray
    test: np.ndarray


def fold_tasks(
    heard: Heard, *, per_class: int | None = None, few: int = 0, draws: int = 1, folds: Sequence[int] | None = None,
    without: int | None = None, seed: int = 0,
) -> list[Task]:  # fmt: skip
    """Each fold is tested once a draw. A draw picks `per_class` clips to know, and with `few` > 0 which half of the
    classes is taught later, from `few` clips each. `without`: a fold that is not there at all."""
    rng, tasks = np.random.default_rng(seed), []
    classes = np.unique(heard.labels)
    for fold in folds or np.unique(heard.folds[heard.folds != without]):
        train = np.flatnonzero((heard.folds != fold) & (heard.folds != without))
        for _ in range(draws):
            clips = {c: rng.permutation(train[heard.labels[train] == c])[:per_class] for c in classes}
            new = set(rng.permutation(classes)[: len(classes) // 2]) if few else set()
            turns = [clips[c][turn : turn + 1] for turn in range(few) for c in sorted(new)]
            old = np.concatenate([clips[c] for c in classes if c not in new])
            taught = np.concatenate([*turns, np.zeros(0, int)]).astype(int)
            tasks.append(Task(old, taught, np.flatnonzero(heard.folds == fold)))
    return tasks


def shares_right(heard: Heard, task: Task, called: np.ndarray) -> tuple[float, float]:
    """Of the test clips of old and of new classes (NaN where there are none), the share that was called right."""
    truth = heard.labels[task.test]
    right, is_new = called == truth, np.isin(truth, heard.labels[task.taught])
    return float(right[~is_new].mean()), float(right[is_new].mean()) if is_new.any() else float("nan")


# The product's classifier


ReadOuts = dict[str, Callable[[AnalyticClassifier], ReadOut]]  # by the row of a table: the read-out of a classifier
READ_OUTS: ReadOuts = {
    "ours, as shipped": STARTER.read_out_of,
    "ours, bolder read-out (power 0.75)": lambda classifier: replace(STARTER.read_out_of(classifier), power=0.75),
    "ours, the paper's read-out": lambda classifier: replace(STARTER.read_out(1.0), power=0.0),
}


def fitted(phi: Heard, clips: np.ndarray) -> AnalyticClassifier:
    """Each class as a starter class counts; of as many views as the features have."""
    return fit_features(
        [phi.windows[i] for i in clips], phi.labels[clips].tolist(), gamma_relative=STARTER.gamma_relative,
        examples_per_class=STARTER.examples_per_class, views=phi.windows[0].shape[1] // STARTER.M,
    )  # fmt: skip


def calls(
    classifier: AnalyticClassifier, read_out: Callable[[AnalyticClassifier], ReadOut], mean_phi: np.ndarray
) -> np.ndarray:
    """What `ReadOut.best` calls each clip: scores are linear in phi, so the clip's mean phi [clips, V M] will do."""
    return np.array(classifier.labels)[read_out(classifier).scores(classifier, mean_phi).argmax(1)]


def ours(
    heard: Heard, features: StarterFeatures, tasks: Sequence[Task], read_outs: ReadOuts
) -> dict[str, list[tuple[float, float]]]:
    """For each read-out its shares right of each task. The later classes are taught clip by clip, exactly."""
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in read_outs}
    for task in tasks:
        phi = heard.projected(features.without(set(heard.folds[task.test]), set(heard.labels[task.taught])))
        means, classifier = phi.means, fitted(phi, task.old)
        for i in task.taught:
            classifier.learn(phi.windows[i], str(phi.labels[i]))
        for name, read_out in read_outs.items():
            results[name].append(shares_right(phi, task, calls(classifier, read_out, means[task.test])))
    return results


# Logistic regression


@dataclass(frozen=True)
class Logistic:
    """One way to use logistic regression: on each clip's mean or on its windows, standardised or not."""

    on_windows: bool
    standardised: bool
    C: float
    balanced: bool

    def fitted(self, heard: Heard, clips: np.ndarray) -> tuple[LogisticRegression, np.ndarray, np.ndarray]:
        """The model, and the mean and scale that its input is standardised with."""
        groups = [heard.windows[i] if self.on_windows else heard.windows[i].mean(0, keepdims=True) for i in clips]
        x, sizes = np.concatenate(groups).astype(np.float32), np.array([len(group) for group in groups])
        mean, scale = np.zeros(x.shape[1], np.float32), np.ones(x.shape[1], np.float32)
        if self.standardised:
            mean, scale = x.mean(0), x.std(0) + 1e-6
        model = LogisticRegression(C=self.C, max_iter=300, tol=1e-3, class_weight="balanced" if self.balanced else None)
        model.fit((x - mean) / scale, np.repeat(heard.labels[clips], sizes), np.repeat(1 / sizes, sizes))
        return model, mean, scale

    def shares_right(self, heard: Heard, means: np.ndarray, task: Task) -> tuple[float, float]:
        """Scores are linear up to the softmax: a clip's mean has its windows' mean scores."""
        model, mean, scale = self.fitted(heard, np.concatenate([task.old, task.taught]))
        return shares_right(heard, task, model.predict((means[task.test] - mean) / scale))


def grid(balanced: bool, *, on_windows: Sequence[bool] = (False, True), largest_C: float = 1000.0) -> list[Logistic]:
    """Four C up to the largest. An embedding has length 1, a standardised one about sqrt(width): so C is 1000 times
    smaller there."""
    return [
        Logistic(windows, standardised, C / 1000 if standardised else C, balanced)
        for windows in on_windows
        for C in (largest_C / 1000, largest_C / 100, largest_C / 10, largest_C)
        for standardised in (False, True)
    ]


def best_logistic(heard: Heard, inner: Sequence[Task], candidates: Sequence[Logistic]) -> Logistic:
    """The best mean of old and new over tasks that lie within the training folds."""
    means = heard.means

    def score(candidate: Logistic) -> float:
        return float(np.mean([np.nanmean(candidate.shares_right(heard, means, task)) for task in inner]))

    with ThreadPoolExecutor(2) as pool:
        scores = list(pool.map(score, candidates))
    return candidates[int(np.argmax(scores))]
