"""pace-edge bench"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pace_edge.cli import options
from pace_edge.cli.settings import configured
from pace_edge.config import DEMO_RECORDING
from pace_edge.errors import UsageError

if TYPE_CHECKING:
    from streams.bench import Comparison, Cost
    from streams.configuration.configure import Configuration


@click.command()
@click.option("--seconds", type=click.FloatRange(min=5, max=3600), default=120.0, show_default=True,
              help="Of sound to hear; a shorter recording is repeated.")  # fmt: skip
@click.option("--compare", "compares", is_flag=True, help="Compare with a loop that only calls ONNX Runtime.")
@options.as_json
@configured(without=("--json", "--no-realtime", "--journal", "--metrics", "--recorded-at"))
def bench(read: Callable[[], Configuration], seconds: float, compares: bool, as_json: bool) -> None:
    """Measure what listening costs here, with the settings that are in force.

    Without --input it hears a recording that ships with pace-edge, as fast as it goes; a microphone is heard at its own
    pace. Nothing that is heard is kept.

    A machine that is busy with other programs is measured all the same, with a remark that says so, and the exit code
    is 0. It is 1 where nothing could be heard.
    """
    from streams import bench as measure
    from streams.configuration.place import place_of
    from streams.listening.options import options_of
    from streams.service.opening import open_configured

    settings = read().settings
    if len(settings.sources) > 1:
        raise UsageError("one input at a time is measured", got=f"{len(settings.sources)}", do="Give one --input.")
    model, told = place_of(settings).load(), options_of(settings)
    input = settings.sources[0].input if settings.sources else str(DEMO_RECORDING)
    if input is not None and Path(input).is_file():
        sound = measure.sound_for(Path(input), model.info.rate_hz, seconds)
        cost = measure.measure_recording(model, Path(input).name, sound, told)
    else:
        (source,) = open_configured(settings, model.info.rate_hz, lambda words: click.echo(words, err=True))
        cost = measure.measure_source(model, source, seconds, told)
        sound = measure.sound_for(DEMO_RECORDING, model.info.rate_hz, seconds)
    comparison = measure.compare(model, sound, told) if compares else None
    if as_json:
        record = asdict(cost)
        if comparison is not None:
            record["compared"] = asdict(comparison) | {"ratio": comparison.ratio}
        record["remark"] = cost.remark()
        click.echo(json.dumps(record, ensure_ascii=False))
    else:
        click.echo("\n".join(_in_words(cost, comparison)))


def _in_words(cost: Cost, comparison: Comparison | None) -> list[str]:
    p50, p95, p99 = cost.latency_ms
    rows = [
        ("model", f"{cost.model}, a window every {cost.hop_s:g} s"),
        ("heard", f"{cost.sound_s:.0f} s of {cost.source}, {cost.windows} windows"),
        ("latency of a window", f"{p50:.1f} ms; 95 % within {p95:.1f} ms, 99 % within {p99:.1f} ms"),
        ("processor", f"{cost.core_percent:.1f} % of one core; {cost.more_models} more models would fit on it"),
    ]
    if cost.realtime_factor is not None:
        rows.append(("real-time factor", f"{cost.realtime_factor:.3f} s for a second of sound"))
    if cost.memory_mb is not None and cost.peak_memory_mb is not None:
        rows.append(("memory", f"{cost.memory_mb:.0f} MB now, {cost.peak_memory_mb:.0f} MB at most"))
    rows.append(("lost sound", f"{cost.dropped_samples} samples, {cost.overflows} overflows"))
    if comparison is not None:
        words = f"{comparison.ratio:.2f} times the processor time of a bare loop"
        rows.append(("compared", f"{words} ({comparison.listener_ms:.1f} and {comparison.bare_ms:.1f} ms a window)"))
    if remark := cost.remark():
        rows.append(("remark", remark))
    return [f"{name:<20} {words}" for name, words in rows]
