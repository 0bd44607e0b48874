"""A session's clips, and masked views of them, as the first adapted block reads them.

The blocks before it are frozen, so what they put out is computed once and kept while there is room (`store.py`), and
computed anew from the clips each time where there is none. Each process holds the clips that it owns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from pace_edge.adapt.backbone import Backbone, unit_norm
from pace_edge.adapt.boundary import masked_views
from pace_edge.adapt.data import Clip
from pace_edge.adapt.loading import batches
from pace_edge.adapt.machine import Machine
from pace_edge.adapt.store import Budget, Store


@dataclass(frozen=True)
class Frozen:
    """What a block reads, [b, ...], and what is pooled already beside it and before it, [b, width] each."""

    x: torch.Tensor
    before: tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class Masks:
    """The views of every clip: `drawn` by `boundary.draw_masks`, [clips, views, 4]."""

    drawn: torch.Tensor
    max_fraction: float


class Inputs:
    """Clips as block `first` reads them; `stored` says which of "clips" and "views" are kept, and where."""

    def __init__(
        self, backbone: Backbone, clips: Sequence[Clip], machine: Machine, *, first: int, seconds: float, batch: int,
        budget: Budget, masks: Masks | None = None,
    ) -> None:  # fmt: skip
        self.backbone, self.clips, self.machine, self.first = backbone, clips, machine, first
        self.seconds, self.batch, self.masks = seconds, batch, masks
        self.own = machine.processes.mine(len(clips))
        self.stored: dict[str, str] = {}
        self._clips: list[Store] = []
        self._views: list[Store] = []
        if budget.memory or budget.disk:
            self._fill(budget)

    def __len__(self) -> int:
        return len(self.clips)

    def groups(self, size: int | None = None) -> list[torch.Tensor]:
        """This process's clips, `batch` or `size` at a time."""
        return list(self.own.split(size or self.batch)) if len(self.own) else []

    def embed(self, frozen: Frozen) -> torch.Tensor:
        """Embeddings [b, D] through the blocks from `first`, float32."""
        return self.backbone.from_block(self.first, frozen.x, frozen.before).float()

    def read(self, groups: Sequence[torch.Tensor]) -> Iterator[Frozen]:
        """Each group's clips; the groups hold own clips' numbers."""
        if self._clips:
            for group in groups:
                yield self._from(self._clips, self._local(group))
            return
        for _, frozen in self._anew(groups):
            yield frozen

    def read_views(
        self, groups: Sequence[torch.Tensor], views: Sequence[torch.Tensor]
    ) -> Iterator[tuple[Frozen, Frozen]]:
        """Each group's clips and the views of them that are asked for: [k, 2], place in the group and view."""
        assert self.masks is not None
        n = self.masks.drawn.shape[1]
        if self._clips and self._views:
            for group, pairs in zip(groups, views, strict=True):
                local = self._local(group)
                yield self._from(self._clips, local), self._from(self._views, local[pairs[:, 0]] * n + pairs[:, 1])
            return
        for group, pairs, (mel, frozen) in zip(groups, views, self._anew(groups), strict=True):
            yield frozen, self._masked(group, mel, frozen, pairs)

    @torch.no_grad()
    def embed_all(self, name: str = "") -> torch.Tensor:
        """Embeddings of all clips, of every process: [n, D]. With a name it is a stage that is watched."""
        groups, parts = self.groups(), [torch.zeros(0, self.backbone.embedding_size, device=self.machine.device)]
        if name:
            self.machine.watch.begin(name, len(groups))
        for frozen in self.read(groups):
            parts.append(self.embed(frozen))
            if name:
                self.machine.watch.step()
        part = torch.cat(parts)
        return self.machine.processes.gather_rows(part, self.own, len(self))

    def _local(self, group: torch.Tensor) -> torch.Tensor:
        return group // self.machine.processes.world

    def _from(self, stores: Sequence[Store], rows: torch.Tensor) -> Frozen:
        x, *before = (store[rows].to(self.machine.device, non_blocking=True) for store in stores)
        return Frozen(x, tuple(before))

    @torch.no_grad()
    def _anew(self, groups: Sequence[torch.Tensor]) -> Iterator[tuple[torch.Tensor, Frozen]]:
        """Log-mel and prefix of each group, from disk."""
        for pcm in batches(
            self.clips, groups, rate_hz=self.backbone.rate_hz, seconds=self.seconds, workers=self.machine.workers,
            pin=self.machine.device.type == "cuda",
        ):  # fmt: skip
            pcm = pcm.to(self.machine.device, non_blocking=True)
            mel = self.backbone.spectrogram(pcm)
            yield mel, self._through_prefix(mel, self.backbone.beside(pcm))

    def _through_prefix(self, mel: torch.Tensor, beside: Sequence[torch.Tensor]) -> Frozen:
        x, before = self.backbone.stem_from(mel), list(beside)
        for i in range(self.first):
            x = self.backbone.blocks[i](x)
            if i in self.backbone.pooled:
                before.append(unit_norm(self.backbone.pool(x)))
        return Frozen(x, tuple(before))

    @torch.no_grad()
    def _masked(self, group: torch.Tensor, mel: torch.Tensor, clips: Frozen, pairs: torch.Tensor) -> Frozen:
        """Views of clips whose log-mel [b, frames, mels] is at hand. What stands beside has no views: it is the
        clip's."""
        assert self.masks is not None
        place, view = pairs[:, 0], pairs[:, 1]
        drawn = self.masks.drawn[group[place], view][:, None]  # [k, 1, 4]
        masked = masked_views(mel[place.to(mel.device)], drawn, self.masks.max_fraction)[:, 0]
        n_beside = len(clips.before) - sum(i in self.backbone.pooled for i in range(self.first))
        return self._through_prefix(masked, [part[place.to(part.device)] for part in clips.before[:n_beside]])

    @torch.no_grad()
    def _fill(self, budget: Budget) -> None:
        groups, watch = self.groups(), self.machine.watch
        watch.begin(f"{len(self)} clips through the frozen blocks", len(groups))
        n_views = self.masks.drawn.shape[1] if self.masks else 0
        for number, (group, (mel, frozen)) in enumerate(zip(groups, self._anew(groups), strict=True)):
            rows = [frozen.x, *frozen.before]
            if not number:
                self._clips = self._stores(budget, "clips", len(self.own), rows)
                self._views = self._stores(budget, "views", len(self.own) * n_views, rows) if self._clips else []
            local = self._local(group)
            for store, values in zip(self._clips, rows, strict=False):
                store[local] = values
            if self._views:
                self._fill_views(group, mel, frozen, n_views)
            watch.step()
            if not self._clips:  # nothing is kept: one group was enough to know
                break

    def _fill_views(self, group: torch.Tensor, mel: torch.Tensor, frozen: Frozen, n_views: int) -> None:
        for pairs in every_view(len(group), n_views).split(self.batch):
            masked = self._masked(group, mel, frozen, pairs)
            rows = self._local(group)[pairs[:, 0]] * n_views + pairs[:, 1]
            for store, values in zip(self._views, [masked.x, *masked.before], strict=True):
                store[rows] = values

    def _stores(self, budget: Budget, what: str, n: int, rows: Sequence[torch.Tensor]) -> list[Store]:
        """A store for each of the rows' kinds, or none at all when there is no room for every one."""
        stores = []
        for values in rows:
            store = budget.store(n, tuple(values.shape[1:]), values.dtype) if n else None
            if store is None:
                return []
            stores.append(store)
        self.stored[what] = "disk" if any(store.on_disk for store in stores) else "memory"
        return stores


def every_view(clips: int, n_views: int) -> torch.Tensor:
    """All pairs of place and view: [clips * n_views, 2]."""
    return torch.cartesian_prod(torch.arange(clips), torch.arange(n_views))
