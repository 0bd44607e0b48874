"""Where and how a run computes. None of it is part of the method: results agree up to rounding."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from pace_edge.adapt.device import Precision
from pace_edge.adapt.processes import Processes
from pace_edge.adapt.store import Budget
from pace_edge.adapt.watch import Watch


@dataclass(frozen=True, kw_only=True)
class Machine:
    """`precision` is that of training the adapters; features and statistics are always taken in float32."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: Precision = "float32"
    processes: Processes = field(default_factory=Processes)
    workers: int = 0  # processes that read clips ahead; 0: none
    cache_gib: float = 4.0  # activations of the frozen blocks kept in memory,
    cache_disk_gib: float = 32.0  # and beyond that in a file; the rest is computed anew each epoch
    watch: Watch = field(default_factory=Watch)

    def budget(self) -> Budget:
        """What one session's stores may take."""
        return Budget(memory=int(self.cache_gib * 2**30), disk=int(self.cache_disk_gib * 2**30))
