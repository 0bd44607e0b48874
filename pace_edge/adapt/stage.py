"""One stage of training: a head is warmed up and frozen, then low-rank adapters learn in the blocks behind a frozen
prefix (PACE 2.1, steps 2 and 3).

The prefix never changes, so what its last block puts out is computed once for every clip and view.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from pace_edge.adapt.backbone import Backbone, unit_norm
from pace_edge.adapt.boundary import boundary_features, boundary_loss, boundary_prone, class_centres
from pace_edge.adapt.lora import Adapter
from pace_edge.adapt.settings import PaceSettings
from pace_edge.adapt.subspace import project_steps

Progress = Callable[[str, int, int, float], None]
"""Called with what is done, epochs done, epochs in all, and the mean loss."""


@dataclass(frozen=True)
class Prefix:
    """What block `first` reads, [n, ...], and what pooled blocks before it gave, [n, width] each."""

    first: int
    x: torch.Tensor
    before: tuple[torch.Tensor, ...]

    def embed(self, backbone: Backbone, chosen: torch.Tensor) -> torch.Tensor:
        """Embeddings of the chosen rows: [chosen, D], of length 1."""
        return backbone.from_block(self.first, self.x[chosen], [part[chosen] for part in self.before])


@torch.no_grad()
def run_prefix(backbone: Backbone, mel: torch.Tensor, first: int, batch: int) -> Prefix:
    """Log-mel [n, frames, mels] through the blocks before `first`, once."""
    xs, befores = [], []
    for part in mel.split(batch):
        x, before = backbone.stem_from(part), []
        for i in range(first):
            x = backbone.blocks[i](x)
            if i in backbone.pooled:
                before.append(unit_norm(backbone.pool(x)))
        xs.append(x)
        befores.append(before)
    return Prefix(first, torch.cat(xs), tuple(torch.cat(parts) for parts in zip(*befores, strict=True)))


@torch.no_grad()
def embed_all(backbone: Backbone, prefix: Prefix, batch: int) -> torch.Tensor:
    """Embeddings of every row: [n, D]."""
    return torch.cat([prefix.embed(backbone, rows) for rows in torch.arange(len(prefix.x)).split(batch)])


def warm_up_head(z: torch.Tensor, y: torch.Tensor, settings: PaceSettings, generator: torch.Generator) -> nn.Linear:
    """A fresh linear head on frozen embeddings z [n, D], trained for E_head epochs and then frozen."""
    head = nn.Linear(z.shape[1], int(y.max()) + 1)
    bound = z.shape[1] ** -0.5
    with torch.no_grad():
        head.weight.uniform_(-bound, bound, generator=generator)
        head.bias.zero_()
    optimizer = torch.optim.SGD(
        head.parameters(), settings.head_rate, momentum=settings.momentum, weight_decay=settings.weight_decay
    )
    for _ in range(settings.head_epochs):
        for rows in torch.randperm(len(z), generator=generator).split(settings.batch):
            loss = nn.functional.cross_entropy(head(settings.feature_length * z[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return head.requires_grad_(False)


@dataclass(frozen=True)
class Views:
    """Masked views of every clip behind the same prefix: row i * n + j is view j of clip i."""

    prefix: Prefix
    n: int


def train_adapter(
    backbone: Backbone,
    adapter: Adapter,
    clips: Prefix,
    y: torch.Tensor,
    head: nn.Linear,
    settings: PaceSettings,
    generator: torch.Generator,
    *,
    views: Views | None = None,
    subspaces: Mapping[nn.Parameter, torch.Tensor] | None = None,
    say: Progress = lambda *_: None,
    name: str = "adapt",
) -> list[float]:
    """E_0 epochs of cross-entropy, plus L_reg when there are views: the mean loss of each epoch.

    The first epoch is plain; the model after it says which views are wrong (PACE 2.4). `subspaces`: A to its U.
    """
    parameters = adapter.parameters() + [p for p in head.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(
        parameters, settings.rate, momentum=settings.momentum, weight_decay=settings.weight_decay
    )
    if subspaces:
        project_steps(optimizer, subspaces)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs)
    boundary, losses = None, []
    for epoch in range(settings.epochs):
        if views is not None and epoch:
            boundary = _Boundary.seen_by(backbone, head, clips, views, y, settings, before=boundary)
        total = 0.0
        for rows in torch.randperm(len(y), generator=generator).split(settings.batch):
            z = clips.embed(backbone, rows)
            loss = nn.functional.cross_entropy(head(settings.feature_length * z), y[rows])
            if boundary is not None:
                loss = loss + settings.regulariser_weight * boundary.loss(backbone, z, rows, y, generator).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        schedule.step()
        losses.append(total / len(y))
        say(name, epoch + 1, settings.epochs, losses[-1])
    return losses


@dataclass(frozen=True)
class _Boundary:
    """Which views are wrong, from the temporary model, and this epoch's B_t and class centres."""

    views: Views
    settings: PaceSettings
    wrong: torch.Tensor  # bool [clips, n]
    B_t: torch.Tensor  # [K, D]
    mu: torch.Tensor  # [classes, D]

    @classmethod
    @torch.no_grad()
    def seen_by(
        cls, backbone: Backbone, head: nn.Linear, clips: Prefix, views: Views, y: torch.Tensor,
        settings: PaceSettings, before: _Boundary | None,
    ) -> _Boundary:  # fmt: skip
        z = embed_all(backbone, views.prefix, settings.batch)
        features = z.view(len(y), views.n, -1)
        wrong = (
            before.wrong
            if before is not None
            else (head(settings.feature_length * z).argmax(1).view(len(y), -1) != y[:, None])
        )
        B_t = boundary_features(features, wrong, boundary_prone(wrong, settings.rho_p))
        return cls(views, settings, wrong, B_t, class_centres(embed_all(backbone, clips, settings.batch), y))

    def loss(
        self, backbone: Backbone, z: torch.Tensor, rows: torch.Tensor, y: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        n, right = self.views.n, ~self.wrong[rows]  # [b, n]
        if not len(self.B_t):  # nothing is near a boundary: the loss is 0, spare the views
            return torch.zeros(len(rows))
        wanted = n if self.settings.views_in_loss is None else min(n, self.settings.views_in_loss)
        order = torch.rand(right.shape, generator=generator).masked_fill(~right, 2.0).argsort(1)[:, :wanted]
        chosen = (rows[:, None] * n + order).flatten()
        f_views = self.views.prefix.embed(backbone, chosen).view(len(rows), wanted, -1)
        return boundary_loss(f_views, right.gather(1, order), z, self.mu[y[rows]], self.B_t, self.settings.delta)
