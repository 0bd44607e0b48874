"""The embeddings of a set's clips by a pretrained backbone, computed once and kept on disk for all methods.

A file holds those of PART clips, in the set's order. Its name is a checksum of all that they depend on: the backbone's
weights and which of its blocks are pooled, the clips' content and their length in seconds. So another backbone or other
audio never finds it. Files are written whole or not at all; one that cannot be read is computed again.
"""

from __future__ import annotations

import hashlib
import io
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.data import Clip
from pace_edge.adapt.inputs import Inputs
from pace_edge.adapt.machine import Machine
from pace_edge.adapt.processes import Processes
from pace_edge.adapt.store import Budget
from pace_edge.errors import PaceEdgeError
from pace_edge.files import write_whole

PART = 256  # clips; what an interruption may cost
BATCH = 32
VERSION = 1  # of what lies in a file; another one for front ends or pooling that changed in the code


@dataclass(frozen=True)
class Features:
    """`checksums` are the clips' (SHA-256), `identity` the backbone's: see `identity_of`."""

    backbone: Backbone
    identity: str
    clips: Sequence[Clip]
    checksums: Sequence[str]
    seconds: float
    folder: Path

    def fill(self, machine: Machine) -> None:
        """Compute what is not on the disk yet; every process its share. Raises PaceEdgeError for an unreadable clip."""
        parts = list(self._parts())
        machine.watch.begin(f"embedding {len(self.clips)} clips", len(parts))
        fault: PaceEdgeError | None = None
        try:
            for number, part in enumerate(parts):
                if number % machine.processes.world == machine.processes.rank and self._read(part) is None:
                    self._compute(part, machine)
                machine.watch.step()
        except PaceEdgeError as error:
            fault = error
        faults = torch.tensor(int(fault is not None))
        machine.processes.sum_(faults)  # all wait for all, and go on together or not at all
        if faults:
            raise fault or PaceEdgeError("another process could not embed its clips", do="See what it said.")

    def embed(self, machine: Machine) -> Embedded:
        """What a method embeds clips of this set with."""
        return Embedded(self, machine)

    def _parts(self) -> list[slice]:
        return [slice(i, i + PART) for i in range(0, len(self.clips), PART)]

    def _path(self, part: slice) -> Path:
        whole = "\n".join([str(VERSION), self.identity, repr(float(self.seconds)), *self.checksums[part]])
        return self.folder / f"{hashlib.sha256(whole.encode()).hexdigest()[:32]}.npz"

    def _read(self, part: slice) -> tuple[np.ndarray, float] | None:
        """Embeddings [n, D] and the seconds that they took."""
        try:
            content = io.BytesIO(self._path(part).read_bytes())  # NumPy would leave a damaged file open
            with np.load(content, allow_pickle=False) as kept:
                return kept["z"], float(kept["took_s"])
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None

    def _compute(self, part: slice, machine: Machine) -> tuple[np.ndarray, float]:
        begun = time.monotonic()
        self.backbone.eval().requires_grad_(False).to(machine.device)
        inputs = Inputs(
            self.backbone, self.clips[part], replace(machine, processes=Processes()), first=0, seconds=self.seconds,
            batch=BATCH, budget=Budget(memory=0, disk=0),
        )  # fmt: skip
        z = inputs.embed_all().cpu().numpy().astype(np.float32)
        if not np.isfinite(z).all():
            bad = self.clips[part][int(np.flatnonzero(~np.isfinite(z).all(1))[0])]
            raise PaceEdgeError(
                f"the embedding of {bad.path} is not finite", do="Listen to it; take it out of the set."
            )
        took_s = time.monotonic() - begun
        content = io.BytesIO()
        np.savez(content, z=z, took_s=took_s)
        try:
            write_whole(self._path(part), content.getvalue())
        except OSError as error:
            raise PaceEdgeError(
                f"embeddings cannot be kept in {self.folder}: {error.strerror}", do="Free or choose another --cache."
            ) from None
        return z, took_s


class Embedded:
    """Clips of the set to their embeddings, float32 [n, D]; `seconds_per_clip` is what the backbone took for each."""

    def __init__(self, features: Features, machine: Machine) -> None:
        parts = [features._read(part) or features._compute(part, machine) for part in features._parts()]
        self._z = np.concatenate([z for z, _ in parts])
        self._row = {clip.path: row for row, clip in enumerate(features.clips)}
        self.seconds_per_clip = sum(took_s for _, took_s in parts) / len(features.clips)
        self.asked_for = 0  # clips, up to now

    def __call__(self, clips: Sequence[Clip]) -> np.ndarray:
        self.asked_for += len(clips)
        try:
            return self._z[[self._row[clip.path] for clip in clips]]
        except KeyError as error:
            raise PaceEdgeError(
                f"no embedding of {error.args[0]} is kept", expected="a clip of the set",
                do="Put changed clips through task.backbone.",
            ) from None  # fmt: skip


def identity_of(backbone: Backbone, sha256: str) -> str:
    """Which embedding it is: the weights alone do not say which blocks are pooled, nor how backbones are made up."""
    shares = getattr(backbone, "scales", [])
    return f"{sha256} {type(backbone).__name__} {list(backbone.pooled)} {backbone.embedding_size} {shares}"
