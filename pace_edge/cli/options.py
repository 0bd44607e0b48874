"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from pace_edge.config import STARTER_MODEL

model = click.option(
    "--model", type=click.Path(path_type=Path), default=STARTER_MODEL, metavar="FILE",
    help="The model file; without it, the starter model.",
)  # fmt: skip
journal = click.option(
    "--journal", type=click.Path(path_type=Path), metavar="FILE",
    help="Where labels are kept; without it, a file of the model's name in PACE_EDGE_HOME.",
)  # fmt: skip
signed_by = click.option(
    "--signed-by", type=click.Path(path_type=Path), metavar="KEY",
    help="Demand that MODEL.sig beside the model is its signature by this Ed25519 key (public, PEM).",
)  # fmt: skip
as_json = click.option("--json", "as_json", is_flag=True, help="JSON on stdout, also in a terminal.")


def say_warnings(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(f"pace-edge: {line}", err=True)
