"""What a PACE run leaves: a folder that says what was done, with the adapters and the classifier's statistics.

pace.json               schema, backbone, settings, sessions and their accuracy, labels
adapters/session-NN/    one adapter each, as peft reads it
classifier.npz          G, Q, counts (float64), gamma

Together with the published backbone this is everything: `load_checkpoint` gives the same predictions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pace_edge.adapt.adapter_file import load_adapter, save_adapter
from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.lora import LoraConfig
from pace_edge.adapt.pace import Pace
from pace_edge.adapt.settings import PaceSettings
from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.errors import PaceEdgeError
from pace_edge.files import write_whole

SCHEMA = 1


@dataclass(frozen=True)
class Checkpoint:
    """A finished run: the backbone with its adapters attached and frozen, the projection and the classifier."""

    backbone_name: str
    backbone: Backbone
    settings: PaceSettings
    seconds: float
    projection: RandomProjection
    classifier: AnalyticClassifier
    accuracies: tuple[float, ...]  # after each session, over all classes seen so far


def save_checkpoint(run: Pace, backbone_name: str, folder: Path) -> None:
    """Write the folder; its pace.json comes last, so a folder with one is whole. Raises PaceEdgeError."""
    if run.classifier is None:
        raise PaceEdgeError("nothing was learned yet", do="Learn a session before saving.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pace.json").unlink(missing_ok=True)
        adapted = [report.number for report in run.reports if report.adapted]
        for number, adapter in zip(adapted, run.adapters, strict=True):
            save_adapter(adapter, folder / "adapters" / f"session-{number:02d}")
        c = run.classifier
        c.fold()
        np.savez(folder / "classifier.npz", G=c.G, Q=c.Q, counts=c.counts, gamma=c.gamma)
        content = {
            "schema": SCHEMA, "backbone": backbone_name, "seconds": run.seconds, "settings": asdict(run.settings),
            "labels": c.labels, "gamma_relative": run.gamma_relative, "n_frozen": run.n_frozen,
            "cka": run.similarities, "sessions": [asdict(report) for report in run.reports],
        }  # fmt: skip
        write_whole(folder / "pace.json", json.dumps(content, indent=1, ensure_ascii=False).encode())
    except OSError as error:
        raise PaceEdgeError(f"cannot write the checkpoint {folder}: {error}", do="Choose another --output.") from error


def load_checkpoint(folder: Path, open_backbone: Callable[[str], Backbone]) -> Checkpoint:
    """Read the folder; `open_backbone` gives the published backbone of a name. Raises PaceEdgeError."""
    try:
        content = json.loads((folder / "pace.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PaceEdgeError(
            f"{folder} is no checkpoint ({error})", do="Give the --output folder of `pace-edge adapt`."
        ) from None
    if content.get("schema") != SCHEMA:
        raise PaceEdgeError(
            f"{folder} was written by another version of pace-edge",
            expected=f"schema {SCHEMA}", got=f"schema {content.get('schema')}", do="Adapt again with this version.",
        )  # fmt: skip
    try:
        values = content["settings"]
        lora = LoraConfig(**values["lora"])
        settings = PaceSettings(**{**values, "lora": lora, "gamma_grid": tuple(values["gamma_grid"])})
        backbone = open_backbone(content["backbone"]).eval().requires_grad_(False)
        for session in content["sessions"]:
            if session["adapted"]:
                load_adapter(folder / "adapters" / f"session-{session['number']:02d}", backbone).freeze()
        with np.load(folder / "classifier.npz") as arrays:
            classifier = AnalyticClassifier(
                arrays["G"], arrays["Q"], arrays["counts"], content["labels"], float(arrays["gamma"])
            )
    except (OSError, KeyError, TypeError, ValueError, np.linalg.LinAlgError) as error:
        raise PaceEdgeError(f"the checkpoint {folder} is damaged ({error!r})", do="Adapt again.") from error
    return Checkpoint(
        content["backbone"], backbone, settings, content["seconds"],
        RandomProjection.random(backbone.embedding_size, settings.M, seed=settings.seed), classifier,
        tuple(session["accuracy"] for session in content["sessions"]),
    )  # fmt: skip
