"""Which views a temporary model calls wrong, and what the regulariser makes of it in each epoch (PACE 2.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from pace_edge.adapt.boundary import boundary_loss, boundary_prone, class_centres
from pace_edge.adapt.inputs import Inputs, every_view
from pace_edge.adapt.settings import PaceSettings


@torch.no_grad()
def wrong_views(inputs: Inputs, head: nn.Linear, y: torch.Tensor, settings: PaceSettings) -> torch.Tensor:
    """Which views the model of now calls wrong: bool [n, views], the same on every process."""
    own = []
    for group, z in _embedded_views(inputs, torch.ones(len(y), settings.views, dtype=torch.bool)):
        called = head(settings.feature_length * z).argmax(1).view(len(group), -1)
        own.append(called.cpu() != y[group, None])
    part = torch.cat(own) if own else torch.zeros(0, settings.views, dtype=torch.bool)
    return inputs.machine.processes.gather_rows(part, inputs.own, len(y))


@dataclass(frozen=True)
class Boundary:
    """One epoch's B_t and class centres, and the right views that enter each clip's loss."""

    B_t: torch.Tensor  # [K, D]
    mu: torch.Tensor  # [classes, D]
    views: torch.Tensor  # [n, w], the chosen views of each clip
    right: torch.Tensor  # bool [n, w], which of them count

    def pairs(self, group: torch.Tensor) -> torch.Tensor:
        """The views to read for a group of clips: [k, 2], place in the group and view."""
        place, slot = self.right[group].nonzero(as_tuple=True)
        return torch.stack([place, self.views[group[place], slot]], 1)

    def loss(
        self, z: torch.Tensor, z_views: torch.Tensor, group: torch.Tensor, y: torch.Tensor, delta: float
    ) -> torch.Tensor:
        """L_reg [b] of a group's clips z [b, D] with the views that `pairs` named, z_views [k, D]."""
        right = self.right[group]
        slots = right.flatten().nonzero().flatten().to(z.device)
        f_views = z.new_zeros(right.numel(), z.shape[1]).index_copy(0, slots, z_views).view(*right.shape, -1)
        return boundary_loss(f_views, right.to(z.device), z, self.mu[y[group].to(z.device)], self.B_t, delta)


@torch.no_grad()
def boundary_now(
    inputs: Inputs, wrong: torch.Tensor, y: torch.Tensor, settings: PaceSettings, generator: torch.Generator
) -> Boundary:
    """B_t and mu as the model of now sees them. With B_t empty nothing is near a boundary."""
    prone_and_wrong = wrong & boundary_prone(wrong, settings.rho_p)[:, None]
    number = (prone_and_wrong.flatten().cumsum(0) - 1).view_as(wrong)  # of each such view, in B_t
    device = inputs.machine.device
    B_t = torch.zeros(int(prone_and_wrong.sum()), inputs.backbone.embedding_size, device=device)
    for group, z in _embedded_views(inputs, prone_and_wrong):
        rows = number[group][prone_and_wrong[group]]
        B_t[rows.to(device)] = nn.functional.normalize(z, dim=-1)
    inputs.machine.processes.sum_(B_t)  # each row is one process's
    wanted = settings.views if settings.views_in_loss is None else min(settings.views, settings.views_in_loss)
    shuffled = torch.rand(wrong.shape, generator=generator).masked_fill(wrong, 2.0)  # right ones first
    views = shuffled.argsort(1)[:, :wanted]
    mu = class_centres(inputs.embed_all(), y.to(device))
    return Boundary(B_t, mu, views, ~wrong.gather(1, views))


def _embedded_views(inputs: Inputs, wanted: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Groups of this process's clips, those with a wanted view, and these views' embeddings [k, D], in order."""
    n = wanted.shape[1]
    groups = [group[wanted[group].any(1)] for group in inputs.groups(max(1, inputs.batch // n))]
    groups = [group for group in groups if len(group)]
    pairs = [every_view(len(group), n)[wanted[group].flatten()] for group in groups]
    for group, (_, views) in zip(groups, inputs.read_views(groups, pairs), strict=True):
        yield group, inputs.embed(views)
