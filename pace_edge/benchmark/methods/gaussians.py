"""A class remembered as a Gaussian, and a linear head trained on features drawn from such (Zhang et al., SLCA, 2023;
HiDe-Prompt's task-adaptive prediction)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from pace_edge.benchmark.methods.training import cosine

LEAST_VARIANCE = 1e-4


@dataclass(frozen=True)
class Gaussian:
    """Mean and variance of each component, [D] each. (A whole covariance has more numbers than a class has clips.)"""

    mean: torch.Tensor
    variance: torch.Tensor

    @classmethod
    def of(cls, features: torch.Tensor) -> Gaussian:
        """Of a class's features [n, D], n > 0."""
        return cls(features.mean(0), features.var(0, unbiased=False) + LEAST_VARIANCE)

    def draw(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """[n, D]; drawn where the generator lives, so a seed gives the same on every device."""
        noise = torch.randn(n, len(self.mean), generator=generator).to(self.mean)
        return self.mean + self.variance.sqrt() * noise


def align(
    head: nn.Linear, classes: Sequence[Gaussian], targets: Sequence[int], *, epochs: int, per_class: int, rate: float,
    generator: torch.Generator,
) -> None:  # fmt: skip
    """Train the head to call the Gaussians' features by `targets`, a row of the head for each Gaussian.

    An epoch draws `per_class` new features of each and goes through them in shuffled batches of as many. SGD with
    momentum 0.9 and weight decay 5e-4, cosine over the epochs.
    """
    optimizer = torch.optim.SGD(head.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4)
    y = torch.tensor(targets).repeat_interleave(per_class)
    for epoch in range(epochs):
        optimizer.param_groups[0]["lr"] = rate * cosine(epoch / epochs)
        features = torch.cat([gaussian.draw(per_class, generator) for gaussian in classes])
        for rows in torch.randperm(len(y), generator=generator).split(per_class):
            loss = cross_entropy(head(features[rows.to(features.device)]), y[rows].to(features.device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
