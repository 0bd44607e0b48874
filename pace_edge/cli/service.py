"""pace-edge service"""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

import click

from pace_edge.errors import PaceEdgeError, UsageError

_WRITTEN = ("journal", "outputs", "web")  # sections whose paths are written to


@click.command()
@click.option("--user", "user_unit", is_flag=True, help="For your own systemd (systemctl --user), not the machine's.")
@click.option("--run-as", metavar="NAME", help="Who the machine's service runs as; without it, you.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE",
              help="The configuration; else config.toml in PACE_EDGE_HOME.")  # fmt: skip
@click.option("--install", "installs", is_flag=True, help="Write it where systemd looks, not to stdout.")
def service(user_unit: bool, run_as: str | None, config: Path | None, installs: bool) -> None:
    """Print or install a systemd unit.

    The unit listens with the configuration that there is now, from boot on, and starts again when it fails.
    """
    if not sys.platform.startswith("linux"):
        raise PaceEdgeError("this machine has no systemd", do="Let its own service manager run `pace-edge listen`.")
    from streams.configuration.configure import configure, variable_of
    from streams.service import systemd

    if user_unit and run_as:
        raise UsageError("--run-as is for the machine's service, and --user for your own", do="Give one of them.")
    user = None if user_unit else run_as or os.environ.get("SUDO_USER") or getpass.getuser()
    if user == "root" and run_as is None:
        raise UsageError("a listener should not run as root", do="Say who it runs as: --run-as NAME.")
    folder = systemd.state_folder(user)
    named = config or (Path(os.environ["PACE_EDGE_CONFIG"]) if os.environ.get("PACE_EDGE_CONFIG") else None)
    configuration = configure(file=named, environment={}, folder=folder)  # as the service will; mistakes are told now
    for setting, _, origin in configure(file=named, folder=folder).values():
        if origin == variable_of(setting):
            name = ".".join(map(str, setting))
            click.echo(f"{origin} is not set for the service: put {name} into its configuration", err=True)
    writable = [
        value.parent for key, value, _ in configuration.values() if key[0] in _WRITTEN and isinstance(value, Path)
    ]
    text = systemd.unit(home=folder, config=named and named.resolve(), user=user, writable=writable)
    if not installs:
        click.echo(text, nl=False)
        return
    path = systemd.unit_path(user_unit=user_unit)
    systemd.install(text, path, folder, user)
    ctl = "systemctl --user" if user_unit else "sudo systemctl"
    click.echo(f"wrote {path}; start it now and at every boot with:", err=True)
    click.echo(f"{ctl} daemon-reload && {ctl} enable --now pace-edge", err=True)
    if user_unit:
        click.echo("loginctl enable-linger   # so that it also listens while you are not logged in", err=True)
