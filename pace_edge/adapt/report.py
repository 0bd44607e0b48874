"""The report that `pace-edge adapt` leaves: a folder that a person opens at report.md.

report.md       the figures, the measures, every session and the commonest mistakes
report.json     all numbers: schema, measures, matrix, losses, CKA, energy, confusion, embeddings in two dimensions
settings.json   the config that reproduces the run, as it was given
*.png           accuracy, confusion, embedding; sessions, cka, energy, losses where there is something to show

In report.json accuracies and energy are shares from 0 to 1, forgetting and transfer are differences of such shares, and
losses are in nats; a number that is not finite is null. It is written last: a folder that has one is whole.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pace_edge.adapt.markdown import cell, one_line
from pace_edge.adapt.measures import (
    backward_transfer,
    confusion_matrix,
    forgetting,
    incremental_average,
    macro_accuracy,
)
from pace_edge.errors import PaceEdgeError
from pace_edge.files import write_whole
from pace_edge.plane import principal_plane, share_of_variance

SCHEMA = 1
FIGURES = {
    "accuracy.png": "Accuracy after each session",
    "sessions.png": "What became of each session's classes",
    "confusion.png": "What was called what",
    "embedding.png": "The test clips before and after",
    "cka.png": "Which blocks drift",
    "energy.png": "Energy that the subspaces hold",
    "losses.png": "Training",
}
MISTAKES = 10  # shown in report.md


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What a run of T sessions did; C classes and n test clips in all."""

    sessions: tuple[tuple[str, ...], ...]  # the classes of each session, in order
    matrix: tuple[tuple[float, ...], ...]  # [t][j], j <= t: after session t + 1, on the test clips of session j + 1's
    # classes, told apart among ALL classes seen so far
    accuracies: tuple[float, ...]  # after each session, over all test clips of all classes seen so far
    losses: dict[str, list[float]]  # stage's name -> mean loss of each epoch
    similarities: tuple[float, ...]  # CKA per block; empty when the probe did not run
    n_frozen: int
    rho_layer: float
    energy: dict[int, dict[str, float]]  # session's number -> adapted weight's name -> share that its subspace holds
    truth: tuple[str, ...]  # the last session's test: the true label of each clip
    called: tuple[str, ...]  # and what it was called
    z_before: np.ndarray  # [n, D], those clips' embeddings by the pretrained backbone
    z_after: np.ndarray  # [n, D], and by the adapted one
    settings: dict[str, Any]  # what reproduces the run, as JSON can hold it

    def __post_init__(self) -> None:
        T, n = len(self.sessions), len(self.truth)
        if not T or [len(row) for row in self.matrix] != list(range(1, T + 1)) or len(self.accuracies) != T:
            raise ValueError(f"accuracies of {T} sessions, of 1, 2, ... sessions' classes each, are needed")
        if len(set(self.labels)) != len(self.labels) or not {*self.truth, *self.called} <= set(self.labels):
            raise ValueError("each class must be of one session, and each clip and call of one class")
        if not n or {len(self.called), len(self.z_before), len(self.z_after)} != {n}:
            raise ValueError(f"a call and two embeddings for each of {n} clips are needed")

    @property
    def labels(self) -> list[str]:
        """All classes in the order of learning."""
        return [label for session in self.sessions for label in session]

    @cached_property
    def counts(self) -> np.ndarray:
        """The confusion matrix, [C, C]."""
        return confusion_matrix(self.truth, self.called, self.labels)

    @cached_property
    def planes(self) -> tuple[np.ndarray, np.ndarray]:
        """The embeddings before and after, each on its own principal plane, [n, 2]."""
        return principal_plane(self.z_before), principal_plane(self.z_after)

    @property
    def measures(self) -> dict[str, float]:
        return {
            "final_accuracy": self.accuracies[-1],
            "macro_accuracy": macro_accuracy(self.counts),
            "incremental_average": incremental_average(self.accuracies),
            "forgetting": forgetting(self.matrix),
            "backward_transfer": backward_transfer(self.matrix),
        }


def write_report(record: RunRecord, folder: Path) -> None:
    """Make the folder's files, in place of those of an earlier report. Needs matplotlib. Raises PaceEdgeError."""
    figures = _figures(record)
    files = {
        **figures,
        "settings.json": _json(record.settings, indent=1),
        "report.md": _page(record, [name for name in FIGURES if name in figures]).encode("utf-8"),
        "report.json": _json(_content(record)),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("report.json", *(FIGURES.keys() - figures)):
            (folder / name).unlink(missing_ok=True)
        for name, content in files.items():
            write_whole(folder / name, content)
    except OSError as error:
        raise PaceEdgeError(
            f"cannot write the report to {folder}: {error.strerror or error}", do="Choose a folder that can be written."
        ) from None


def _figures(record: RunRecord) -> dict[str, bytes]:
    from pace_edge.adapt import figures

    labels = [one_line(label) for label in record.labels]
    place = {label: i for i, label in enumerate(record.labels)}
    of_class = np.array([place[label] for label in record.truth])
    kept = [share_of_variance(p, z) for p, z in zip(record.planes, (record.z_before, record.z_after), strict=True)]
    made = {
        "accuracy.png": figures.accuracy(record.accuracies),
        "confusion.png": figures.confusion(record.counts, labels, [len(session) for session in record.sessions]),
        "embedding.png": figures.embedding(*record.planes, kept, of_class, labels),
    }
    if len(record.sessions) > 1:
        made["sessions.png"] = figures.sessions(record.matrix, record.measures["forgetting"])
    if record.similarities:
        made["cka.png"] = figures.cka(record.similarities, record.rho_layer, record.n_frozen)
    if energy := {number: shares for number, shares in record.energy.items() if shares}:
        made["energy.png"] = figures.energy(energy)
    if losses := {name: values for name, values in record.losses.items() if values}:
        made["losses.png"] = figures.losses(losses)
    return {name: figures.png(figure) for name, figure in made.items()}


def _content(record: RunRecord) -> dict[str, Any]:
    before, after = record.planes
    return {
        "schema": SCHEMA, "measures": record.measures, "sessions": record.sessions, "accuracies": record.accuracies,
        "matrix": record.matrix, "losses": record.losses,
        "cka": {"similarities": record.similarities, "rho_layer": record.rho_layer, "n_frozen": record.n_frozen},
        "energy": record.energy,
        "confusion": {"labels": record.labels, "counts": record.counts.tolist()},
        "clips": {
            "truth": record.truth, "called": record.called,
            "before": before.round(6).tolist(), "after": after.round(6).tolist(),
        },
    }  # fmt: skip


def _json(content: Any, *, indent: int | None = None) -> bytes:
    """JSON that any reader takes. A surrogate that stands for a byte of a file name becomes the escape it needs."""
    text = json.dumps(_finite(content), indent=indent, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _page(record: RunRecord, figures: list[str]) -> str:
    T, C, n = len(record.sessions), len(record.labels), len(record.truth)
    m, right = record.measures, int(record.counts.trace())
    plural = "s" if T > 1 else ""
    lines = [
        "# What adapting did", "",
        f"{C} classes in {T} session{plural}. At the end {right} of {n} test clips are called right, told apart "
        f"among all {C} classes; guessing would call {100 / C:.1f} % right.", "",
        "| measure | | what it is |", "|---|---|---|",
        f"| accuracy at the end | {_percent(m['final_accuracy'])} | of all test clips |",
        f"| macro average | {_percent(m['macro_accuracy'])} | the mean over classes, each counting the same |",
    ]  # fmt: skip
    if T > 1:
        lines += [
            f"| incremental average | {_percent(m['incremental_average'])} | the mean over the sessions |",
            f"| forgetting | {_points(m['forgetting'])} | from the best that earlier sessions' classes ever had |",
            f"| backward transfer | {_points(m['backward_transfer'])} | from when they were new; below 0 is lost |",
            "", "Both count also what later classes take by being there to be mistaken for.",
        ]  # fmt: skip
    lines += [
        "", "| session | its classes | all classes so far | its own, when new | its own, at the end |",
        "|---|---|---|---|---|",
    ]  # fmt: skip
    for t, classes in enumerate(record.sessions):
        shares = (record.accuracies[t], record.matrix[t][t], record.matrix[-1][t])
        lines.append(f"| {t + 1} | {', '.join(map(cell, classes))} | {' | '.join(map(_percent, shares))} |")
    for name in figures:
        lines += ["", f"## {FIGURES[name]}", "", f"![{FIGURES[name]}]({name})"]
    lines += ["", "## Commonest mistakes", "", *_mistakes(record)]
    settings = _json(record.settings, indent=1).decode()
    return "\n".join([*lines, "", "## Settings", "", "```json", settings + "```", "",
                      "They are in `settings.json`, and every number is in `report.json`.", ""])  # fmt: skip


def _mistakes(record: RunRecord) -> list[str]:
    wrong = record.counts - np.diag(record.counts.diagonal())
    if not wrong.any():
        return ["None."]
    rows = ["| it was | and was called | clips | of |", "|---|---|---|---|"]
    for flat in np.argsort(-wrong, axis=None, kind="stable")[: min(MISTAKES, np.count_nonzero(wrong))]:
        r, c = divmod(int(flat), len(wrong))
        names = f"{cell(record.labels[r])} | {cell(record.labels[c])}"
        rows.append(f"| {names} | {wrong[r, c]} | {record.counts[r].sum()} |")
    return rows


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:.1f} points"  # + 0.0: never -0.0
