"""pace-edge benchmark report"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from pace_edge.errors import PaceEdgeError

A_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("runs", nargs=-1, required=True, type=A_PATH)
@click.option("--to", "folder", type=A_PATH, required=True, metavar="FOLDER", help="The report's folder.")
@click.option("--analysis", type=A_PATH, metavar="FILE", help="Markdown that is put into the report, under Why.")
def report(runs: tuple[Path, ...], folder: Path, analysis: Path | None) -> None:
    """Make a report of runs, in Markdown and HTML.

    RUNS are folders that `pace-edge benchmark run` wrote, or files of runs (runs.jsonl, a report's leaderboard.jsonl):
    several are put together. docs/benchmark.md describes them.
    """
    for package in ("matplotlib", "markdown_it"):
        if find_spec(package) is None:
            raise PaceEdgeError(f"the report needs {package}", do="Install it with: pip install '.[train]'")
    from pace_edge.benchmark.methods import METHODS
    from pace_edge.benchmark.report import write_benchmark_report

    backbones = ("whisper-tiny.en", "whisper-base", "whisper-small", "eat", "sslam")
    notes = write_benchmark_report(runs, folder, methods=[*METHODS], backbones=backbones, analysis=analysis)
    for note in notes:
        click.echo(note, err=True)
    click.echo(f"wrote {folder / 'report.md'}, report.html and pictures", err=True)
