"""Clips that belong together: slices of one recording are no independent examples of their class.

Cross-validation leaves a clip out and asks the others. Where they hold slices of the same recording it is asked what it
has heard, and gamma comes out too small (gamma.py). What it needs to leave a whole group out is the scatter within
groups, which is a sum as G is: no clip is kept, and neither order nor split into sessions matters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import one_hot

from pace_edge.adapt.data import Clip


@dataclass
class WithinGroups:
    """S = sum over groups g and their clips i of (phi_i - mean_g)(phi_i - mean_g)', [M, M], float64, and how many clips
    there are beyond one a group."""

    scatter: torch.Tensor
    repeats: int

    def plus(self, other: WithinGroups | None) -> WithinGroups:
        if other is None:
            return self
        return WithinGroups(self.scatter + other.scatter, self.repeats + other.repeats)


def group_numbers(clips: Sequence[Clip]) -> torch.Tensor | None:
    """Which group each clip is of, int64 [n]: clips of one label and one `group` are together. Of a class that is one
    group altogether nothing can be left out: there each clip stands alone. None where all clips do."""
    groups_of: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        groups_of[clip.label].add(clip.group)
    names = [
        (clip.label, clip.group) if len(groups_of[clip.label]) > 1 else ("", str(i)) for i, clip in enumerate(clips)
    ]
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return torch.tensor([number[name] for name in names]) if len(number) < len(clips) else None


def whole_groups(groups: torch.Tensor, most: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The rows of groups of two and more, whole groups at a time and together at most `most` rows unless one group has
    more; with them which of these groups each row is of, one-hot [rows, groups]."""
    rows: list[torch.Tensor] = []
    sizes = groups.bincount()
    for own in groups.argsort(stable=True).split(sizes[sizes > 0].tolist()):
        if len(own) == 1:
            continue
        if rows and sum(map(len, rows)) + len(own) > most:
            yield _together(rows)
            rows = []
        rows.append(own)
    if rows:
        yield _together(rows)


def _together(rows: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    sizes = torch.tensor([len(own) for own in rows])
    return torch.cat(rows), one_hot(torch.arange(len(rows)).repeat_interleave(sizes))
