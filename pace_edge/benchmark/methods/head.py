"""A linear head that gets rows for new classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from pace_edge.adapt.data import Clip


def grown(head: nn.Linear | None, D: int, C: int, *, generator: torch.Generator) -> nn.Linear:
    """A head of C rows over D features, of which the first are those of `head`; the new ones as `nn.Linear` draws its
    weight, their bias 0. It is made where the generator lives."""
    bound, new = D**-0.5, nn.Linear(D, C)
    with torch.no_grad():
        new.weight.uniform_(-bound, bound, generator=generator)
        new.bias.zero_()
        if head is not None:
            new.weight[: head.out_features] = head.weight.cpu()
            new.bias[: head.out_features] = head.bias.cpu()
    return new


def columns_of(clips: Sequence[Clip], labels: Sequence[str]) -> torch.Tensor:
    """The place of each clip's label in `labels`: int64 [n]."""
    place = {label: i for i, label in enumerate(labels)}
    return torch.tensor([place[clip.label] for clip in clips])


def count(parameters: Sequence[torch.Tensor]) -> int:
    return sum(parameter.numel() for parameter in parameters)


def size_bytes(tensors: Sequence[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
