"""pace-edge labels"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from pace_edge.cli import options


@click.command()
@options.model
@options.journal
@options.as_json
def labels(model: Path, journal: Path | None, as_json: bool) -> None:
    """List the classes and their examples.

    Those they came with, and those taught here.
    """
    from streams.teach import labels as count

    counted = count(model, journal=journal)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in counted], ensure_ascii=False))
        return
    width = max(len(one.label) for one in counted)
    click.echo(f"{'class':<{width}}  built in  taught")
    for one in counted:
        click.echo(f"{one.label:<{width}}  {one.built_in:8g}  {one.taught:6d}")
