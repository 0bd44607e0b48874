"""The product's own case: a starter of 22 classes is taught one more from a few clips; and when it stays silent."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.features import StarterFeatures
from benchmarks.heard import Heard, Material
from benchmarks.tasks import Logistic, ReadOuts, Task, calls
from pace_edge.adapt.starter import BACKGROUND, STARTER, starter_classifier
from pace_edge.analytic import AnalyticClassifier
from pace_edge.readout import ReadOut
from tools.make_starter import rehearse

SPEECH = "speech"
FEW = (1, 5)
FOR_LESSONS = 4


@dataclass(frozen=True)
class Lesson:
    """`label` is taught from the clips `taught` to a model of the 21 other classes, and fold `fold` is named."""

    fold: int
    draw: int
    label: str
    taught: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """Shares of the test clips that were called right after `few` clips; `before` there was no new class."""

    lesson: Lesson
    few: int
    before: float
    after: float
    new: float


class Product:
    """The clips that tools/make_starter.py fits, and after them the bare words: a class is taught from bare files."""

    def __init__(self, material: Material) -> None:
        product, words = material.product, material.words
        self.heard = Heard(
            np.concatenate([product.labels, words.labels]), np.concatenate([product.folds, words.folds]),
            product.windows + words.windows,
        )  # fmt: skip
        self.sounds, self._fitted = len(material.sounds.labels), len(product.labels)
        self.features, self.world = StarterFeatures(product), material.world

    def known(self, *without: int) -> np.ndarray:
        """The clips that a starter without these folds is fitted on."""
        return np.flatnonzero(~np.isin(self.heard.folds[: self._fitted], without))

    def test(self, fold: int) -> np.ndarray:
        return np.flatnonzero(self.heard.folds[: self._fitted] == fold)

    def test_windows(self, heard: Heard, clips: np.ndarray) -> list[np.ndarray]:
        """A sound is heard in all windows of its clip, a word once, somewhere in a room."""
        return [heard.windows[i] if i < self.sounds else heard.windows[i][:1] for i in clips]

    def lessons(self, fold: int, draws: int, *, train_folds: Iterable[int]) -> list[Lesson]:
        rng, result = np.random.default_rng(fold), []
        for label in sorted(set(self.heard.labels[: self._fitted]) - {BACKGROUND, SPEECH}):
            bare = (self.heard.labels == label) & np.isin(self.heard.folds, list(train_folds))
            bare[self.sounds : self._fitted] = False
            clips = np.flatnonzero(bare)
            result += [Lesson(fold, draw, label, rng.permutation(clips)[: max(FEW)]) for draw in range(draws)]
        return result


def starter_of(phi: Heard, clips: np.ndarray, world: np.ndarray) -> AnalyticClassifier:
    """As the starter is fitted, from these clips of features and the world's features [n, V M]."""
    return starter_classifier([phi.windows[i] for i in clips], phi.labels[clips].tolist(), world)


def without_class(
    whole: AnalyticClassifier, phi: Heard, clips: np.ndarray, label: str, world: np.ndarray
) -> AnalyticClassifier:
    """What `starter_of` gives when the clips of `label` are left out."""
    mine = clips[phi.labels[clips] == label]
    weight = STARTER.examples_per_class / len(mine)
    rows = np.concatenate([phi.windows[i] * np.sqrt(weight / len(phi.windows[i])) for i in mine])
    rest = [i for i, other in enumerate(whole.labels) if other != label]
    G = [view.G - part.T @ part for view, part in zip(whole.views, whole.blocks(rows), strict=True)]
    lengths = np.square(world).reshape(len(world), len(G), -1).sum(2).mean(0)  # gamma is of what has a class
    of_world = np.array(STARTER.world_examples) * lengths
    gamma = [
        STARTER.gamma_relative * (float(np.trace(part)) - t) / len(part) for part, t in zip(G, of_world, strict=True)
    ]
    labels = [whole.labels[i] for i in rest]
    squares = None if whole.squares is None else whole.squares[:, rest]
    return AnalyticClassifier(np.stack(G), whole.Q[:, rest], whole.counts[rest], labels, gamma, squares=squares)


def taught_ours(product: Product, fold: int, draws: int, read_outs: ReadOuts) -> dict[str, list[Outcome]]:
    """For each read-out the outcomes of the same lessons. The starter's projection is made without the fold that is
    tested and the class that is taught; one made without FOR_LESSONS classes serves all of them."""
    heard, known, test = product.heard, product.known(fold), product.test(fold)
    truth, lessons = heard.labels[test], product.lessons(fold, draws, train_folds=set(heard.folds) - {fold})
    taught = sorted({lesson.label for lesson in lessons})
    results: dict[str, list[Outcome]] = {name: [] for name in read_outs}
    for start in range(0, len(taught), FOR_LESSONS):
        labels = taught[start : start + FOR_LESSONS]
        projection = product.features.without({fold}, labels)
        phi, world = heard.projected(projection), projection(product.world)
        whole, means = starter_of(phi, known, world), np.array([w.mean(0) for w in product.test_windows(phi, test)])
        for label in labels:
            base, is_new = without_class(whole, phi, known, label, world), truth == label
            before = {
                name: (calls(base, read_out, means) == truth)[~is_new].mean() for name, read_out in read_outs.items()
            }
            for lesson in [lesson for lesson in lessons if lesson.label == label]:
                classifier = copy.deepcopy(base)
                for few, i in enumerate(lesson.taught, 1):
                    classifier.learn(phi.windows[i], label)
                    if few in FEW:
                        for name, read_out in read_outs.items():
                            right = calls(classifier, read_out, means) == truth
                            results[name].append(
                                Outcome(lesson, few, before[name], right[~is_new].mean(), right[is_new].mean())
                            )
    return results


def taught_logistic(
    product: Product, logistic: Logistic, known: np.ndarray, lessons: list[Lesson], *, before: bool = True
) -> list[Outcome]:
    """The same, fitted again from all clips for each number of taught clips. The lessons are of one fold; `known`
    still holds every class."""
    heard, test = product.heard, product.test(lessons[0].fold)
    means = np.zeros((len(heard.labels), heard.windows[0].shape[1]), np.float32)
    means[test] = [w.mean(0) for w in product.test_windows(heard, test)]

    def outcomes(lesson: Lesson) -> list[Outcome]:
        old = known[heard.labels[known] != lesson.label]
        is_old = Task(old, old[:0], test[heard.labels[test] != lesson.label])
        share_before = logistic.shares_right(heard, means, is_old)[0] if before else float("nan")
        return [
            Outcome(
                lesson, few, share_before, *logistic.shares_right(heard, means, Task(old, lesson.taught[:few], test))
            )
            for few in FEW
        ]

    with ThreadPoolExecutor(2) as pool:
        return [outcome for some in pool.map(outcomes, lessons) for outcome in some]


def best_logistic_product(product: Product, candidates: list[Logistic]) -> tuple[Logistic, Logistic]:
    """Best for the old classes, and best for the mean of old and new. Chosen without fold 1, once for all folds: by
    some lessons on fold 2, known from folds 3 to 5."""
    lessons = product.lessons(2, 1, train_folds=(3, 4, 5))[::3]
    known = product.known(1, 2)
    scores = []
    for candidate in candidates:
        outcomes = taught_logistic(product, candidate, known, lessons, before=False)
        scores.append(np.mean([[o.after, o.new] for o in outcomes], 0))
    old, both = np.array(scores)[:, 0], np.array(scores).mean(1)
    return candidates[int(old.argmax())], candidates[int(both.argmax())]


@dataclass(frozen=True)
class Announced:
    """Shares of windows: known ones announced with the right name, unknown ones announced as anything, and as
    anything but `speech`."""

    threshold: float
    known_right: float
    unknown: float
    unknown_not_speech: float


def announced(product: Product, unknown: Heard, fold: int, logistic: Logistic) -> dict[str, Announced]:
    """The threshold is rehearsed on the next fold, as the starter's is, and all is measured on `fold`. The other two
    get the threshold on `fold` with which they announce as many known windows rightly as the product does."""
    heard, next_fold = product.heard, fold % 5 + 1
    known, projection = product.known(fold), product.features.without({fold})
    rehearsed = product.features.without({fold, next_fold})
    threshold, read_out = rehearse(
        lambda chosen: (rehearsed, starter_of(heard.projected(rehearsed), known[chosen], rehearsed(product.world))),
        [heard.windows[i] for i in known],
        heard.labels[known].tolist(),
        (heard.folds[known] == next_fold).tolist(),
    )
    phi, unknown_phi = heard.projected(projection), projection(np.concatenate(unknown.windows))
    classifier = starter_of(phi, known, projection(product.world))
    read_out = replace(read_out, gains=STARTER.read_out_of(classifier).gains)
    test = product.test(fold)
    test = test[heard.labels[test] != BACKGROUND]
    truth = np.repeat(heard.labels[test], [len(w) for w in product.test_windows(heard, test)])
    test_phi = np.concatenate(product.test_windows(phi, test))

    def by_best(some_phi: np.ndarray, r: ReadOut) -> tuple[np.ndarray, np.ndarray]:
        results = [r.best(classifier, p[None]) for p in some_phi]
        return np.array([label for label, _ in results]), np.array([confidence for _, confidence in results])

    model, mean, scale = logistic.fitted(heard, known)

    def by_logistic(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        probability = model.predict_proba((z - mean) / scale)
        return model.classes_[probability.argmax(1)], probability.max(1)

    score_only = replace(read_out, own_share=0.0, leverage_weight=0.0)
    test_z, unknown_z = np.concatenate(product.test_windows(heard, test)), np.concatenate(unknown.windows)
    heard_by = {
        "confidence, as shipped": (by_best(test_phi, read_out), by_best(unknown_phi, read_out)),
        "calibrated score alone": (by_best(test_phi, score_only), by_best(unknown_phi, score_only)),
        "logistic regression, balanced: softmax": (by_logistic(test_z), by_logistic(unknown_z)),
    }
    results: dict[str, Announced] = {}
    enough = 0
    for name, ((called, score), (unknown_called, unknown_score)) in heard_by.items():
        right = np.sort(score[called == truth])[::-1]
        enough = enough or int((right >= threshold).sum())
        own = threshold if not results else float(right[min(enough, len(right)) - 1])
        loud = (unknown_score >= own) & (unknown_called != BACKGROUND)
        share_known = float((right >= own).sum() / len(truth))
        results[name] = Announced(own, share_known, loud.mean(), (loud & (unknown_called != SPEECH)).mean())
    return results
