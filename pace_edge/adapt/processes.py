"""Several processes, started by torchrun, train one model: what each of them does and what they add up.

Clip i belongs to process i % world for ever, so only that one loads it: memory and disk are divided by `world`. All
draw the same random numbers and go through the same batches; of a batch each takes its own clips. A process's loss is
the sum over ITS clips divided by the size of the WHOLE batch, so that the summed gradients are what a single process
computes, and every process takes the same step from the same weights.

torch's DistributedDataParallel is not used: it averages over processes, which is right only if each has equally many of
a batch's clips, it waits for every process to go through `forward`, which one without a clip of the batch does not, and
it wraps the module, whose blocks are called here one by one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import torch

from pace_edge.errors import PaceEdgeError


@dataclass(frozen=True)
class Processes:
    """This process is number `rank` of `world`. All of them must call whatever sums, in the same order."""

    rank: int = 0
    world: int = 1

    @classmethod
    @contextmanager
    def from_environment(cls, device: torch.device) -> Iterator[Processes]:
        """What torchrun says (RANK, WORLD_SIZE, ...), connected as long as the context is open; else alone.

        `device` is the one that the sums are on; tensors on the CPU can be summed too. Raises PaceEdgeError.
        """
        if os.environ.get("WORLD_SIZE", "1") == "1":
            yield cls()
            return
        from torch import distributed

        try:
            distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
        except (RuntimeError, ValueError) as error:
            raise PaceEdgeError(
                f"this process cannot join the others ({error})",
                do="Start them together: torchrun --nproc-per-node 2 -m pace_edge adapt ...; alone, unset WORLD_SIZE.",
            ) from None
        try:
            yield cls(distributed.get_rank(), distributed.get_world_size())
            with suppress(RuntimeError):  # one that is gone has said why itself
                distributed.barrier()  # the first may have files to write still; all leave together
        finally:
            distributed.destroy_process_group()

    @property
    def is_first(self) -> bool:
        """Whether this is the one that speaks and writes files."""
        return self.rank == 0

    def mine(self, n: int) -> torch.Tensor:
        """Which of the rows 0..n-1 this process owns, int64, ascending; row i is number i // world of them."""
        return torch.arange(n)[self.rank :: self.world]

    def owned(self, rows: torch.Tensor) -> torch.Tensor:
        """Those of these rows that this process owns, in the order given; maybe none."""
        return rows[rows % self.world == self.rank]

    @torch.no_grad()
    def sum_(self, *tensors: torch.Tensor) -> None:
        """Every process's tensors added up, in place and everywhere the same; shapes and dtypes must agree.

        One message for each dtype and device. Only a contiguous tensor that is alone in its message is not copied.
        Raises PaceEdgeError when another process is gone.
        """
        if self.world == 1:
            return
        messages: dict[tuple[torch.dtype, torch.device], list[torch.Tensor]] = {}
        for tensor in tensors:
            messages.setdefault((tensor.dtype, tensor.device), []).append(tensor)
        for parts in messages.values():
            if len(parts) == 1 and parts[0].is_contiguous():
                _all_reduce(parts[0])
                continue
            flat = torch.cat([part.flatten() for part in parts])
            _all_reduce(flat)
            for part, total in zip(parts, flat.split([part.numel() for part in parts]), strict=True):
                part.copy_(total.view_as(part))

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Gradients added up. One that is missing counts as zero and is made, also alone: then every process's
        optimiser takes the same step, with its momentum and weight decay, whoever had clips in the batch."""
        gradients = []
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        self.sum_(*gradients)

    @torch.no_grad()
    def gather_rows(self, part: torch.Tensor, rows: torch.Tensor, n: int) -> torch.Tensor:
        """[n, ...] in order, on every process, from what each has: `part` [k, ...] of its own `rows` [k], maybe none.

        Numbers or bool. A sum of rows that are zero where they are not owned: each row must come from one process.
        """
        whole = part.new_zeros(n, *part.shape[1:])
        whole[rows.to(part.device)] = part
        self.sum_(whole)
        return whole


def _all_reduce(tensor: torch.Tensor) -> None:
    from torch import distributed

    try:
        distributed.all_reduce(tensor)
    except RuntimeError as error:  # gloo and NCCL have no class for it
        raise PaceEdgeError(
            f"the processes cannot add up what they have ({error})", do="If another one stopped, mend what it says."
        ) from None
