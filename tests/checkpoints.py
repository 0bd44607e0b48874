"""A checkpoint of a small adapted backbone, and its export: made once for all tests, as the exporter takes seconds."""

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from export import checkpoint as exporting
from export.checkpoint import Options, clips_of, export_checkpoint
from export.onnx_file import export_embedder
from export.provenance import checkpoint_facts
from pace_edge.adapt.backbone import backbone_sha256
from pace_edge.adapt.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from pace_edge.adapt.data import Clip
from pace_edge.adapt.pace import Pace
from pace_edge.adapt.sessions import Session, plan_sessions
from pace_edge.parity import Parity
from tests.adapt.small import settings, small_encoder, write_clips

_folder = tempfile.TemporaryDirectory()
_embedders = {}


@dataclass(frozen=True)
class Finished:
    folder: Path  # the checkpoint
    clips: list[Clip]  # in the folder above, with their labels.csv

    @property
    def checkpoint(self) -> Checkpoint:
        return load_checkpoint(self.folder, lambda name: small_encoder())

    @property
    def session(self) -> Session:
        return clips_of(self.checkpoint, self.clips, 1)


@cache
def finished() -> Finished:
    """Two sessions of two classes, adapted in both; fold 1 is held out."""
    folder = Path(_folder.name)
    clips = write_clips(folder, classes=4)
    pace = Pace(small_encoder(), settings(frozen_blocks=1, rate=0.05), 0.5)
    for session in plan_sessions(clips, classes_per_session=2, test_fold=1):
        pace.learn_session(session)
    origin = {"data": str(folder), "label_column": "label", "test_fold": 1}
    save_checkpoint(pace, "small", folder / "checkpoint", origin=origin)
    return Finished(folder / "checkpoint", clips)


@cache
def exported() -> tuple[Path, Parity]:
    """The checkpoint's model file, and its parity table."""
    done, before = finished(), exporting.export_embedder
    exporting.export_embedder = cached_embedder
    try:
        output = done.folder.parent / "tones.onnx"
        options = Options(name="tones", facts=checkpoint_facts(done.folder))
        parity = export_checkpoint(done.checkpoint, output, options, clips=done.session)
    finally:
        exporting.export_embedder = before
    assert parity is not None
    return output, parity


def cached_embedder(backbone, window_samples):
    """`export_embedder`, once for the same weights."""
    key = (backbone_sha256(backbone), window_samples)
    if key not in _embedders:
        _embedders[key] = export_embedder(backbone, window_samples)
    return _embedders[key]
