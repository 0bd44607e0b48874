"""pace-edge benchmark run, sets, download, methods"""

from __future__ import annotations

import json
import os
import shlex
import sys
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pace_edge.cli.benchmark_report import report
from pace_edge.errors import PaceEdgeError, UsageError

if TYPE_CHECKING:
    from pace_edge.adapt.device import Precision
    from pace_edge.benchmark.records import Record

A_PATH = click.Path(path_type=Path)
_data = click.option(
    "--data", type=A_PATH, required=True, metavar="FOLDER",
    help="Where the audio lies: the folder that holds the sets' folders, each as it is published.",
)  # fmt: skip


@click.group()
def benchmark() -> None:
    """Continual learning of sounds, measured: methods x data sets x backbones x class orders.

    Needs the training packages: pip install '.[train]'.
    """
    for package in ("torch", "safetensors"):
        if find_spec(package) is None:
            raise PaceEdgeError(f"the benchmark needs {package}", do="Install it with: pip install '.[train]'")


benchmark.add_command(report)


@benchmark.command()
@_data
@click.option("--output", type=A_PATH, required=True, metavar="FOLDER", help="The records, plans and embeddings.")
@click.option("--set", "sets", multiple=True, metavar="NAME",
              help="A data set's name, or a folder or CSV file of your own. May be repeated.")  # fmt: skip
@click.option("--method", "methods", multiple=True, metavar="NAME",
              help="A method's name, or FILE.py:NAME. May be repeated; without it all of ours.")  # fmt: skip
@click.option("--backbone", "backbones", multiple=True, default=["whisper-tiny.en:last"], show_default=True,
              metavar="NAME", help="As for adapt. May be repeated.")  # fmt: skip
@click.option("--weights", multiple=True, metavar="BACKBONE=FILE",
              help="A backbone's weights, instead of the published ones. May be repeated.")  # fmt: skip
@click.option("--orders", type=click.IntRange(min=1), default=3, show_default=True,
              help="So many orders of the classes, each with its own seed, from 0 on.")  # fmt: skip
@click.option("--fold", "folds", type=int, multiple=True, default=[1], show_default=True,
              help="The fold that is tested on. May be repeated.")  # fmt: skip
@click.option("--M", "M", type=click.IntRange(min=1), default=2048, show_default=True,
              help="Random features of the analytic classifiers.")  # fmt: skip
@click.option(
    "--classes-per-session", type=click.IntRange(min=2), help="Instead of the set's; 2 for a set of your own."
)
@click.option("--epochs", type=click.IntRange(min=1), help="E_0, instead of the set's; 10 for a set of your own.")
@click.option("--seconds", type=click.FloatRange(min=0.1, max=30),
              help="Length of a clip, instead of the set's; 5 for a set of your own.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True,
              help="Runs at a time, each in a process of its own; several have one thread each.")  # fmt: skip
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, or auto: a GPU if there is one.")
@click.option("--precision", type=click.Choice(["float32", "bf16"]), default="float32", show_default=True,
              help="Of training.")  # fmt: skip
@click.option("--cache", type=A_PATH, metavar="FOLDER", help="Of embeddings; without it in --output.")
def run(
    data: Path, output: Path, sets: tuple[str, ...], methods: tuple[str, ...], backbones: tuple[str, ...],
    weights: tuple[str, ...], orders: int, folds: tuple[int, ...], M: int, classes_per_session: int | None,
    epochs: int | None, seconds: float | None, jobs: int, device: str, precision: Precision, cache: Path | None,
) -> None:  # fmt: skip
    """Make every run that --output has no record of yet.

    Prints a JSON line for each run; interrupted, the same command goes on. With torchrun several processes share the
    runs, and train PACE together.
    """
    if jobs > 1:  # read when the processes' libraries are loaded
        os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from pace_edge.adapt.device import choose_device
    from pace_edge.adapt.processes import Processes
    from pace_edge.benchmark.methods import METHODS
    from pace_edge.benchmark.programme import Place, Programme, run_benchmark
    from pace_edge.benchmark.sets import SETS, find_set
    from pace_edge.cli.watch import watching

    told: dict[str, Any] = {"per_session": classes_per_session, "epochs": epochs, "seconds": seconds}
    told = {name: value for name, value in told.items() if value is not None}
    chosen = [replace(find_set(name), **told) for name in sets or SETS]
    programme = Programme(
        sets=chosen, methods=methods or list(METHODS), backbones=backbones, weights=_weights(weights),
        orders=range(orders), folds=folds, M=M, precision=precision,
    )  # fmt: skip
    with ExitStack() as stack:
        processes = stack.enter_context(Processes.from_environment(choose_device(device)))
        watch = watching(processes.is_first)
        if isinstance(watch, AbstractContextManager):
            stack.enter_context(watch)
        place = Place(data=data, output=output, cache=cache, device=device, jobs=jobs, processes=processes, watch=watch)
        command = shlex.join(["pace-edge", *sys.argv[1:]])
        try:
            outcome = run_benchmark(programme, place, command=command, done=_print)
        except KeyboardInterrupt:
            watch.say(f"interrupted; what is finished is in {output}, and the same command goes on")
            raise
        for reason in (*outcome.absent.values(), *outcome.failed):
            watch.say(f"not run: {reason}")
        watch.say(f"{outcome.made} of {outcome.wanted} runs made; all of them are in {output}")
    not_run = len(outcome.failed) + (len(outcome.absent) if sets or len(outcome.absent) == len(SETS) else 0)
    if not_run:
        raise PaceEdgeError(f"{not_run} of what was asked for could not be run", do="See above for why.")


@benchmark.command()
@_data
def sets(data: Path) -> None:
    """Which data sets and backbones can be run here, and why the others cannot."""
    from pace_edge.benchmark.availability import backbones_here, sets_here

    for line in (*sets_here(data), *backbones_here()):
        click.echo(json.dumps(line, ensure_ascii=False))


@benchmark.command()
@click.argument("name", metavar="SET")
@_data
def download(name: str, data: Path) -> None:
    """Bring a published set into --data, where its publisher lets a program do it; for the others, say how."""
    from pace_edge.benchmark.download import download as bring
    from pace_edge.benchmark.sets import find_set

    clips = bring(find_set(name), data)
    click.echo(f"{name} is in {data}: {len(clips)} clips", err=True)


@benchmark.command()
def methods() -> None:
    """The methods by name, and whose they are."""
    from pace_edge.benchmark.methods import METHODS

    for name, entry in METHODS.items():
        line = {"method": name, "paper": entry.paper, "trains": entry.trains, "joint": entry.joint}
        click.echo(json.dumps(line, ensure_ascii=False))


def _print(record: Record) -> None:
    line = {"set": record.set, "backbone": record.backbone, "method": record.method, "order": record.order}
    click.echo(json.dumps({**line, "accuracy": round(record.accuracy, 4)}, ensure_ascii=False))


def _weights(words: tuple[str, ...]) -> dict[str, Path]:
    found = {}
    for word in words:
        name, equals, file = word.partition("=")
        if not equals or not name or not file:
            raise UsageError("weights are not told of so", expected="BACKBONE=FILE", got=word)
        found[name] = Path(file)
    return found
