"""What is so now: the state, the stream of what is heard, health and the model."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pace_edge.inspection import inspection
from pace_edge.model_file import open_model
from streams.teaching.labels import check_health
from streams.teaching.teach import Teacher
from streams.web.guard import RefusedError, refusal
from streams.web.hub import Viewer

if TYPE_CHECKING:
    from streams.web.app import Context


def state_of(context: Context) -> dict[str, Any]:
    listener, options = context.listener, context.listener.options
    outputs, rule = context.settings.outputs, listener.rule()
    return {
        "version": version("pace-edge"), "now_unix_s": time.time(), "model": _model(context),
        "sources": context.hub.sources(), "ended": context.hub.ended(), "labels": listener.labels,
        "hidden": sorted(rule.hidden),
        "threshold": rule.threshold, "thresholds": dict(rule.thresholds), "household": dict(rule.household),
        "gain_db": options.gain_db,
        "counters": asdict(listener.counters),
        "keeps": {"clips": outputs.clips.folder is not None, "history": outputs.history.keep},
        "mel": context.studio.shape, "mel_words": context.studio.words, "viewers": len(context.hub.viewers),
        "token": context.tokens is not None,
    }  # fmt: skip


def _model(context: Context) -> dict[str, Any]:
    model, options = context.listener.ears.model, context.listener.options
    info = model.info
    return {
        "name": info.name, "sha256": model.sha256, "rate_hz": info.rate_hz,
        "window_s": info.window_samples / info.rate_hz, "hop_s": options.hop_samples(info) / info.rate_hz,
        "labels": list(info.labels), "background": info.background, "threshold": info.threshold,
        "backbone": info.backbone, "licence": info.licence,
    }  # fmt: skip


async def state(context: Context, _asked: None, _request: Request) -> dict[str, Any]:
    return state_of(context)


async def recent(context: Context, _asked: None, _request: Request) -> dict[str, Any]:
    """The corrections are those that the listener has taken up: the desk knows newer ones, but may be long at work."""
    found, mel = context.hub.recent(), await context.studio.paint(context.hub)
    corrections = context.listener.ears.learner.corrections()
    events = [{**event, "corrected_to": corrections.get(event["id"])} for event in found["events"]]
    return {**found, "events": events, "mel": mel}


async def stream(context: Context, _asked: None, _request: Request) -> Response:
    if len(context.hub.viewers) >= context.settings.web.viewers:
        return refusal(
            RefusedError(503, f"{context.settings.web.viewers} pages are open. Close one, or set web.viewers.", 5.0)
        )
    viewer = Viewer()
    context.hub.viewers.add(viewer)  # now, so that no more than allowed pass

    async def messages() -> AsyncIterator[bytes]:
        try:
            async for one in viewer.messages():
                yield one
        finally:
            context.hub.viewers.discard(viewer)

    return StreamingResponse(messages(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def health(context: Context, _asked: None, _request: Request) -> dict[str, Any]:
    def work(teacher: Teacher) -> dict[str, Any]:
        drifted = [asdict(one) for one in check_health(teacher.learner)]
        return {"labels": drifted, "journal": {"file": str(teacher.learner.journal.path), "damage": teacher.warnings()}}

    return {
        **await context.desk.do(work), "counters": asdict(context.listener.counters),
        "sinks": {name: asdict(counts) for name, counts in context.sinks().items()},
        "alive_s": round(time.monotonic() - context.alive_at_s, 3),
    }  # fmt: skip


async def model(context: Context, _asked: None, _request: Request) -> dict[str, Any]:
    ears = context.listener.ears
    found = await context.desk.ask(lambda: inspection(open_model(ears.model.path)))
    return {
        **_model(context), "file": found["file"], "bytes": found["bytes"], "runs_on": ears.encoder.in_words(),
        "provenance": found["provenance"], "parity": found["parity"],
    }  # fmt: skip
