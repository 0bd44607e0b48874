"""Low-rank adapters (LoRA; Hu et al. 2021, arXiv 2106.09685) on a backbone's chosen blocks, one adapter a session.

W = W_0 + sum over s of c_s (alpha / r) B_s A_s, with c_s = 1. A and B are trained, W_0 and earlier adapters are not. As
B starts at zero, a new adapter changes nothing. c_s = -1 is the unlearned model of LoRA subtraction (arXiv 2503.18985).

A block is adapted by what it holds: linear layers `q`, `k`, `v`, or one fused `qkv` whose rows are q, k, v in this
order (each part gets an A and a B of its own, and rows not chosen keep their weights), and 1x1 convolutions always.

The sum is a parametrization of torch's: `module.weight` is W wherever it is read, so nothing else knows of adapters.
Under bf16 autocast W is rounded as any weight is, while A and B stay float32.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal, TypeVar, cast, get_args

import torch
from torch import nn
from torch.nn.utils import parametrize

from pace_edge.adapt.backbone import Backbone
from pace_edge.errors import PaceEdgeError, UsageError

Targets = Literal["kv", "qkv", "all_linear"]
_M = TypeVar("_M", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    rank: int = 10  # r, the inner size of B A
    alpha: float | None = None  # B A is scaled by alpha / rank; None: alpha = rank, so by 1
    targets: Targets = "kv"  # which linear layers of a block; "all_linear" takes every one

    def __post_init__(self) -> None:
        if not isinstance(self.rank, int) or self.rank < 1:
            raise UsageError("an adapter's rank is wrong", expected="a whole number from 1", got=f"{self.rank!r}")
        if self.alpha is not None and not 0 < self.alpha < float("inf"):
            raise UsageError("an adapter's alpha is wrong", expected="a number above 0", got=f"{self.alpha!r}")
        if self.targets not in get_args(Targets):
            raise UsageError(
                "an adapter's targets are wrong", expected=" or ".join(get_args(Targets)), got=f"{self.targets!r}"
            )

    @property
    def scaling(self) -> float:
        return 1.0 if self.alpha is None else self.alpha / self.rank


class LowRank(nn.Module):
    """scaling B A, added to some rows of a weight [out, in] or [out, in, 1, 1].

    A [r, in] is drawn as `nn.Linear`'s weight is, B [rows, r] is zero. The draw is made where `generator` lives, so one
    seed gives one adapter whatever device the weight is on. `factor` is c_s: 1 on, 0 off, -1 subtracted.
    """

    def __init__(self, weight: torch.Tensor, rows: slice, config: LoraConfig, generator: torch.Generator) -> None:
        super().__init__()
        width, bound = weight.shape[1], weight.shape[1] ** -0.5
        A = torch.empty(config.rank, width, device=generator.device).uniform_(-bound, bound, generator=generator)
        self.A = nn.Parameter(A.to(weight.device))
        self.B = nn.Parameter(torch.zeros(rows.stop - rows.start, config.rank, device=weight.device))
        self.rows, self.scaling, self.factor = rows, config.scaling, 1.0

    @property
    def input_width(self) -> int:
        return self.A.shape[1]

    def delta(self, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        """scaling B A: [rows, in], whatever `factor` is."""
        return self.scaling * self.B.to(dtype) @ self.A.to(dtype)

    def forward(self, W: torch.Tensor) -> torch.Tensor:
        if not self.factor:
            return W
        change = self.factor * self.delta(torch.promote_types(W.dtype, self.A.dtype))
        whole = nn.functional.pad(change, (0, 0, self.rows.start, W.shape[0] - self.rows.stop))
        return W + whole.view_as(W).to(W.dtype)


@dataclass(frozen=True, eq=False)
class Place:
    """Where one low-rank change goes: rows of the weight of `module`, which is at `path` in the backbone."""

    path: str
    part: str  # "q", "k" or "v" of a fused weight, else ""
    module: nn.Linear | nn.Conv2d
    rows: slice

    @property
    def name(self) -> str:
        return f"{self.path}.{self.part}" if self.part else self.path


@dataclass(frozen=True, eq=False)
class Adapter:
    """One session's adapter: its layers by name, each at its place. Those of one fused weight share their input."""

    config: LoraConfig
    blocks: tuple[int, ...]
    places: dict[str, Place]
    layers: dict[str, LowRank]

    def parameters(self) -> list[nn.Parameter]:
        return [parameter for layer in self.layers.values() for parameter in layer.parameters()]

    def freeze(self) -> None:
        for parameter in self.parameters():
            parameter.requires_grad_(False)

    def detach(self) -> None:
        """Take it off the backbone, which stays frozen; other adapters stay on."""
        for name, place in self.places.items():
            _take_off(place.module, self.layers[name])

    def switched_off(self) -> AbstractContextManager[None]:
        """Within this context the backbone is as if the adapter were not there."""
        return self._at(0.0)

    def subtracted(self) -> AbstractContextManager[None]:
        """Within this context the adapter is subtracted instead of added."""
        return self._at(-1.0)

    @contextmanager
    def _at(self, factor: float) -> Iterator[None]:
        before = {name: layer.factor for name, layer in self.layers.items()}
        try:
            for layer in self.layers.values():
                layer.factor = factor
            yield
        finally:
            for name, layer in self.layers.items():
                layer.factor = before[name]


def find_places(backbone: Backbone, blocks: Sequence[int], targets: Targets) -> dict[str, Place]:
    """What an adapter on these blocks, counted from 0, would change, by name and in the backbone's order."""
    n_blocks = len(backbone.blocks)
    if not blocks or len(set(blocks)) < len(blocks) or not all(0 <= i < n_blocks for i in blocks):
        raise PaceEdgeError(
            "these blocks cannot be adapted", got=str(list(blocks)), expected=f"different ones of 0 to {n_blocks - 1}"
        )
    paths = {module: path for path, module in backbone.named_modules()}
    found = {}
    for i in sorted(blocks):
        for module in backbone.blocks[i].modules():
            for place in _places_in(module, paths[module], targets):
                found[place.name] = place
    if not found:
        raise PaceEdgeError(
            f"blocks {list(blocks)} have nothing to adapt with targets '{targets}'",
            expected="linear layers q, k, v or qkv, or 1x1 convolutions",
            do="Choose other blocks, or the targets 'all_linear'.",
        )
    return found


def _places_in(module: nn.Module, path: str, targets: Targets) -> Iterator[Place]:
    if isinstance(module, nn.Linear):
        name, parts = path.rpartition(".")[2], "qkv" if targets == "all_linear" else targets
        if name == "qkv":
            width = module.out_features // 3
            for i, part in enumerate("qkv"):
                if part in parts:
                    yield Place(path, part, module, slice(i * width, (i + 1) * width))
        elif targets == "all_linear" or name in tuple(parts):
            yield Place(path, "", module, slice(0, module.out_features))
    elif isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1:
        yield Place(path, "", module, slice(0, module.out_channels))


def attach(backbone: Backbone, blocks: Sequence[int], config: LoraConfig, *, generator: torch.Generator) -> Adapter:
    """Put a new adapter on these blocks, on top of those already there, and freeze everything else."""
    places = find_places(backbone, blocks, config.targets)
    backbone.requires_grad_(False)
    layers = {}
    for name, place in places.items():
        layers[name] = LowRank(place.module.weight, place.rows, config, generator)
        parametrize.register_parametrization(place.module, "weight", layers[name])
    return Adapter(config, tuple(sorted(blocks)), places, layers)


def merge(backbone: _M) -> _M:
    """A copy with plain weights W, computed in float64; the backbone stays as it is. Raises PaceEdgeError.

    Adapters switched off or subtracted are merged so. All weights are checked before anything is copied.
    """
    merged = {}
    for path, module in backbone.named_modules():
        if parametrize.is_parametrized(module, "weight"):
            with torch.no_grad():
                W = original_weight(module).double()
                for layer in _stack(module):
                    W = layer(W)
                merged[path] = W.to(original_weight(module).dtype)
            if not merged[path].isfinite().all():
                raise PaceEdgeError(
                    f"the adapted weights of {path} are not finite", do="Train again with a lower learning rate."
                )
    plain = copy.deepcopy(backbone)
    for path, W in merged.items():
        module = plain.get_submodule(path)
        _make_plain(module)
        with torch.no_grad():
            original_weight(module).copy_(W)
    return plain


def original_weight(module: nn.Module) -> nn.Parameter:
    """W_0 of an adapted or a plain module."""
    adapted = parametrize.is_parametrized(module, "weight")
    return cast(nn.Parameter, _stack(module).original if adapted else module.weight)


def _stack(module: nn.Module) -> parametrize.ParametrizationList:
    """The adapters' layers on an adapted module, oldest first."""
    return cast(parametrize.ParametrizationList, cast(nn.ModuleDict, module.parametrizations)["weight"])


def _take_off(module: nn.Module, layer: LowRank) -> None:
    if parametrize.is_parametrized(module, "weight") and layer in (layers := list(_stack(module))):
        if len(layers) > 1:
            del _stack(module)[layers.index(layer)]
        else:
            _make_plain(module)


def _make_plain(module: nn.Module) -> None:
    """Undo the parametrization. Not by torch's `remove_parametrizations`: it takes the property `weight` off the class,
    which deep copies share, so that making a copy plain would break the original."""
    W_0 = original_weight(module)
    del module.parametrizations
    module.__class__ = module.__class__.__bases__[0]
    module.register_parameter("weight", W_0)
