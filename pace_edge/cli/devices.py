"""pace-edge devices"""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from pace_edge.cli import options


@click.command()
@options.as_json
def devices(as_json: bool) -> None:
    """List the microphones, for --input, with the sample rates that each takes."""
    from streams.sources.microphone import input_devices

    found = input_devices(rates=True)
    if as_json:
        click.echo(json.dumps([asdict(device) for device in found], ensure_ascii=False))
        return
    if not found:
        click.echo("there is no microphone", err=True)
    for device in found:
        default = "  (default)" if device.default else ""
        rates = ", ".join(f"{rate_hz / 1000:g}" for rate_hz in device.rates_hz)
        takes = f"takes {rates} kHz" if rates else "takes no rate now: is another program using it?"
        click.echo(f"{device.index:3d}  {device.name}, {device.channels} ch, {device.rate_hz} Hz, {takes}{default}")
