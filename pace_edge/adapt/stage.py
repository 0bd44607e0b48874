"""One stage of training: a head is warmed up and frozen, then low-rank adapters learn in the blocks behind a frozen
prefix (PACE 2.1, steps 2 and 3).

Of each batch every process takes the clips that it owns, and divides its loss by the whole batch: the summed gradients
are those of one process. All draw the same numbers and take the same steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from pace_edge.adapt.device import autocast
from pace_edge.adapt.inputs import Frozen, Inputs
from pace_edge.adapt.lora import Adapter
from pace_edge.adapt.near_boundary import Boundary, boundary_now, wrong_views
from pace_edge.adapt.seeds import seeded
from pace_edge.adapt.settings import PaceSettings
from pace_edge.adapt.subspace import project_steps


@dataclass
class Trained:
    """What a stage did, epoch by epoch: the mean loss, and the head's accuracy on the session's test clips."""

    losses: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Stage:
    """What is trained on, and how a stage goes on after an interruption: `saved` from a state that `save` was given."""

    name: str
    inputs: Inputs
    y: torch.Tensor  # [n], the session's classes from 0
    settings: PaceSettings
    test: tuple[Inputs, torch.Tensor] | None = None  # the session's test clips and their classes: only looked at
    saved: Mapping[str, Any] | None = None
    save: Callable[[dict[str, Any]], None] = lambda state: None

    def generator(self, *purpose: object) -> torch.Generator:
        return seeded(self.settings.seed, self.name, *purpose)


def fresh_head(stage: Stage) -> nn.Linear:
    """A linear head over the session's classes, as `nn.Linear` draws it, without a bias at first."""
    D = stage.inputs.backbone.embedding_size
    head, bound = nn.Linear(D, int(stage.y.max()) + 1), D**-0.5
    with torch.no_grad():
        head.weight.uniform_(-bound, bound, generator=stage.generator("head"))
        head.bias.zero_()
    return head.to(stage.inputs.machine.device)


def warm_up_head(stage: Stage) -> nn.Linear:
    """A fresh head trained on the embeddings of now for E_head epochs, and then frozen. It is small and the embeddings
    are at hand, so every process trains it whole."""
    s, head, z = stage.settings, fresh_head(stage), stage.inputs.embed_all()
    y = stage.y.to(z.device)
    optimizer = _sgd([{"params": head.parameters(), "lr": s.head_rate}], s)
    for epoch in range(s.head_epochs):
        for rows in torch.randperm(len(y), generator=stage.generator("head", epoch)).split(s.batch):
            rows = rows.to(z.device)
            loss = nn.functional.cross_entropy(head(s.feature_length * z[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return head.requires_grad_(False)


def train_adapter(
    stage: Stage, adapter: Adapter, head: nn.Linear, *, subspaces: Mapping[nn.Parameter, torch.Tensor] | None = None
) -> Trained:
    """E_0 epochs of cross-entropy, plus L_reg when the inputs have views; of the head what is not frozen learns too.

    The first epoch is plain; the model after it says which views are wrong (PACE 2.4). `subspaces`: A to its U.
    """
    s, inputs, watch = stage.settings, stage.inputs, stage.inputs.machine.watch
    of_head = [p for p in head.parameters() if p.requires_grad]
    groups = [{"params": adapter.parameters(), "lr": s.rate}]
    optimizer = _sgd([*groups, {"params": of_head, "lr": s.head_rate}] if of_head else groups, s)
    learned = [*adapter.parameters(), *of_head]
    if subspaces:
        project_steps(optimizer, subspaces)
    done, wrong = Trained(), None
    if stage.saved is not None:
        done = Trained(list(stage.saved["losses"]), list(stage.saved["held_out"]))
        wrong = stage.saved["wrong"]
        optimizer.load_state_dict(stage.saved["optimizer"])
        with torch.no_grad():
            for parameter, value in zip(learned, stage.saved["learned"], strict=True):
                parameter.copy_(value)
    begun = len(done.losses)
    watch.begin(stage.name, (s.epochs - begun) * math.ceil(len(stage.y) / s.batch))
    for epoch in range(begun, s.epochs):
        boundary = None
        if inputs.masks is not None and epoch:
            if wrong is None:
                wrong = wrong_views(inputs, head, stage.y, s)
            boundary = boundary_now(inputs, wrong, stage.y, s, stage.generator("views", epoch))
        for i, group in enumerate(optimizer.param_groups):  # cosine over E_0
            group["lr"] = (s.rate, s.head_rate)[i] * (1 + math.cos(math.pi * epoch / s.epochs)) / 2
        done.losses.append(_epoch(stage, epoch, learned, head, optimizer, boundary))
        if stage.test is not None:
            done.held_out.append(head_accuracy(head, *stage.test, s))
        stage.save({
            "losses": done.losses, "held_out": done.held_out, "wrong": wrong, "optimizer": optimizer.state_dict(),
            "learned": [parameter.detach().cpu() for parameter in learned],
        })  # fmt: skip
        watch.epoch(epoch + 1, s.epochs, done.losses[-1], done.held_out[-1] if done.held_out else None)
    return done


def _epoch(
    stage: Stage, epoch: int, learned: Sequence[nn.Parameter], head: nn.Linear, optimizer: torch.optim.Optimizer,
    boundary: Boundary | None,
) -> float:  # fmt: skip
    """One pass over the clips: the mean loss."""
    s, inputs, machine = stage.settings, stage.inputs, stage.inputs.machine
    batches = torch.randperm(len(stage.y), generator=stage.generator("order", epoch)).split(s.batch)
    if boundary is not None and not len(boundary.B_t):  # nothing is near a boundary: spare the views
        boundary = None
    total = torch.zeros((), device=machine.device)
    for rows, group, clips, views in _read(inputs, batches, boundary):
        optimizer.zero_grad()
        if clips is not None:
            with autocast(machine.device, machine.precision):
                z = inputs.embed(clips)
                z_views = inputs.embed(views) if views is not None else None
            y = stage.y[group].to(z.device)
            loss = nn.functional.cross_entropy(head(s.feature_length * z), y, reduction="sum")
            if boundary is not None and z_views is not None:
                loss = loss + s.regulariser_weight * boundary.loss(z, z_views, group, stage.y, s.delta).sum()
            (loss / len(rows)).backward()
            total += loss.detach()
        machine.processes.sum_gradients(learned)
        if s.clip_norm is not None:
            nn.utils.clip_grad_norm_(learned, s.clip_norm)
        optimizer.step()
        machine.watch.step()
    machine.processes.sum_(total)
    return total.item() / len(stage.y)


def _read(
    inputs: Inputs, batches: Sequence[torch.Tensor], boundary: Boundary | None
) -> Iterator[tuple[torch.Tensor, torch.Tensor, Frozen | None, Frozen | None]]:
    """Each batch's clips, those of them that this process owns, and what it reads of these; None where it owns none."""
    groups = [inputs.machine.processes.owned(rows) for rows in batches]
    own = [group for group in groups if len(group)]
    pairs = [boundary.pairs(group) for group in own] if boundary is not None else []
    read: Iterator[Any] = inputs.read(own) if boundary is None else inputs.read_views(own, pairs)
    for rows, group in zip(batches, groups, strict=True):
        if not len(group):
            yield rows, group, None, None
        elif boundary is None:
            yield rows, group, next(read), None
        else:
            yield rows, group, *next(read)


@torch.no_grad()
def head_accuracy(head: nn.Linear, inputs: Inputs, y: torch.Tensor, settings: PaceSettings) -> float:
    """The share of the clips that the head calls right."""
    called = head(settings.feature_length * inputs.embed_all()).argmax(1)
    return (called == y.to(called.device)).double().mean().item()


def _sgd(groups: list[dict[str, Any]], settings: PaceSettings) -> torch.optim.SGD:
    return torch.optim.SGD(groups, momentum=settings.momentum, weight_decay=settings.weight_decay)
