"""The runs that a report is made of: anybody's runs.jsonl, read strictly.

A leaderboard is such a file, or several: another method's runs are added by naming their file too. docs/benchmark.md
describes every key of a line. Lines are read in UTF-8; blank ones are passed over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from pace_edge.benchmark.records import RUNS, SCHEMA, Record
from pace_edge.errors import PaceEdgeError

DERIVED = ("incremental_average", "forgetting", "backward_transfer")  # said in the file, and following from the matrix
ROUNDING = 1e-4  # by which they may differ from what follows
LONGEST_NAME = 100
MEND = "docs/benchmark.md describes a run; mend the line, or take it out."


class Runs(NamedTuple):
    """What was read: the runs in order, and what a reader of the report must know of the files."""

    runs: list[Record]
    notes: list[str]


def read_runs(paths: Sequence[Path]) -> Runs:
    """The runs of all files, or of the runs.jsonl in a folder; of a run that is there twice the first counts, and a
    note says how the other differs. Raises PaceEdgeError."""
    runs: dict[tuple[object, ...], tuple[Record, str]] = {}
    notes: list[str] = []
    for path in paths:
        for where, line in _lines(path / RUNS if path.is_dir() else path, notes):
            run = _run(line, where)
            first, there = runs.setdefault((*run.key, run.seconds, run.epochs, run.M), (run, where))
            if run.matrix != first.matrix:
                notes.append(
                    f"{run.method} on {run.set} with {run.backbone}, order {run.order}, fold {run.fold} is there "
                    f"twice: {there} counts (accuracy {100 * first.accuracy:.1f} %), {where} does not "
                    f"({100 * run.accuracy:.1f} %)."
                )
    if not runs:
        raise PaceEdgeError(
            f"there is no run in {' or '.join(map(str, paths))}", expected="a line of JSON for each run",
            do="Make runs with: pace-edge benchmark run",
        )  # fmt: skip
    return Runs([run for run, _ in runs.values()], notes)


def _lines(file: Path, notes: list[str]) -> Iterator[tuple[str, str]]:
    """Each line and where it is."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PaceEdgeError(f"{file} is no file of runs ({error})", expected="lines of JSON in UTF-8") from None
    except OSError as error:
        raise PaceEdgeError(
            f"cannot read the runs {file}: {error.strerror}", expected=f"a file of runs, or a folder with a {RUNS}",
            do="Check the path, or make runs with: pace-edge benchmark run",
        ) from None  # fmt: skip
    *lines, last = text.split("\n")
    if last.strip() and not _is_json(last):  # it is being written, or what wrote it was killed
        notes.append(f"The last line of {file} is unfinished and was left out.")
        last = ""
    for number, line in enumerate([*lines, last], 1):
        if line.strip():
            yield f"line {number} of {file}", line


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _run(line: str, where: str) -> Record:
    try:
        said = json.loads(line)
    except ValueError as error:
        raise PaceEdgeError(f"{where} is not JSON ({error})", do=MEND) from None
    if not isinstance(said, dict) or "schema" not in said:
        raise PaceEdgeError(f"{where} is no run", expected='an object with "schema"', got=line[:40], do=MEND)
    if said["schema"] != SCHEMA:
        raise PaceEdgeError(
            f"{where} is of another version", expected=f"schema {SCHEMA}", got=repr(said["schema"])[:40],
            do="Use the pace-edge that wrote it, or run it again.",
        )  # fmt: skip
    try:
        run = _checker().validate_json(line, strict=True)
        _check(run, said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        got = "" if first["type"] in ("missing", "value_error") else repr(first["input"])[:40]
        words = f"{place}: {first['msg']}" if place else first["msg"].removeprefix("Value error, ")
        raise PaceEdgeError(f"{where} is no run: {words}", got=got, do=MEND) from None
    except ValueError as error:
        raise PaceEdgeError(f"{where} is no run: {error}", do=MEND) from None
    return run


@cache
def _checker() -> TypeAdapter[Record]:
    return TypeAdapter(Record)


def _check(run: Record, said: dict[str, Any]) -> None:
    """What Record's types do not say. Raises ValueError."""
    T, classes = len(run.sessions), [label for session in run.sessions for label in session]
    if len(run.train_seconds) != T:
        raise ValueError(f"{T} sessions need {T} train_seconds, not {len(run.train_seconds)}")
    if not all(run.sessions) or len(set(classes)) != len(classes):
        raise ValueError("sessions: each must have classes, and no class may be there twice")
    for name in ("set", "backbone", "method", "device"):
        if not 0 < len(value := getattr(run, name)) <= LONGEST_NAME:
            raise ValueError(f"{name} must have 1 to {LONGEST_NAME} characters, not {len(value)}")
    lowest = dict.fromkeys(
        ("epochs", "M", "clips_train", "test_seconds", "embed_seconds_per_clip", "embedded_clips_train", 
         "peak_memory_bytes",
         "trainable_parameters", "stored_bytes", "at_unix_s"), 0,
    )  # fmt: skip
    for name, low in (lowest | {"clips_test": 1}).items():
        if not low <= (value := getattr(run, name)) < math.inf:
            raise ValueError(f"{name} must be {low} or more, not {value}")
    if not 0 < run.seconds < math.inf or not all(0 <= s < math.inf for s in run.train_seconds):
        raise ValueError("seconds must be above 0, and train_seconds 0 or more")
    if not 0 <= run.macro_accuracy <= 1:
        raise ValueError(f"macro_accuracy must be from 0 to 1, not {run.macro_accuracy}")
    if not isinstance(cka := run.details.get("cka", []), list) or not all(isinstance(s, int | float) for s in cka):
        raise ValueError("details.cka must be a list of numbers, one a block")
    for name in DERIVED:
        value, follows = said.get(name), getattr(run, name)
        if not isinstance(value, int | float) or not math.isclose(value, follows, abs_tol=ROUNDING):
            raise ValueError(f"{name} must be {follows:.4f}, as the accuracies say, not {value}")
