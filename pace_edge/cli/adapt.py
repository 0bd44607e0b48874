"""pace-edge adapt"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pace_edge.errors import PaceEdgeError

if TYPE_CHECKING:
    from pace_edge.adapt.device import Precision
    from pace_edge.adapt.pace import SessionReport
    from pace_edge.adapt.sessions import Session

A_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--data", type=A_PATH, required=True, metavar="PATH",
              help="A folder with a folder of clips for each class, or with a labels.csv (path, label, fold, group); "
                   "or such a file.")  # fmt: skip
@click.option("--label-column", default="label", show_default=True, help="The column that is learned.")
@click.option("--output", type=A_PATH, required=True, metavar="FOLDER", help="The checkpoint and the report.")
@click.option("--backbone", default="whisper-tiny.en", show_default=True,
              help="whisper-tiny.en, -base or -small, yamnet, eat, sslam, or the starter's: starter.")  # fmt: skip
@click.option("--weights", type=A_PATH, metavar="FILE", help="The backbone's weights, instead of the published ones.")
@click.option("--plan", type=A_PATH, metavar="FILE", help="The classes of each session, a line for a session.")
@click.option("--classes-per-session", type=click.IntRange(min=2), default=2, show_default=True,
              help="Without a plan: so many at a time.")  # fmt: skip
@click.option("--order-seed", type=int, default=0, show_default=True, help="Without a plan: draws the classes' order.")
@click.option("--test-fold", type=int, default=1, show_default=True, help="The fold that is kept for the test.")
@click.option("--seconds", type=click.FloatRange(min=0.1, max=30), default=5.0, show_default=True,
              help="Clips are cut or padded to so many seconds.")  # fmt: skip
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE",
              help="A setting of PaceSettings, such as rate=0.01; the value is JSON. May be repeated.")  # fmt: skip
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, or auto: a GPU if there is one.")
@click.option("--precision", type=click.Choice(["float32", "bf16"]), default="float32", show_default=True,
              help="Of training the adapters.")  # fmt: skip
@click.option("--workers", type=click.IntRange(min=0), default=0, show_default=True,
              help="Processes that read clips ahead.")  # fmt: skip
@click.option("--cache-gib", type=click.FloatRange(min=0), default=4.0, show_default=True,
              help="Memory for what the frozen blocks put out.")  # fmt: skip
@click.option("--cache-disk-gib", type=click.FloatRange(min=0), default=32.0, show_default=True,
              help="Disk for it, in TMPDIR, beyond the memory.")  # fmt: skip
@click.option("--skip-unreadable", is_flag=True, help="Leave out clips that cannot be read, and name them.")
@click.option("--resume", is_flag=True, help="Go on with the interrupted run in --output.")
def adapt(
    data: Path, label_column: str, output: Path, backbone: str, weights: Path | None, plan: Path | None,
    classes_per_session: int, order_seed: int, test_fold: int, seconds: float, changes: tuple[str, ...], device: str,
    precision: Precision, workers: int, cache_gib: float, cache_disk_gib: float, skip_unreadable: bool, resume: bool,
) -> None:  # fmt: skip
    """Adapt a backbone to new classes (PACE).

    Takes a pretrained backbone through sessions of new classes; writes a checkpoint and a report. Prints a JSON line
    for each session. Needs the training packages: pip install '.[train]'. On several GPUs or machines start it with
    torchrun.
    """
    for package in ("torch", "safetensors", "matplotlib", "rich"):
        if find_spec(package) is None:
            raise PaceEdgeError(f"adapting needs {package}", do="Install it with: pip install '.[train]'")
    from pace_edge.adapt import run
    from pace_edge.adapt.backbones import open_backbone
    from pace_edge.adapt.data import read_clips
    from pace_edge.adapt.device import choose_device
    from pace_edge.adapt.loading import check_clips
    from pace_edge.adapt.machine import Machine
    from pace_edge.adapt.processes import Processes
    from pace_edge.adapt.sessions import plan_sessions, read_plan, sessions_of
    from pace_edge.adapt.settings import parse_settings
    from pace_edge.cli.watch import watching

    settings, chosen = parse_settings(changes), choose_device(device)
    with ExitStack() as stack:
        processes = stack.enter_context(Processes.from_environment(chosen))
        watch = watching(processes.is_first)
        if isinstance(watch, AbstractContextManager):
            stack.enter_context(watch)
        clips = read_clips(data, label_column=label_column)

        def planned() -> list[Session]:
            if plan is not None:
                return sessions_of(clips, read_plan(plan), test_fold)
            return plan_sessions(
                clips, classes_per_session=classes_per_session, test_fold=test_fold, order_seed=order_seed
            )

        planned()  # a mistake in the plan is told before anything slow
        opened = open_backbone(backbone, weights=weights)
        clips = check_clips(clips, rate_hz=opened.rate_hz, skip_unreadable=skip_unreadable, watch=watch)
        machine = Machine(
            device=chosen, precision=precision, processes=processes, workers=workers, cache_gib=cache_gib,
            cache_disk_gib=cache_disk_gib, watch=watch,
        )  # fmt: skip
        try:
            run.adapt(
                planned(), opened, backbone, output, settings=settings, seconds=seconds, machine=machine,
                resume=resume, done=_print if processes.is_first else lambda report: None,
                origin={"data": str(data.resolve()), "label_column": label_column, "test_fold": test_fold},
            )  # fmt: skip
        except KeyboardInterrupt:
            watch.say("interrupted; the same command with --resume goes on after the last finished epoch")
            raise
        watch.say(f"wrote {output}: the checkpoint, and report/report.md")


def _print(report: SessionReport) -> None:
    line = {"session": report.number, "labels": report.labels, "adapted": report.adapted}
    click.echo(json.dumps({**line, "accuracy": round(report.accuracy, 4)}, ensure_ascii=False))
