"""pace-edge listen"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pace_edge.cli import options
from pace_edge.config import DEMO_RECORDING
from pace_edge.errors import DeviceError

if TYPE_CHECKING:
    from streams.heard import Heard
    from streams.sources import Source


@click.command()
@options.model
@click.option(
    "--input", metavar="DEVICE|FILE|-", help="A microphone (number or part of its name), a file, or PCM on stdin."
)
@click.option("--no-realtime", is_flag=True, help="Read a file as fast as it goes, not at its own speed.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Announce from this score on; without it, the model's.")
@options.journal
@options.signed_by
@options.as_json
def listen(
    model: Path, input: str | None, no_realtime: bool, threshold: float | None, journal: Path | None,
    signed_by: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Hear sounds and say what they are.

    It goes on until the input ends or Ctrl-C.
    Without --input: the default microphone, or a recording that ships with pace-edge if there is none.
    """
    from pace_edge.model_file import open_model, read_model
    from pace_edge.signature import check_signature
    from streams.learner import open_journal
    from streams.listener import Listener

    file = open_model(model)
    if signed_by is not None:
        check_signature(file.path, file.sha256, signed_by)
    loaded = read_model(file)
    source = _open(input, loaded.info.rate_hz, realtime=not no_realtime)
    with open_journal(loaded, journal) as opened:
        listener = Listener(loaded, opened, threshold=threshold)
        _say(f"listening to {source.name} with {loaded.info.name}: {len(listener.learner.classifier.labels)} classes, "
             f"running on {listener.encoder.provider}")  # fmt: skip
        _say(listener.rule.in_words(loaded.info.hop_samples / loaded.info.rate_hz))
        show = _show_json if as_json or not sys.stdout.isatty() else _show_line
        for heard in listener.run(source):
            show(heard)


def _open(input: str | None, rate_hz: int, *, realtime: bool) -> Source:
    from streams.sources import open_source

    try:
        return open_source(input, rate_hz=rate_hz, realtime=realtime)
    except DeviceError as error:
        if input is not None:
            raise
        _say(f"{error} Meanwhile, here is the recording that ships with pace-edge:")
        return open_source(str(DEMO_RECORDING), rate_hz=rate_hz, realtime=realtime)


def _show_json(heard: Heard) -> None:
    from streams.heard import Event, Window, as_record

    if isinstance(heard, Window | Event):
        click.echo(json.dumps(as_record(heard), ensure_ascii=False))
    else:
        _show_words(heard)


def _show_line(heard: Heard) -> None:
    from streams.heard import Event, Window

    if isinstance(heard, Window):
        click.echo(f"{heard.end_s:8.1f} s  {heard.label:<20} {heard.score:4.2f}  {heard.level_dbfs:4.0f} dBFS")
    elif isinstance(heard, Event):
        verb = "is heard" if heard.state == "start" else f"ended after {heard.end_s - heard.start_s:.1f} s"
        click.secho(f"{heard.end_s:8.1f} s  {heard.label} {verb} ({heard.score:.2f})", bold=True)
    else:
        _show_words(heard)


def _show_words(heard: Heard) -> None:
    from pace_edge.operation_log import Example
    from pace_edge.operations import Operation
    from streams.heard import Gap

    if isinstance(heard, Gap):
        lost_s = heard.end_s - heard.start_s
        _say(f"{f'{lost_s:.1f} s of' if lost_s else 'some'} sound was lost: this machine is too slow for the model")
    elif isinstance(heard, Example):
        _say(f"learned '{heard.label}' from {heard.source}")
    elif isinstance(heard, Operation):
        _say(f"done: {heard.in_words()}")


def _say(words: str) -> None:
    click.echo(words, err=True)
