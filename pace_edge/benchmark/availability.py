"""What can be run here, and why the rest cannot: a dict for JSON for each set and each backbone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pace_edge.adapt.backbones import BACKBONES, PARTS, absent_weights
from pace_edge.benchmark.sets import SETS, read_set
from pace_edge.errors import PaceEdgeError


def sets_here(data: Path) -> Iterator[dict[str, Any]]:
    """Each set: whether all of it is below the folder `data`, and how it is run or why not."""
    for one in SETS.values():
        line = {"set": one.name, "title": one.title, "licence": one.licence}
        try:
            clips = read_set(one, data)
        except PaceEdgeError as error:
            yield line | {"here": False, "reason": str(error)}
            continue
        yield line | {
            "here": True, "clips": len(clips), "classes": len({clip.label for clip in clips}),
            "classes_per_session": one.per_session, "epochs": one.epochs, "seconds": one.seconds, "split": one.split,
        }  # fmt: skip


def backbones_here() -> Iterator[dict[str, Any]]:
    """Each backbone: whether its published weights are here. Those that are not are fetched when it is first used."""
    for name in BACKBONES:
        absent = absent_weights(name)
        line: dict[str, Any] = {"backbone": name, "here": not absent}
        if absent:
            there = " and ".join(map(str, absent))
            given = "" if name in PARTS else f", or given by --weights {name}=FILE"
            line["reason"] = f"to be downloaded first, or put at {there}{given}"
        yield line
