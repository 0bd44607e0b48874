"""pace-edge history"""

from __future__ import annotations

import json
import math
import re
import time
from datetime import datetime
from pathlib import Path

import click

from pace_edge.cli import options

_UNITS_S = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class Moment(click.ParamType):
    """So long ago, or a local date and time; seconds since 1970."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        if ago := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mhdw])", text):
            return time.time() - float(ago[1]) * _UNITS_S[ago[2]]
        try:
            return datetime.fromisoformat(text).timestamp()
        except (ValueError, OverflowError):
            self.fail(f"'{text}' is no time. Give 90m, 12h, 3d, 2w, or a date such as 2026-11-25 or 2026-11-25T18:30.")


@click.command()
@click.option("--file", type=click.Path(path_type=Path), metavar="FILE",
              help="The history; without it, as configured, else history.sqlite in PACE_EDGE_HOME.")  # fmt: skip
@click.option("--since", type=Moment(), metavar="TIME", help="From then on: 90m, 12h, 3d ago, or 2026-11-25T18:30.")
@click.option("--label", help="Only this class.")
@options.config
@options.as_json
def history(file: Path | None, since: float | None, label: str | None, config: Path | None, as_json: bool) -> None:
    """List the events that listeners have heard, oldest first.

    If a recording's own time is not known, its events are listed by when they were heard, with the seconds from its
    start. As JSON, one object per line, as `pace-edge listen` writes them.
    """
    from streams.configuration.place import place
    from streams.heard import as_record
    from streams.sinks.history import history as query
    from streams.sinks.history import history_path

    path = file or place(config=config).history or history_path()
    for event in query(path, since_unix_s=-math.inf if since is None else since, label=label):
        if as_json:
            click.echo(json.dumps(as_record(event), ensure_ascii=False))
            continue
        at = f"{event.start_s:.1f} s into file"  # a recording whose time is not known
        if event.at_unix_s is not None:
            at = datetime.fromtimestamp(event.at_unix_s).strftime("%Y-%m-%d %H:%M:%S")
        length = f"{event.duration_s:7.1f} s" if event.state == "end" else " (no end)"
        click.echo(
            f"{at:<19}  {length}  {event.label:<20} {event.score:4.2f}  {event.level_dbfs:4.0f} dBFS  {event.source}"
        )
