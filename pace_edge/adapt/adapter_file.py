"""An adapter on disk: a folder that peft reads too, written without pickle.

adapter_model.safetensors   A and B under peft's names, and in its metadata all that `load_adapter` needs
adapter_config.json         the same for peft; we do not read it

peft knows one A [r, in] and one B [out, r] a weight. The parts of a fused qkv stand in them side by side: n parts of
rank r are one adapter of rank n r, A = [A_k; A_v], and B is as high as the whole weight, with B_k in the rows of k and
columns 0..r, B_v in the rows of v and columns r..2r, and zeros elsewhere, so also in the rows that were not adapted.

The file holds one session's adapter, and a fingerprint of the weights W_0 below it: an adapter on another backbone, or
on one that it is merged into already, would be silently wrong. Load sessions in the order of their training.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.lora import Adapter, LoraConfig, Place, attach, find_places, original_weight
from pace_edge.errors import PaceEdgeError
from pace_edge.files import write_whole

SCHEMA = 1
WEIGHTS, PEFT_CONFIG = "adapter_model.safetensors", "adapter_config.json"
_PREFIX = "pace_edge."


def save_adapter(adapter: Adapter, folder: Path) -> None:
    """Write the adapter into `folder`: each file whole or not at all. Raises PaceEdgeError."""
    tensors, ranks = {}, {}
    for path, places in _by_path(adapter.places):
        layers = [adapter.layers[place.name] for place in places]
        A = torch.cat([layer.A.detach() for layer in layers]).cpu()
        B = torch.zeros(len(places[0].module.weight), len(A))
        for layer, block in zip(layers, _blocks(places, adapter.config.rank), strict=True):
            B[block] = layer.B.detach().cpu()
        if not (A.isfinite().all() and B.isfinite().all()):
            raise PaceEdgeError(f"the adapter of {path} is not finite", do="Train again with a lower learning rate.")
        for name, value in zip(_names(path), (A, B), strict=True):
            tensors[name] = value.reshape(*value.shape, *places[0].module.weight.shape[2:])  # a convolution's 1, 1
        ranks[path] = len(A)
    metadata = {
        "format": "pt",
        _PREFIX + "schema": str(SCHEMA),
        _PREFIX + "config": json.dumps(asdict(adapter.config)),
        _PREFIX + "blocks": json.dumps(adapter.blocks),
        _PREFIX + "fingerprint": _fingerprint(adapter.places),
    }
    r, scaling = adapter.config.rank, adapter.config.scaling
    peft = {
        "peft_type": "LORA", "r": r, "lora_alpha": scaling * r, "target_modules": list(ranks), "inference_mode": True,
        "rank_pattern": {path: rank for path, rank in ranks.items() if rank != r},
        "alpha_pattern": {path: scaling * rank for path, rank in ranks.items() if rank != r},
        "bias": "none", "lora_dropout": 0.0, "task_type": None, "base_model_name_or_path": None,
    }  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / PEFT_CONFIG, json.dumps(peft, indent=2).encode() + b"\n")
        write_whole(folder / WEIGHTS, save(tensors, metadata))
    except OSError as error:
        raise PaceEdgeError(
            f"cannot write the adapter to {folder}: {error.strerror}", do="Choose a folder that can be written."
        ) from None


def load_adapter(folder: Path, backbone: Backbone) -> Adapter:
    """Attach the adapter in `folder` to the backbone it was made on. Raises PaceEdgeError and then attaches nothing.

    As after `attach` it can go on learning and the rest is frozen; `freeze()` ends that.
    """
    path = folder / WEIGHTS
    tensors, metadata = _read(path)
    if (schema := metadata.get(_PREFIX + "schema")) != str(SCHEMA):
        raise PaceEdgeError(
            f"{path} is no adapter that this version of pace-edge wrote",
            expected=f"schema {SCHEMA}", got=f"schema {schema}" if schema else "none",
            do="Give one of its own, or upgrade pace-edge.",
        )  # fmt: skip
    try:
        config = LoraConfig(**json.loads(metadata[_PREFIX + "config"]))
        blocks = [int(i) for i in json.loads(metadata[_PREFIX + "blocks"])]
        fingerprint = metadata[_PREFIX + "fingerprint"]
    except (KeyError, ValueError, TypeError, PaceEdgeError) as error:
        raise _damaged(path, f"its description cannot be read ({error})") from None
    try:
        places = find_places(backbone, blocks, config.targets)
    except PaceEdgeError as error:
        raise PaceEdgeError(f"{path} does not fit this backbone: {error}") from None
    wanted = {name for module_path, _ in _by_path(places) for name in _names(module_path)}
    if tensors.keys() != wanted or fingerprint != _fingerprint(places):
        raise PaceEdgeError(
            f"{path} was made on another backbone, or is already merged into this one",
            expected=f"{len(wanted)} tensors on weights {_fingerprint(places)[:12]}",
            got=f"{len(tensors)} tensors on {fingerprint[:12]}",
            do="Load it on the very backbone it was trained on.",
        )
    values = _layers_of(path, tensors, places, config.rank)
    adapter = attach(backbone, blocks, config, generator=torch.Generator())
    with torch.no_grad():
        for name, layer in adapter.layers.items():
            layer.A.copy_(values[name][0])
            layer.B.copy_(values[name][1])
    return adapter


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except OSError as error:
        raise PaceEdgeError(
            f"cannot read the adapter {path}: {error.strerror or error}", do="Give the folder it was saved to."
        ) from None
    except SafetensorError as error:
        raise _damaged(path, str(error)) from None


def _layers_of(
    path: Path, tensors: dict[str, torch.Tensor], places: dict[str, Place], rank: int
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """A [r, in] and B [rows, r] of each layer, checked."""
    values = {}
    for module_path, parts in _by_path(places):
        out, width, *rest = parts[0].module.weight.shape
        total = rank * len(parts)
        for name, shape in zip(_names(module_path), ((total, width, *rest), (out, total, *rest)), strict=True):
            if tensors[name].shape != shape or not tensors[name].is_floating_point():
                got = f"{list(tensors[name].shape)} of {tensors[name].dtype}"
                raise _damaged(path, f"{name} has the wrong shape: {got} and not {list(shape)} of float32")
            if not tensors[name].isfinite().all():
                raise _damaged(path, f"{name} is not finite")
        A, B = (tensors[name].flatten(1).clone() for name in _names(module_path))
        for i, (place, block) in enumerate(zip(parts, _blocks(parts, rank), strict=True)):
            values[place.name] = A[i * rank : (i + 1) * rank], B[block].clone()
            B[block] = 0
        if B.any():
            raise _damaged(path, f"the adapter of {module_path} changes rows that it does not adapt")
    return values


def _by_path(places: dict[str, Place]) -> list[tuple[str, list[Place]]]:
    """The places on one weight together."""
    return [(path, list(group)) for path, group in groupby(places.values(), lambda place: place.path)]


def _blocks(places: list[Place], rank: int) -> list[tuple[slice, slice]]:
    """Where each part's B stands in the B of the whole weight."""
    return [(place.rows, slice(i * rank, (i + 1) * rank)) for i, place in enumerate(places)]


def _names(path: str) -> tuple[str, str]:
    return f"base_model.model.{path}.lora_A.weight", f"base_model.model.{path}.lora_B.weight"


def _fingerprint(places: dict[str, Place]) -> str:
    digest = hashlib.sha256()
    for path, parts in _by_path(places):
        digest.update(path.encode())
        digest.update(original_weight(parts[0].module).detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _damaged(path: Path, why: str) -> PaceEdgeError:
    return PaceEdgeError(f"{path} is damaged: {why}", do="Restore it from a copy, or train the session again.")
