"""Options that several verbs share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import click

from pace_edge.errors import OtherFormError

A_PATH = click.Path(path_type=Path)
Verb = TypeVar("Verb", bound=Callable[..., object])
Result = TypeVar("Result")

model = click.option(
    "--model", type=A_PATH, metavar="FILE", help="The model file; without it, as configured, else the starter."
)
journal = click.option(
    "--journal", type=A_PATH, metavar="FILE",
    help="Where labels are kept; without it, as configured, else a file of the model's name in PACE_EDGE_HOME.",
)  # fmt: skip
signed_by = click.option(
    "--signed-by", type=A_PATH, metavar="KEY",
    help="Demand that MODEL.sig beside the model is its signature by this Ed25519 key (public, PEM).",
)  # fmt: skip
config = click.option(
    "--config", type=A_PATH, metavar="FILE", help="The configuration; else config.toml in PACE_EDGE_HOME."
)
as_json = click.option("--json", "as_json", is_flag=True, help="JSON on stdout, also in a terminal.")

new_class = click.option(
    "--new-class", is_flag=True,
    help="The label is meant, although there is a class of the same name but for case, '_', '-' and spaces.",
)  # fmt: skip


def place(verb: Verb) -> Verb:
    """The four options by which a verb finds its model and journal: the keyword arguments of
    `streams.configuration.place.place`, which alone says what they amount to."""
    return model(journal(signed_by(config(verb))))


def as_meant(act: Callable[[str, bool], Result], label: str, new_class: bool) -> Result:
    """What `act` does for this label, and for whether it is a new class although there is one of another form of it.
    Where that is to be asked, a person at a terminal is; elsewhere `act`'s OtherFormError is raised."""
    try:
        return act(label, new_class)
    except OtherFormError as error:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        near = error.near
    meant = click.confirm(f"there is '{near}' already; is that meant?", default=True, err=True)
    return act(near, False) if meant else act(label, True)


def say_warnings(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(f"pace-edge: {line}", err=True)
