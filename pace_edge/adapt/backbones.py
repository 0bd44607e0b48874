"""The pretrained backbones, by the name a person gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pace_edge.adapt import eat, hub, weights, whisper, yamnet
from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.starter import starter_backbone
from pace_edge.errors import PaceEdgeError, UsageError


@dataclass(frozen=True)
class Published:
    """A backbone whose weights are one file: how it is fetched into a folder, how it is read, and where it is kept."""

    fetch: Callable[[Path | None], Path]
    read: Callable[[Path], Backbone]
    kept: Callable[[Path | None], Path] | None = None

    def __call__(self, folder: Path | None) -> Backbone:
        return self.read(self.fetch(folder))


def _from_hub(file: hub.WebFile, read: Callable[[Path], Backbone]) -> Published:
    return Published(partial(hub.fetch, file), read, file.path)


def _from_wheel(file: weights.Weights, read: Callable[[Path], Backbone]) -> Published:
    return Published(partial(weights.fetch, file), read, file.path)


def _whisper(n_blocks: int, width: int) -> Callable[[Path], Backbone]:
    """Reads a Whisper of this size; its embedding is every block's token mean, side by side."""

    def read(path: Path) -> Backbone:
        encoder = whisper.from_file(path, every_block=True)
        if (got := (len(encoder.blocks), encoder.positions.shape[1])) != (n_blocks, width):
            raise PaceEdgeError(
                f"{path} is a Whisper of another size",
                expected=f"{n_blocks} blocks of width {width}", got=f"{got[0]} of width {got[1]}",
            )  # fmt: skip
        return encoder

    return read


BACKBONES: dict[str, Callable[[Path | None], Backbone]] = {
    "whisper-tiny.en": _from_wheel(weights.WHISPER_TINY_EN, _whisper(4, 384)),
    "whisper-base": _from_hub(hub.WHISPER_BASE, _whisper(6, 512)),
    "whisper-small": _from_hub(hub.WHISPER_SMALL, _whisper(12, 768)),
    "yamnet": _from_wheel(weights.YAMNET, yamnet.from_tflite),
    "eat": _from_hub(hub.EAT_BASE, eat.from_safetensors),
    "sslam": _from_hub(hub.SSLAM_BASE, eat.from_safetensors),
    "starter": lambda folder: starter_backbone(weights_folder=folder),
}

PARTS = {"starter": ("whisper-tiny.en", "yamnet")}  # a backbone made of others


def absent_weights(name: str, weights_folder: Path | None = None) -> list[Path]:
    """Where the published weights of a backbone would lie: those files of it that have to be fetched first."""
    published = [BACKBONES[part] for part in PARTS.get(name, (name,))]
    paths = [one.kept(weights_folder) for one in published if isinstance(one, Published) and one.kept]
    return [path for path in paths if not path.exists()]


def open_backbone(name: str, weights_folder: Path | None = None, *, weights: Path | None = None) -> Backbone:
    """The backbone with its published weights, fetched if they are not here, or with those in the file `weights`.

    A transformer's name may end in `:last` or `:all`, for what the last block pools or what all pool, side by side.
    Raises PaceEdgeError.
    """
    name, _, pooled = name.partition(":")
    if name not in BACKBONES:
        raise UsageError(f"there is no backbone '{name}'", expected="one of " + ", ".join(BACKBONES))
    published = BACKBONES[name]
    if weights is None:
        backbone = published(weights_folder)
    elif isinstance(published, Published):
        backbone = published.read(weights)
    else:
        raise UsageError(f"the backbone '{name}' is made of several files and takes no weights of your own")
    if pooled:
        _pool(backbone, name, pooled)
    return backbone


def _pool(backbone: Backbone, name: str, pooled: str) -> None:
    if not isinstance(backbone, whisper.WhisperEncoder | eat.EAT) or pooled not in ("last", "all"):
        raise UsageError(
            "there is no such choice of blocks", got=f"{name}:{pooled}",
            expected=":last or :all, after the name of a Whisper, eat or sslam",
        )  # fmt: skip
    width, n_blocks = backbone.embedding_size // len(backbone.pooled), len(backbone.blocks)
    backbone.pooled = tuple(range(n_blocks)) if pooled == "all" else (n_blocks - 1,)
    backbone.embedding_size = len(backbone.pooled) * width
