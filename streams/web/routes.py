from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from streams.web.hub import Viewer
from streams.web.live import state_of


def api_routes(context: Any) -> list[Route]:
    async def state(request: Request):
        return JSONResponse(state_of(context))

    async def recent(request: Request):
        return JSONResponse({**context.hub.recent(), "mel": await context.painted(new=False)})

    async def stream(request: Request):
        return StreamingResponse(_messages(context), media_type="text/event-stream")

    return [Route("/api/state", state), Route("/api/recent", recent), Route("/api/stream", stream)]


async def _messages(context: Any):
    viewer = Viewer()
    context.hub.viewers.add(viewer)
    try:
        async for one in viewer.messages():
            yield one
    finally:
        context.hub.viewers.discard(viewer)
