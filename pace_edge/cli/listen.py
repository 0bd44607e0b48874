"""pace-edge listen"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from pace_edge.cli.settings import configured

if TYPE_CHECKING:
    from streams.configuration import Configuration


@click.command()
@configured()
def listen(read: Callable[[], Configuration]) -> None:
    """Hear sounds and say what they are.

    It goes on until the input ends, Ctrl-C or SIGTERM; SIGHUP reads the model file again. Without --input: the default
    microphone, or a recording that ships with pace-edge if there is none.
    """
    from streams.service import run

    if run(read().settings) == signal.SIGINT:
        raise KeyboardInterrupt  # now that all is closed
