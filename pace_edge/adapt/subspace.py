"""Where a later session may change the backbone (PACE 2.3; LoRA subtraction, Liu and Chang 2025, arXiv 2503.18985).

At each adapted layer, C = X'X over all tokens X of the session's clips, seen through the unlearned model; U are C's
leading eigenvectors, P = U U'. The session's update of the layer's weight, B A, must lie in their span on its input
side: B A = B A P, so that an input orthogonal to U is answered as before.

    with InputCovariance(layers) as covariance:
        ...  # run the session's clips through the unlearned model
    subspaces = {name: leading_subspace(C) for name, C in covariance.sums.items()}
    project_steps(optimizer, {adapters[name].A: subspace.U for name, subspace in subspaces.items()})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from pace_edge.adapt.inputs import Inputs
from pace_edge.adapt.lora import Adapter
from pace_edge.errors import LearningError

ROWS = 16384  # tokens that are float64 at once


class InputCovariance:
    """Sums the uncentred covariance X'X of each layer's input while the context is open.

    `layers` are nn.Linear (inputs [..., D]) or 1x1 nn.Conv2d (inputs [B, D, H, W], every position that it reads is a
    token). `sums` [D, D], float64, and `tokens`, int64, are tensors on the layer's device, there from the start: all of
    them may be all-reduced in place, also by a process that saw nothing. Layers that read the same input (K and V) have
    the same sum: give one of them.
    """

    def __init__(self, layers: Mapping[str, nn.Module]) -> None:
        self.layers = dict(layers)
        self.sums: dict[str, torch.Tensor] = {}
        self.tokens: dict[str, torch.Tensor] = {}
        for name, layer in self.layers.items():
            device, D = next(layer.parameters()).device, _input_width(name, layer)
            self.sums[name] = torch.zeros(D, D, dtype=torch.float64, device=device)
            self.tokens[name] = torch.zeros((), dtype=torch.int64, device=device)
        self._hooks: list[RemovableHandle] = []

    def __enter__(self) -> InputCovariance:
        for name, layer in self.layers.items():
            self._hooks.append(layer.register_forward_pre_hook(partial(self._add, name)))
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    @torch.no_grad()
    def _add(self, name: str, layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        x = inputs[0].detach()
        if isinstance(layer, nn.Conv2d):
            down, right = layer.stride
            x = x[:, :, ::down, ::right].movedim(1, -1)  # [B, H, W, D]
        X = x.flatten(0, -2)  # [tokens, D]
        for block in X.split(ROWS):
            block = block.to(self.sums[name])  # float64
            self.sums[name] += block.T @ block
        self.tokens[name] += len(X)


def unlearned_covariances(adapter: Adapter, earlier: Sequence[Adapter], inputs: Inputs) -> dict[str, torch.Tensor]:
    """C [D, D] of every weight that `adapter` changes, by its path, of all processes' clips seen through W_0 minus the
    earlier adapters. The adapter itself is new: it changes nothing yet."""
    modules = {place.path: place.module for place in adapter.places.values()}
    with ExitStack() as unlearned, InputCovariance(modules) as covariance:
        for one in earlier:
            unlearned.enter_context(one.subtracted())
        inputs.embed_all()
    inputs.machine.processes.sum_(*covariance.sums.values())
    return covariance.sums


def _input_width(name: str, layer: nn.Module) -> int:
    if isinstance(layer, nn.Linear):
        return layer.in_features
    if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) and layer.groups == 1 and layer.padding == (0, 0):
        return layer.in_channels
    raise TypeError(f"{name} is neither linear nor a plain 1x1 convolution: {layer}")


class Subspace(NamedTuple):
    U: torch.Tensor  # [D, r], float64, orthonormal columns
    energy: float  # the share of trace(C) that the r directions hold


def leading_subspace(C: torch.Tensor, rho: float = 0.99) -> Subspace:
    """The fewest leading eigenvectors of C [D, D] that hold MORE than `rho` of the energy (rho_svd of PACE 2.3)."""
    values, vectors, r = _spectrum(C, rho)
    return Subspace(vectors[:, :r], (values[:r].sum() / values.sum()).item())


def null_space(C: torch.Tensor, rho: float = 0.99) -> Subspace:
    """The other choice: the eigenvectors that `leading_subspace` leaves out. U is [D, 0] when it takes them all."""
    values, vectors, r = _spectrum(C, rho)
    return Subspace(vectors[:, r:], (values[r:].sum() / values.sum()).item())


def _spectrum(C: torch.Tensor, rho: float) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Eigenvalues [D] from the largest, their vectors [D, D], and how many hold more than rho; float64."""
    C = C.double()
    if not (C.isfinite().all() and C.trace() > 0):
        raise LearningError(
            "a layer's inputs give no subspace", expected="finite inputs that are not all zero",
            got=f"an energy of {C.trace().item():.2g} over {len(C)} channels",
            do="Check that the session has clips; if training diverged, lower the learning rate.",
        )  # fmt: skip
    values, vectors = torch.linalg.eigh(C)
    values, vectors = values.flip(0).clamp_min(0.0), vectors.flip(1)
    held = values.cumsum(0) / values.sum()
    return values, vectors, min(int((held <= rho).sum()) + 1, len(C))


def project_steps(optimizer: torch.optim.Optimizer, subspaces: Mapping[nn.Parameter, torch.Tensor]) -> RemovableHandle:
    """From now on each given parameter A, [r, D] or [r, D, 1, 1], stays in the span of its U [D, k] on its input side.

    The weight changes by B A. Whatever B is, the rows of B A are sums of A's rows: so A is held in the span and B is
    left free. It is not enough to project A's gradient: momentum started outside, Adam's division by each entry's own
    size and decoupled weight decay are applied after it. Nor is it to project A's steps alone: a random A that starts
    outside comes into B A as soon as B is not zero. So A is projected here, once, and again after every step. As
    A = A P before a step, A + dA becomes (A + dA) P = A + dA P: it IS the projection of the step, it needs no copy of
    A, and rounding is taken away at each step and does not add up. (Liu and Chang project the step of B as well and
    divide P by its Frobenius norm; PACE states neither.)

    The optimiser's own state is not touched. Remove the handle to end it.
    """
    owned = {p for group in optimizer.param_groups for p in group["params"]}
    for A, U in subspaces.items():
        if A not in owned:
            raise ValueError(f"a parameter of shape {tuple(A.shape)} is not one of the optimiser's")
        if A.flatten(1).shape[1] != len(U):
            raise ValueError(f"a parameter of shape {tuple(A.shape)} has no directions of length {len(U)}")

    @torch.no_grad()
    def project(*_: Any) -> None:
        for A, U in subspaces.items():
            rows = A.flatten(1).to(U)  # [r, D], float64 as U
            A.copy_((rows @ U @ U.T).view_as(A))

    project()
    return optimizer.register_step_post_hook(project)


def adapts(clips_seen_before: int, n_stop: int = 220) -> bool:
    """The stop rule (PACE 2.3): adapt session t only while the training clips seen BEFORE it are at most N_stop.

    The last session that it lets adapt is T3. It knows nothing of grain: small coarse sets need T3 = 1 by order.
    """
    return clips_seen_before <= n_stop
