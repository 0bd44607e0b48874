"""Which classes come when, written down: drawn from the order's seed the first time, and kept to from then on."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from pace_edge.adapt.data import Clip
from pace_edge.adapt.sessions import plan_sessions, read_plan, sessions_of
from pace_edge.benchmark.sets import DataSet
from pace_edge.errors import PaceEdgeError
from pace_edge.files import write_whole


def kept_plan(
    one: DataSet, clips: Sequence[Clip], order: int, fold: int, folder: Path, *, writes: bool
) -> tuple[tuple[str, ...], ...]:
    """The plan that lies in the folder, or a new one, which then lies there if this process `writes`. Raises
    PaceEdgeError."""
    path = folder / f"{one.name}-order{order}.txt"
    if path.exists():
        groups = read_plan(path)
        sessions_of(clips, groups, fold)  # fits the clips
    else:
        sessions = plan_sessions(clips, classes_per_session=one.per_session, test_fold=fold, order_seed=order)
        groups = [session.labels for session in sessions]
        if writes:
            _write(path, plan_text(groups, f"{one.name}, classes in order {order}").encode())
    return tuple(tuple(group) for group in groups)


def _write(path: Path, content: bytes) -> None:
    try:
        write_whole(path, content)
    except OSError as error:
        raise PaceEdgeError(f"the plan {path} cannot be written: {error}", do="Choose another --output.") from None


def plan_text(groups: Sequence[Sequence[str]], title: str) -> str:
    """What `read_plan` reads: a line of labels for each session."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(groups)
    return f"# {title}\n{text.getvalue()}"
