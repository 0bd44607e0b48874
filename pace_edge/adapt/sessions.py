"""Sessions of new classes: which classes come when, and which clips are for training and which for the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pace_edge.adapt.data import Clip
from pace_edge.audio import read_audio
from pace_edge.errors import PaceEdgeError


@dataclass(frozen=True)
class Session:
    """One session, numbered from 1: its new classes and their clips."""

    number: int
    labels: tuple[str, ...]
    train: tuple[Clip, ...]
    test: tuple[Clip, ...]


def plan_sessions(
    clips: Sequence[Clip], *, classes_per_session: int, test_fold: int, order_seed: int = 0
) -> list[Session]:
    """The classes in an order drawn from `order_seed`, `classes_per_session` at a time; a last rest of one class goes
    to the session before it. The clips of `test_fold` are for the test. Raises PaceEdgeError."""
    labels = sorted({clip.label for clip in clips})
    if classes_per_session < 2 or len(labels) < classes_per_session:
        raise PaceEdgeError(
            "these sessions cannot be planned", expected=f"2 to {len(labels)} classes a session",
            got=str(classes_per_session), do="A session needs two classes to tell apart.",
        )  # fmt: skip
    order = [labels[i] for i in np.random.default_rng(order_seed).permutation(len(labels))]
    groups = [order[i : i + classes_per_session] for i in range(0, len(order), classes_per_session)]
    if len(groups[-1]) == 1:
        groups[-2:] = [groups[-2] + groups[-1]]
    sessions = []
    for number, group in enumerate(groups, 1):
        train = tuple(clip for clip in clips if clip.label in group and clip.fold != test_fold)
        test = tuple(clip for clip in clips if clip.label in group and clip.fold == test_fold)
        for label in group:
            for part, where in ((train, f"outside fold {test_fold}"), (test, f"in fold {test_fold}")):
                if not any(clip.label == label for clip in part):
                    raise PaceEdgeError(f"class '{label}' has no clip {where}", do="Choose another test fold.")
        sessions.append(Session(number, tuple(group), train, test))
    return sessions


def load_pcm(clips: Sequence[Clip], *, rate_hz: int, seconds: float) -> torch.Tensor:
    """The clips as float32 [clips, samples], each cut or padded with silence around its middle to `seconds`."""
    samples = round(seconds * rate_hz)
    pcm = torch.zeros(len(clips), samples)
    for row, clip in zip(pcm, clips, strict=True):
        wave = read_audio(clip.path, rate_hz)
        spare = len(wave) - samples
        if spare > 0:
            wave = wave[spare // 2 : spare // 2 + samples]
        row[max(0, -spare // 2) :][: len(wave)] = torch.from_numpy(wave)
    return pcm
