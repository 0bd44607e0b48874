"""Rows of activations that are computed once: in memory while they fit, else in a file, else not at all.

The file is a memory map in a temporary folder, so the operating system keeps in memory what it can of it; it goes with
the store.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path

import torch

from pace_edge.errors import PaceEdgeError


@dataclass
class Budget:
    """Bytes that stores may still take, in memory and on disk."""

    memory: int
    disk: int

    def store(self, n: int, shape: tuple[int, ...], dtype: torch.dtype) -> Store | None:
        """Room for n rows, taken from the budget until the store goes; None where there is none."""
        size = n * torch.Size(shape).numel() * dtype.itemsize
        for kind in ("memory", "disk"):
            if size <= (left := getattr(self, kind)):
                store = Store(n, shape, dtype, on_disk=kind == "disk")
                setattr(self, kind, left - size)
                weakref.finalize(store, self._give_back, kind, size)
                return store
        return None

    def _give_back(self, kind: str, size: int) -> None:
        setattr(self, kind, getattr(self, kind) + size)


class Store:
    """`store[rows] = values` and `store[rows]`: [len(rows), *shape], float32 or whatever `dtype` says, on the CPU."""

    def __init__(self, n: int, shape: tuple[int, ...], dtype: torch.dtype, *, on_disk: bool) -> None:
        self.on_disk = on_disk
        if not on_disk or not n:
            self._rows = torch.empty(n, *shape, dtype=dtype)
            return
        folder, size = Path(tempfile.mkdtemp(prefix="pace-edge-")), n * torch.Size(shape).numel()
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        if shutil.disk_usage(folder).free < size * dtype.itemsize:  # a full disk under a map kills the process
            raise PaceEdgeError(
                f"the disk of {folder.parent} has no room for the activations of the frozen blocks",
                expected=f"{size * dtype.itemsize / 2**30:.1f} GiB free",
                got=f"{shutil.disk_usage(folder).free / 2**30:.1f} GiB",
                do="Set TMPDIR to a folder on another disk, or lower --cache-disk-gib: they are then computed anew.",
            )
        self._rows = torch.from_file(str(folder / "rows"), shared=True, size=size, dtype=dtype).view(n, *shape)

    def __setitem__(self, rows: torch.Tensor, values: torch.Tensor) -> None:
        self._rows[rows] = values.to(self._rows)

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        return self._rows[rows]
