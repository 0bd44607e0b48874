"""pace-edge listen"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import click

from pace_edge.cli.settings import configured

if TYPE_CHECKING:
    from streams.configuration import Configuration
    from streams.heard import Heard


@click.command()
@configured()
def listen(read: Callable[[], Configuration]) -> None:
    """Hear sounds and say what they are.

    It goes on until the input ends, Ctrl-C or SIGTERM; SIGHUP reads the model file again. Without --input: the default
    microphone, or a recording that ships with pace-edge if there is none.
    """
    from streams.service import run
    from streams.words import speaker

    settings = read().settings
    say = speaker(settings.log.time)
    if run(settings, [_Stdout(settings.outputs.stdout), _Words(say)], say=say) == signal.SIGINT:
        raise KeyboardInterrupt  # what was asked, after all has been closed
