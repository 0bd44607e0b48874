"""pace-edge config"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from pace_edge.cli import options
from pace_edge.cli.settings import configured

if TYPE_CHECKING:
    from streams.configuration.configure import Configuration


@click.command()
@click.option("--show", is_flag=True, help="Print every setting as it is in force, and where it came from.")
@options.as_json
@configured(without=("--json", "--recorded-at"))
def config(read: Callable[[], Configuration], show: bool, as_json: bool) -> None:
    """Write a commented configuration, or show the one in force.

    Without --show it prints a TOML file of all settings, to be kept as config.toml in PACE_EDGE_HOME. A flag goes
    before the environment (PACE_EDGE_SECTION_KEY), and that before the file.
    """
    from streams.configuration.settings_file import commented_toml, shown_toml

    if not show:
        click.echo(commented_toml(), nl=False)
        return
    rows = [(".".join(map(str, path)), shown_toml(value), origin) for path, value, origin in read().values()]
    if as_json:
        click.echo(
            json.dumps([dict(zip(("key", "value", "from"), row, strict=True)) for row in rows], ensure_ascii=False)
        )
        return
    width = max(len(f"{key} = {value}") for key, value, _ in rows)
    for key, value, origin in rows:
        click.echo(f"{f'{key} = {value}':<{min(width, 60)}}  # {origin}")
