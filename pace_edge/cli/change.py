"""pace-edge correct, undo, forget, hide, unhide, rename, merge, reset: what is done to what was taught"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pace_edge.cli import options
from pace_edge.errors import UsageError

if TYPE_CHECKING:
    from streams.teaching.change import Change, Changer


@click.command()
@click.argument("event", required=False)
@click.option("--label", required=True, help="What it really was.")
@click.option("--example", type=click.IntRange(min=1), metavar="ID", help="Instead of an event: a taught example.")
@options.new_class
@options.place
@options.as_json
def correct(event: str | None, label: str, example: int | None, new_class: bool, as_json: bool, **where: Any) -> None:
    """Say what a sound really was.

    EVENT is the id of one of the last 200 that were announced, or its beginning; without it, the last one.
    """
    if event is not None and example is not None:
        raise UsageError("an EVENT and --example exclude each other", do="Give one of them.")

    def change(changer: Changer) -> Change:
        named = "last" if event is None else event  # "" names none
        return options.as_meant(
            lambda label, new: changer.correct(named, label, example=example, new_class=new), label, new_class
        )

    _do(where, as_json, change)


@click.command()
@click.option("--steps", type=click.IntRange(min=1), default=1, show_default=True, help="How many operations.")
@options.place
@options.as_json
def undo(steps: int, as_json: bool, **where: Any) -> None:
    """Take back what was done last.

    Taught, corrected, forgotten, hidden, renamed or merged, by whichever process; again and again.
    """
    _do(where, as_json, lambda changer: changer.undo(steps))


@click.command()
@click.argument("label", required=False)
@click.option("--example", type=click.IntRange(min=1), metavar="ID", help="Instead of a label: one taught example.")
@click.option("--purge", is_flag=True, help="Erase its examples from the disk too; this cannot be undone.")
@options.place
@options.as_json
def forget(label: str | None, example: int | None, purge: bool, as_json: bool, **where: Any) -> None:
    """Forget a label, or one example.

    Exactly, as if it had never been taught. Of a class that came with the model its name is forgotten.
    """
    if (label is None) == (example is None):
        raise UsageError("forget takes a LABEL or --example ID", do="Give one of them.")
    if example is not None and purge:
        raise UsageError("--purge erases a whole label", do="Give a LABEL, or leave --purge out.")
    if example is not None:
        _do(where, as_json, lambda changer: changer.remove(example))
    else:
        _do(where, as_json, lambda changer: changer.forget(label or "", purge=purge))


@click.command()
@click.argument("label")
@options.place
@options.as_json
def hide(label: str, as_json: bool, **where: Any) -> None:
    """Do not report a label.

    It is still known, so that its sounds are not taken for others.
    """
    _do(where, as_json, lambda changer: changer.hide(label))


@click.command()
@click.argument("label")
@options.place
@options.as_json
def unhide(label: str, as_json: bool, **where: Any) -> None:
    """Report a hidden label again."""
    _do(where, as_json, lambda changer: changer.unhide(label))


@click.command()
@click.argument("label")
@click.argument("new_label")
@options.new_class
@options.place
@options.as_json
def rename(label: str, new_label: str, new_class: bool, as_json: bool, **where: Any) -> None:
    """Give a label another name.

    If there is such a label already, the two become one.
    """

    def change(changer: Changer) -> Change:
        return options.as_meant(lambda new, meant: changer.rename(label, new, new_class=meant), new_label, new_class)

    _do(where, as_json, change)


@click.command()
@click.argument("other", type=click.Path(path_type=Path))
@options.place
@options.as_json
def merge(other: Path, as_json: bool, **where: Any) -> None:
    """Learn what another device was taught.

    OTHER is its journal, of the same model; it is only read. Twice is as good as once.
    """
    if not other.is_file():
        raise UsageError(f"there is no journal {other}", do="Check the path.")
    _do(where, as_json, lambda changer: changer.merge(other))


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.place
@options.as_json
def reset(yes: bool, as_json: bool, **where: Any) -> None:
    """Forget everything that was taught.

    A copy of the journal stays beside it.
    """
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("reset forgets everything that was taught", do="Add --yes if that is meant.")
        click.confirm("Forget everything that was taught?", abort=True, err=True)
    _do(where, as_json, lambda changer: changer.reset())


def _do(where: dict[str, Any], as_json: bool, change: Callable[[Changer], Change]) -> None:
    from streams.teaching.change import Changer

    with Changer(**where) as changer:
        done = change(changer)
        unmet = changer.unmet()
        options.say_warnings([*changer.warnings(), *unmet])
    if as_json or not sys.stdout.isatty():
        click.echo(json.dumps({"type": "change", **asdict(done), "warnings": unmet}, ensure_ascii=False))
    click.echo(done.in_words(), err=True)
