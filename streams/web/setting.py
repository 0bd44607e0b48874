"""What can be set over the API while it listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from pace_edge.label_check import tidied_label
from pace_edge.rates import THRESHOLDS, Counts, rate_of
from streams.configuration.configure import settings_values
from streams.configuration.settings_file import shown_toml
from streams.teaching.confusion import kept_shares
from streams.teaching.rates import counts_here
from streams.teaching.teach import Teacher
from streams.web.asked import ChangeSettings, OneLabel, Threshold

if TYPE_CHECKING:
    from streams.web.app import Context


async def settings(context: Context, _asked: None, _request: Request) -> dict[str, Any]:
    in_force = context.controls.settings
    rule = context.listener.rule(await context.taught())
    return {
        "gain_db": in_force.windows.gain_db, "threshold": rule.threshold, "thresholds": dict(rule.thresholds),
        "sources": [{"name": s.name or "", "input": s.input, "channel": s.channel} for s in in_force.sources],
        "kept_in": str(context.controls.path),
        "values": [{"key": ".".join(map(str, path)), "value": shown_toml(v)} for path, v in settings_values(in_force)],
    }  # fmt: skip


async def set_threshold(context: Context, asked: Threshold, request: Request) -> dict[str, Any]:
    label, taught = tidied_label(asked.label) if asked.label.strip() else "", await context.taught()
    return await _set(context, lambda: context.controls.set_threshold(label, asked.threshold, taught), request)


async def change_settings(context: Context, asked: ChangeSettings, request: Request) -> dict[str, Any]:
    def work() -> None:
        if asked.source is not None:  # first, as it is what may fail
            context.controls.set_source(asked.source.name, asked.source.device)
        if asked.gain_db is not None:
            context.controls.set_gain(asked.gain_db)

    return await _set(context, work, request)


async def _set(context: Context, work: Callable[[], None], request: Request) -> dict[str, Any]:
    try:
        await context.desk.ask(work)
    finally:
        context.tell_state()
    return await settings(context, None, request)


async def devices(context: Context, _asked: None, _request: Request) -> dict[str, Any]:
    from streams.sources.microphone import input_devices

    found = await context.desk.ask(input_devices)
    return {
        "devices": [
            {"index": d.index, "name": d.name, "channels": d.channels, "rate_hz": d.rate_hz, "default": d.default}
            for d in found
        ]
    }


async def scores(context: Context, asked: OneLabel, _request: Request) -> dict[str, Any]:
    bins, counts = context.hub.scores.of(asked.label)
    """`kept`: of the other sounds that the model keeps, the share that would be announced at each threshold."""
    beside = context.listener.rule().beside

    def work(teacher: Teacher) -> tuple[Counts, list[float]]:
        learner = teacher.learner
        counted = counts_here(learner).get(asked.label, Counts())
        return counted, kept_shares(learner, asked.label, THRESHOLDS, beside=beside)

    here, kept = await context.desk.do(work)
    rates = [asdict(rate_of(here, threshold)) for threshold in THRESHOLDS]
    return {"label": asked.label, "bins": bins, "counts": counts, "here": rates, "kept": kept}
