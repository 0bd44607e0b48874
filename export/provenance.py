"""Where a model file comes from, as its metadata say it. Nothing of it names this machine or its folders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pace_edge.adapt.sessions import Session

PACKAGES = ("pace-edge", "torch", "onnx", "onnxscript", "onnxruntime", "onnxruntime-gpu", "numpy")


def package_versions() -> dict[str, str]:
    """Of those that are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def checkpoint_facts(folder: Path) -> dict[str, Any]:
    """What identifies a checkpoint and says how it was made. Raises PaceEdgeError."""
    from pace_edge.adapt.checkpoint import read_description

    said = read_description(folder)
    kept = ("run", "backbone", "backbone_sha256", "seconds", "settings", "gamma_relative", "n_frozen")
    sessions = [{key: session.get(key) for key in ("labels", "adapted", "accuracy")} for session in said["sessions"]]
    digest = hashlib.sha256((folder / "pace.json").read_bytes()).hexdigest()
    return {"pace_json_sha256": digest, **{key: said.get(key) for key in kept}, "sessions": sessions}


def clips_facts(clips: Session) -> dict[str, Any]:
    """How many clips, and a checksum of their names, labels and which of them are held out."""
    kinds = {"training": clips.train, "held_out": clips.test}
    rows = sorted([kind, clip.label, clip.path.name, clip.group] for kind, part in kinds.items() for clip in part)
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    return {"training": len(clips.train), "held_out": len(clips.test), "sha256": digest}


def credit(backbone_name: str) -> str:
    """Whose weights a published backbone has, and their licence."""
    from pace_edge.adapt import hub, weights

    whose: dict[str, Sequence[Any]] = {
        "whisper-tiny.en": [weights.WHISPER_TINY_EN], "whisper-base": [hub.WHISPER_BASE],
        "whisper-small": [hub.WHISPER_SMALL], "yamnet": [weights.YAMNET], "eat": [hub.EAT_BASE],
        "sslam": [hub.SSLAM_BASE], "starter": [weights.WHISPER_TINY_EN, weights.YAMNET],
    }  # fmt: skip
    return "; ".join(one.credit for one in whose.get(backbone_name, ())) or f"{backbone_name}: licence not stated"
