"""A whole run: sessions of clips and a backbone in, a checkpoint and a report out; interrupted, it can go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.checkpoint import restore, run_identity, save_checkpoint
from pace_edge.adapt.device import out_of_memory_named
from pace_edge.adapt.machine import Machine
from pace_edge.adapt.pace import Pace, SessionReport
from pace_edge.adapt.report import RunRecord, write_report
from pace_edge.adapt.sessions import Session
from pace_edge.adapt.settings import PaceSettings
from pace_edge.adapt.unfinished import NAME, Unfinished
from pace_edge.errors import PaceEdgeError

SAVE_EVERY_S = 60.0  # a session that only teaches the classifier is sooner done again than saved


def adapt(
    sessions: Sequence[Session], backbone: Backbone, backbone_name: str, output: Path, *, settings: PaceSettings,
    seconds: float, machine: Machine | None = None, resume: bool = False, origin: Mapping[str, Any] | None = None,
    done: Callable[[SessionReport], None] = lambda report: None,
) -> Pace:  # fmt: skip
    """Take a pretrained backbone through the sessions. `output` then holds the checkpoint (checkpoint.py) and a folder
    `report`. Clips are cut or padded to `seconds`. With `resume` an interrupted run goes on from its last finished
    epoch; `done` is told of each session, also of those that were finished before. `origin` says where the clips are
    from, for whoever reads the checkpoint. Raises PaceEdgeError.
    """
    machine, origin = machine or Machine(), dict(origin or {})
    backbone.check_seconds(seconds)
    first = machine.processes.is_first
    begun = torch.tensor(first and ((output / "pace.json").exists() or (output / NAME).exists()), dtype=torch.uint8)
    machine.processes.sum_(begun)  # the first one's word: a slow process may see what the first has written by then
    if begun and not resume:
        raise PaceEdgeError(
            f"{output} holds a run already", do="Go on with it by --resume, or choose another --output."
        )
    if first:
        try:
            output.mkdir(parents=True, exist_ok=True)  # before hours of training, not after them
        except OSError as error:
            raise PaceEdgeError(f"cannot write to {output}: {error.strerror}", do="Choose another --output.") from None
    with out_of_memory_named():
        run = Pace(backbone, settings, seconds, machine)
        identity = run_identity(run, sessions)
        run.unfinished = Unfinished(output, run=identity, writes=first)
        if (output / "pace.json").exists():
            restore(run, output, sessions, identity=identity)
        for report in run.reports:
            done(report)
        saved = time.monotonic()
        for session in sessions[len(run.reports) :]:
            done(run.learn_session(session))
            if first and (
                run.reports[-1].adapted or session is sessions[-1] or time.monotonic() - saved > SAVE_EVERY_S
            ):
                save_checkpoint(run, backbone_name, output, identity=identity, origin=origin)
                saved = time.monotonic()
            run.unfinished.end()
        record = make_record(run, {"backbone": backbone_name, "seconds": seconds, "origin": origin})
    if first:
        write_report(record, output / "report")
    return run


def make_record(run: Pace, described: Mapping[str, Any]) -> RunRecord:
    """What the report shows of a run; its settings and what else describes it are what reproduces it."""
    truth, called = run.call_tests()
    before, after = run.test_embeddings()
    return RunRecord(
        sessions=tuple(report.labels for report in run.reports),
        matrix=tuple(tuple(report.per_session) for report in run.reports),
        accuracies=tuple(report.accuracy for report in run.reports),
        losses={f"session {report.number}": report.losses for report in run.reports if report.losses},
        similarities=tuple(run.similarities), n_frozen=run.n_frozen, rho_layer=run.settings.rho_layer,
        energy={report.number: report.energy for report in run.reports if report.energy},
        truth=tuple(truth), called=tuple(called), z_before=before, z_after=after,
        settings={**described, "sessions": [report.labels for report in run.reports], **asdict(run.settings)},
    )  # fmt: skip
