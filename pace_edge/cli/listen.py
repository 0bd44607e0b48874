"""pace-edge listen"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from pace_edge.cli.settings import configured

if TYPE_CHECKING:
    from streams.configuration.configure import Configuration


@click.command()
@click.option("--new-web-token", is_flag=True, help="Make a new token for the page, which ends all its sessions.")
@configured()
def listen(read: Callable[[], Configuration], new_web_token: bool) -> None:
    """Hear sounds and say what they are.

    It goes on until the input ends, Ctrl-C or SIGTERM; SIGHUP reads the model file again. Without --input: the default
    microphone, or a recording that ships with pace-edge if there is none.
    """
    from streams.service.run import run

    settings = read().settings
    if new_web_token:
        from streams.web.tokens import forget_token, token_path

        forget_token(settings.web.token_file or token_path())
    if run(settings) == signal.SIGINT:
        raise KeyboardInterrupt  # now that all is closed
