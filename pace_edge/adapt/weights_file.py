"""A file of pretrained weights, read strictly: what is missing, left over or of another shape is one clear error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from pace_edge.errors import PaceEdgeError


@dataclass(frozen=True)
class WeightsFile:
    """The tensors of a file, by the file's own names. `kind` is what it should hold, as "EAT"."""

    path: Path
    kind: str
    tensors: dict[str, torch.Tensor]

    @classmethod
    def read(cls, path: Path, kind: str) -> WeightsFile:
        """A safetensors file or a torch checkpoint, of which nothing but tensors is read. Raises PaceEdgeError."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return cls(path, kind, load_file(path))
        except OSError as error:
            raise PaceEdgeError(f"{path} is no safetensors file: {error}", do="Check where it is.") from error
        except SafetensorError:
            pass
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            content = content.get("model_state_dict", content.get("model_state", content))  # as OpenAI and others save
            tensors = {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}
        except Exception as error:  # what is no pickle of plain tensors can raise anything
            raise PaceEdgeError(
                f"{path} is no safetensors file and no torch checkpoint of plain tensors", do="Download it again."
            ) from error
        return cls(path, kind, tensors)

    def shape(self, name: str, expected: tuple[int | None, ...]) -> tuple[int, ...]:
        """The shape of a weight, which must be there and be `expected`; None stands for any size."""
        if name not in self.tensors:
            others = f"{len(self.tensors)} others, such as {min(self.tensors)}" if self.tensors else "nothing"
            raise self.other(f"{name} is missing", got=others)
        got = tuple(self.tensors[name].shape)
        if len(got) != len(expected) or any(want not in (None, n) for n, want in zip(got, expected, strict=True)):
            raise self.other(
                name,
                expected=" x ".join("any" if size is None else str(size) for size in expected),
                got=" x ".join(map(str, got)) or "a number",
            )
        return got

    def count(self, prefix: str) -> int:
        """How many different words follow `prefix` in the names: with "blocks.", the number of blocks."""
        return len({name[len(prefix) :].partition(".")[0] for name in self.tensors if name.startswith(prefix)})

    def fill(self, model: nn.Module, published_name: Callable[[str], str]) -> None:
        """Every weight of `model` from its place in the file; nothing may be left over."""
        expected = {published_name(name): value for name, value in model.state_dict().items()}
        if surplus := sorted(self.tensors.keys() - expected.keys()):
            raise self.other(f"it has {surplus[0]}, which {self.kind} has no place for")
        for name, value in expected.items():
            self.shape(name, tuple(value.shape))
            if not self.tensors[name].isfinite().all():
                raise PaceEdgeError(f"{self.path} is damaged: {name} is not finite", do="Download it again.")
        model.load_state_dict({name: self.tensors[published_name(name)] for name in model.state_dict()})

    def other(self, why: str, *, expected: str = "", got: str = "") -> PaceEdgeError:
        """The error for a file that holds something else."""
        return PaceEdgeError(f"{self.path} is not of {self.kind}'s shape: {why}", expected=expected, got=got)
