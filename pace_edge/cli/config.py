"""pace-edge config"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from pace_edge.cli import options
from pace_edge.cli.settings import configured
from pace_edge.errors import PaceEdgeError

if TYPE_CHECKING:
    from streams.configuration.configure import Configuration


@click.command()
@click.option("--show", is_flag=True, help="Print every setting as it is in force, and where it came from.")
@options.as_json
@configured(without=("--json", "--recorded-at"))
def config(read: Callable[[], Configuration], show: bool, as_json: bool) -> None:
    """Write a commented configuration, or show the one in force.

    Without --show it prints a TOML file of all settings, to be kept as config.toml in PACE_EDGE_HOME. A flag goes
    before the environment (PACE_EDGE_SECTION_KEY), and that before the file. With it, the state folder, the model, the
    journal and the key that every verb uses come first.
    """
    from streams.configuration.settings_file import commented_toml, shown_toml

    if not show:
        click.echo(commented_toml(), nl=False)
        return
    configuration = read()
    here = [*_place(configuration)]
    rows = [(".".join(map(str, path)), shown_toml(value), origin) for path, value, origin in configuration.values()]
    if as_json:
        places = [(f"place.{name}", shown_toml(value), origin) for name, _, value, origin in here]
        records = [dict(zip(("key", "value", "from"), row, strict=True)) for row in [*places, *rows]]
        click.echo(json.dumps(records, ensure_ascii=False))
        return
    for _, words, value, origin in here:
        click.echo(f"# {words}: {value or 'none'}  # {origin}")
    width = max(len(f"{key} = {value}") for key, value, _ in rows)
    for key, value, origin in rows:
        click.echo(f"{f'{key} = {value}':<{min(width, 60)}}  # {origin}")


def _place(configuration: Configuration) -> Iterator[tuple[str, str, str | None, str]]:
    """What every verb uses: its key, its name in words, its value, and where that came from."""
    from streams.configuration.place import place_of

    place = place_of(configuration.settings, configuration.origins)
    journal = place.journal
    if journal is None:
        try:
            journal = place.journal_of(place.load())
        except PaceEdgeError as error:  # then only the settings can be shown
            click.echo(f"pace-edge: {error}", err=True)
    found = {"home": place.home, "model": place.model, "journal": journal, "signed_by": place.signed_by}
    words = {"home": "state folder", "model": "model", "journal": "journal", "signed_by": "signed by"}
    for name, path in found.items():
        unread = "that of the model's name" if name == "journal" else None
        yield name, words[name], unread if path is None else str(path.absolute()), place.origins[name]
