"""pace-edge adapt"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import click

from pace_edge.errors import PaceEdgeError


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, metavar="FOLDER",
              help="A folder with a labels.csv (path, label, fold, group) and its audio.")  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="The checkpoint.")
@click.option("--backbone", default="whisper-tiny.en", show_default=True, help="whisper-tiny.en, yamnet, eat or sslam.")
@click.option("--classes-per-session", type=click.IntRange(min=2), default=2, show_default=True)
@click.option("--test-fold", type=int, default=1, show_default=True, help="The fold that is kept for the test.")
@click.option("--seconds", type=click.FloatRange(min=0.1, max=30), default=5.0, show_default=True,
              help="Clips are cut or padded to so many seconds.")  # fmt: skip
@click.option("--order-seed", type=int, default=0, show_default=True, help="Draws the order of the classes.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE",
              help="A setting of PaceSettings, such as rate=0.01; the value is JSON. May be repeated.")  # fmt: skip
def adapt(
    data: Path, output: Path, backbone: str, classes_per_session: int, test_fold: int, seconds: float, order_seed: int,
    changes: tuple[str, ...],
) -> None:  # fmt: skip
    """Adapt a backbone to new classes (PACE).

    Takes a pretrained backbone through sessions of new classes and writes a checkpoint.
    Needs the training packages: pip install '.[train]'. Prints a JSON line for each session.
    """
    if find_spec("torch") is None:
        raise PaceEdgeError("adapting needs torch", do="Install it with: pip install '.[train]'")
    from pace_edge.adapt.backbones import open_backbone
    from pace_edge.adapt.checkpoint import save_checkpoint
    from pace_edge.adapt.data import read_manifest
    from pace_edge.adapt.pace import Pace
    from pace_edge.adapt.sessions import plan_sessions
    from pace_edge.adapt.settings import parse_settings

    settings = parse_settings(changes)
    sessions = plan_sessions(
        read_manifest(data), classes_per_session=classes_per_session, test_fold=test_fold, order_seed=order_seed
    )
    opened = open_backbone(backbone)
    try:
        output.mkdir(parents=True, exist_ok=True)  # before hours of training, not after them
    except OSError as error:
        raise PaceEdgeError(f"cannot write to {output}: {error.strerror}", do="Choose another --output.") from None
    run = Pace(opened, settings, seconds, say=_say)
    for session in sessions:
        report = run.learn_session(session)
        line = {"session": report.number, "labels": report.labels, "adapted": report.adapted}
        click.echo(json.dumps({**line, "accuracy": round(report.accuracy, 4)}, ensure_ascii=False))
    if run.similarities:
        words = ", ".join(f"{s:.3f}" for s in run.similarities)
        click.echo(f"CKA per block: {words}; {run.n_frozen} blocks frozen", err=True)
    save_checkpoint(run, backbone, output)
    click.echo(f"wrote {output}", err=True)


def _say(name: str, epoch: int, epochs: int, loss: float) -> None:
    click.echo(f"{name}: epoch {epoch}/{epochs}, loss {loss:.3f}", err=True)
