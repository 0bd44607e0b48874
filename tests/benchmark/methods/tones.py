"""Three sessions of two tones each on a small transformer, on real files: the smallest run of a method."""

from pathlib import Path

from pace_edge.adapt.sessions import Session, plan_sessions
from pace_edge.benchmark.method import Task
from pace_edge.benchmark.methods.own_backbone import inputs_of
from tests.adapt.small import small_encoder, write_clips


def task_of(*, seed=0, epochs=2, backbone=None) -> Task:
    """A task that embeds clips when they are asked for: the files must be there."""
    backbone = backbone or small_encoder()

    def embed(clips):
        return inputs_of(task, backbone, clips, kept=False).embed_all().numpy()

    task = Task(backbone=backbone, embed=embed, seconds=0.5, epochs=epochs, classes=6, M=64, seed=seed)
    return task


def sessions_in(folder: Path) -> list[Session]:
    folder.mkdir(parents=True, exist_ok=True)
    return plan_sessions(write_clips(folder, classes=6, per_class=6), classes_per_session=2, test_fold=1)
