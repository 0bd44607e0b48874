"""pace-edge journal and relearn"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pace_edge.cli import options
from pace_edge.errors import JournalError, UsageError


@click.command()
@click.option("--check", "checking", is_flag=True, help="Read every row and its checksum.")
@click.option("--repair", type=click.Path(path_type=Path), metavar="NEW",
              help="Write all that can be read into a new journal; the damaged one is left as it is.")  # fmt: skip
@click.option(
    "--shrink", "shrinking", is_flag=True, help="Finish a purge or reset that said that traces may be left in the file."
)
@options.place
@options.as_json
def journal(checking: bool, repair: Path | None, shrinking: bool, as_json: bool, **where: Any) -> None:
    """Check, repair or shrink the journal.

    Exit code 1 says that something is damaged.
    """
    from pace_edge import salvage
    from streams.configuration.place import place

    if [checking, repair is not None, shrinking].count(True) != 1:
        raise UsageError("there is not one thing to do", expected="--check, --repair NEW or --shrink")
    here = place(**where)
    path = here.journal or here.journal_of(here.load())
    if not path.exists():
        raise UsageError(f"there is no journal {path}", do="Check the path.")
    if shrinking:
        _shrink(path)
        return
    found = salvage.check(path) if repair is None else salvage.repair(path, repair)
    if as_json:
        click.echo(json.dumps({"journal": str(path), **asdict(found)}, ensure_ascii=False))
    for line in found.damaged:
        click.echo(f"{path}: {line}", err=True)
    done = f"{found.whole} operations of {path} are whole" + (f" and in {repair} now" if repair else "")
    click.echo(done, err=True)
    if found.damaged and repair is None:
        raise JournalError(
            f"{path} is damaged in {len(found.damaged)} places",
            do="Save the rest with pace-edge journal --repair NEW, then listen with --journal NEW.",
        )


def _shrink(path: Path) -> None:
    from pace_edge.journal import Journal
    from pace_edge.journal_file import model_of

    name, sha256, size = model_of(path)
    with Journal(path, model_name=name, model_sha256=sha256, embedding_size=size) as journal:
        journal.shrink()
    click.echo(f"nothing that was erased is left in {path}", err=True)


@click.command()
@click.argument("old", required=False, type=click.Path(path_type=Path))
@options.place
@options.as_json
def relearn(old: Path | None, as_json: bool, **where: Any) -> None:
    """Teach a new model what the old one was taught.

    From the recordings: files where they still are what they were, and what --keep-audio kept. OLD is the journal of
    the model before; without it, the one that is configured, else that of this model's name. It is only read.
    """
    from streams.configuration.place import place
    from streams.configuration.running import unmet
    from streams.teaching.relearn import relearn as again

    done = again(place(**where).load(), old, journal=where["journal"], config=where["config"])
    warnings = unmet(done.journal)
    if as_json:
        click.echo(json.dumps({**asdict(done), "journal": str(done.journal), "warnings": warnings}, ensure_ascii=False))
    options.say_warnings([*done.reasons, *warnings])
    lost = ", ".join(f"{count} of '{label}'" for label, count in done.lost.items())
    click.echo(
        f"{done.learned} examples learned again into {done.journal}"
        + (f"; {done.known} were there already" if done.known else "")
        + (f"; without a recording, to be taught again: {lost}" if lost else ""),
        err=True,
    )
