"""What a PACE run leaves: a folder that says what was done, with the adapters and the classifier's statistics.

pace.json               schema, run, backbone, settings, sessions and their accuracy, labels; written last
adapters/session-NN/    one adapter each, as peft reads it
classifier-NN.npz       after session NN: G, Q, counts (float64), gamma; where clips belong together also the scatter
                        within groups and how many clips there are beyond one a group (groups.py)
unfinished.pt           of an interrupted session (unfinished.py)

Together with the published backbone this is everything: `load_checkpoint` gives the same predictions, `restore` a run
that goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pace_edge.adapt.adapter_file import load_adapter, save_adapter
from pace_edge.adapt.backbone import Backbone, backbone_sha256
from pace_edge.adapt.groups import WithinGroups, group_numbers
from pace_edge.adapt.lora import Adapter, LoraConfig
from pace_edge.adapt.pace import Pace, SessionReport
from pace_edge.adapt.sessions import Session
from pace_edge.adapt.settings import PaceSettings
from pace_edge.analytic import AnalyticClassifier, RandomProjection
from pace_edge.errors import PaceEdgeError
from pace_edge.files import write_whole

SCHEMA = 2


@dataclass(frozen=True)
class Checkpoint:
    """A run's result: the backbone with its adapters attached and frozen, the projection and the classifier."""

    backbone_name: str
    backbone: Backbone
    settings: PaceSettings
    seconds: float
    projection: RandomProjection
    classifier: AnalyticClassifier
    accuracies: tuple[float, ...]  # after each session, over all classes seen so far


def run_identity(run: Pace, sessions: Sequence[Session]) -> str:
    """A checksum of what decides a run's result: only a run with the same one may go on from another's files."""
    clips = [[[c.path.name, c.label] for c in (*s.train, *s.test)] + [len(s.train)] for s in sessions]
    backbone = [run.backbone_sha256, run.backbone.pooled]
    facts = [asdict(run.settings), backbone, run.seconds, [s.labels for s in sessions], clips]
    facts += [groups.tolist() for s in sessions if (groups := group_numbers(s.train)) is not None]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def save_checkpoint(
    run: Pace, backbone_name: str, folder: Path, *, identity: str = "", origin: Mapping[str, Any] | None = None
) -> None:
    """Write the folder, pace.json last: whenever it is interrupted, the folder holds the checkpoint before or this
    one. `origin` says where the clips are from. Raises PaceEdgeError."""
    if run.classifier is None:
        raise PaceEdgeError("nothing was learned yet", do="Learn a session before saving.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        adapted = [report.number for report in run.reports if report.adapted]
        for number, adapter in zip(adapted, run.adapters, strict=True):
            save_adapter(adapter, _adapter_folder(folder, number))
        c, statistics = run.classifier, f"classifier-{len(run.reports):02d}.npz"
        c.fold()
        with (folder / f"{statistics}.part").open("wb") as file:
            np.savez(file, G=c.G, Q=c.Q, counts=c.counts, gamma=c.gamma, **_of_groups(run.within))
        (folder / f"{statistics}.part").replace(folder / statistics)
        content = {
            "schema": SCHEMA, "run": identity, "backbone": backbone_name, "backbone_sha256": run.backbone_sha256,
            "seconds": run.seconds, "origin": dict(origin or {}), "settings": asdict(run.settings), "labels": c.labels,
            "statistics": statistics, "gamma_relative": run.gamma_relative, "frozen_error": run.frozen_error,
            "n_frozen": run.n_frozen, "cka": run.similarities,
            "sessions": [asdict(report) for report in run.reports],
        }  # fmt: skip
        write_whole(folder / "pace.json", json.dumps(content, indent=1, ensure_ascii=False).encode())
        for old in folder.glob("classifier-*.npz"):
            if old.name != statistics:
                old.unlink()
    except OSError as error:
        raise PaceEdgeError(f"cannot write the checkpoint {folder}: {error}", do="Choose another --output.") from error


def load_checkpoint(
    folder: Path, open_backbone: Callable[[str], Backbone], *, features: int | None = None
) -> Checkpoint:
    """Read the folder; `open_backbone` gives the published backbone of a name. Raises PaceEdgeError.

    `features` keeps the first so many of the M random features: a smaller random projection of its own, whose
    statistics are a corner of those of all, so the classifier is what it would be had M been so small.
    """
    content = read_description(folder)
    try:
        values = content["settings"]
        lora = LoraConfig(**values["lora"])
        settings = PaceSettings(**{**values, "lora": lora, "gamma_grid": tuple(values["gamma_grid"])})
        backbone = open_backbone(content["backbone"]).eval().requires_grad_(False)
        if (got := backbone_sha256(backbone)) != content["backbone_sha256"]:
            raise PaceEdgeError(
                f"{folder} was made with other weights of {content['backbone']}",
                expected=f"sha256 {content['backbone_sha256'][:12]}", got=got[:12],
                do="Give the file that was adapted.",
            )  # fmt: skip
        _load_adapters(folder, content, backbone)
        projection = RandomProjection.random(backbone.embedding_size, settings.M, seed=settings.seed)
        return Checkpoint(
            content["backbone"], backbone, settings, content["seconds"],
            RandomProjection(projection.steps[:, :features]), _load_classifier(folder, content, features),
            tuple(session["accuracy"] for session in content["sessions"]),
        )  # fmt: skip
    except (OSError, KeyError, TypeError, ValueError, np.linalg.LinAlgError) as error:
        raise _damaged(folder, error) from error


def restore(run: Pace, folder: Path, sessions: Sequence[Session], *, identity: str) -> int:
    """Put a new run where the one that wrote `folder` was after its last saved session: how many sessions that are.
    Raises PaceEdgeError."""
    content = read_description(folder)
    if content.get("run") != identity:
        raise PaceEdgeError(
            f"{folder} is of another run", expected="the same data, sessions, backbone and settings",
            do="Give the command as it was given first, or choose another --output.",
        )  # fmt: skip
    try:
        run.reports = [SessionReport(**{**s, "labels": tuple(s["labels"])}) for s in content["sessions"]]
        run.adapters = _load_adapters(folder, content, run.backbone)
        run.classifier = _load_classifier(folder, content)
        run.within = _load_within(folder, content)
        run.n_frozen, run.similarities = content["n_frozen"], content["cka"]
        run.gamma_relative, run.frozen_error = content["gamma_relative"], content["frozen_error"]
    except (OSError, KeyError, TypeError, ValueError, np.linalg.LinAlgError) as error:
        raise _damaged(folder, error) from error
    run.tested = list(sessions[: len(run.reports)])
    return len(run.reports)


def read_description(folder: Path) -> dict[str, Any]:
    """The content of pace.json. Raises PaceEdgeError."""
    try:
        content = json.loads((folder / "pace.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PaceEdgeError(
            f"{folder} is no checkpoint ({error})", do="Give the --output folder of `pace-edge adapt`."
        ) from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        got = content.get("schema") if isinstance(content, dict) else "none"
        raise PaceEdgeError(
            f"{folder} was written by another version of pace-edge",
            expected=f"schema {SCHEMA}", got=f"schema {got}", do="Adapt again with this version.",
        )  # fmt: skip
    return content


def _adapter_folder(folder: Path, session: int) -> Path:
    return folder / "adapters" / f"session-{session:02d}"


def _load_adapters(folder: Path, content: dict[str, Any], backbone: Backbone) -> list[Adapter]:
    numbers = [session["number"] for session in content["sessions"] if session["adapted"]]
    adapters = [load_adapter(_adapter_folder(folder, number), backbone) for number in numbers]
    for adapter in adapters:
        adapter.freeze()
    return adapters


def _load_classifier(folder: Path, content: dict[str, Any], features: int | None = None) -> AnalyticClassifier:
    with np.load(folder / content["statistics"]) as arrays:
        G, Q, counts, gamma = (arrays[name] for name in ("G", "Q", "counts", "gamma"))
    M, energy = len(G), np.trace(G) / len(G)
    if features is not None and features < M:
        longer = M / features  # a feature's square, so that |phi| stays: RandomProjection's scale depends on M
        G, Q = longer * G[:features, :features], np.sqrt(longer) * Q[:features]
        gamma = gamma * (np.trace(G) / features) / energy
    return AnalyticClassifier(G, Q, counts, content["labels"], float(gamma))


def _of_groups(within: WithinGroups | None) -> dict[str, Any]:
    return {} if within is None else {"scatter": within.scatter.cpu().numpy(), "repeats": within.repeats}


def _load_within(folder: Path, content: dict[str, Any]) -> WithinGroups | None:
    with np.load(folder / content["statistics"]) as arrays:
        if "scatter" not in arrays:
            return None
        return WithinGroups(torch.from_numpy(arrays["scatter"]), int(arrays["repeats"]))


def _damaged(folder: Path, error: Exception) -> PaceEdgeError:
    return PaceEdgeError(f"the checkpoint {folder} is damaged ({error!r})", do="Adapt again.")
