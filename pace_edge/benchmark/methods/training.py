"""The training loop of the methods that learn by Adam, as their papers do: epochs of shuffled batches of 24 clips."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from pace_edge.adapt.device import autocast
from pace_edge.adapt.inputs import Frozen, Inputs
from pace_edge.adapt.seeds import seeded
from pace_edge.benchmark.method import Task
from pace_edge.benchmark.methods.own_backbone import BATCH
from pace_edge.errors import LearningError

Loss = Callable[[Frozen, torch.Tensor], torch.Tensor]  # of a batch: what block 0 reads, and the clips' numbers [b]
Schedule = Callable[[float], float]  # the rate's factor when this share of the epochs is over


def constant(done: float) -> float:
    return 1.0


def cosine(done: float) -> float:
    return (1 + math.cos(math.pi * done)) / 2


def quarter_cosine(done: float) -> float:
    return math.cos(math.pi / 2 * done)


def train(
    task: Task, name: str, inputs: Inputs, optimizer: torch.optim.Optimizer, loss: Loss, *, schedule: Schedule,
    clip_norm: float | None,
) -> list[float]:  # fmt: skip
    """E_0 epochs: the mean loss of each. Raises LearningError when it is not finite."""
    machine, losses = task.machine, []
    learned = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    rates = [group["lr"] for group in optimizer.param_groups]
    machine.watch.begin(name, task.epochs * math.ceil(len(inputs) / BATCH))
    for epoch in range(task.epochs):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * schedule(epoch / task.epochs)
        groups = torch.randperm(len(inputs), generator=seeded(task.seed, name, "order", epoch)).split(BATCH)
        total = 0.0
        for rows, frozen in zip(groups, inputs.read(groups), strict=True):
            optimizer.zero_grad()
            with autocast(machine.device, machine.precision):
                batch_loss = loss(frozen, rows)
            batch_loss.backward()
            if clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(learned, clip_norm)
            optimizer.step()
            total += len(rows) * batch_loss.item()
            machine.watch.step()
        losses.append(total / len(inputs))
        if not math.isfinite(losses[-1]):
            raise LearningError(
                f"the training of {name} diverged", expected="a finite loss", got=f"{losses[-1]} in epoch {epoch + 1}",
                do="Check that the clips hold sound, or leave this method out.",
            )  # fmt: skip
        machine.watch.epoch(epoch + 1, task.epochs, losses[-1], None)
    return losses
