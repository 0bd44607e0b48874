"""What the server answers with: the context that all routes share, and the application made of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles

from pace_edge.errors import PaceEdgeError
from streams.listener import Listener
from streams.settings import Settings
from streams.sinks.sink import Counts
from streams.web.hub import Hub
from streams.web.painter import Painter
from streams.web.tape import Tape
from streams.words import Say

PAGE = Path(__file__).parent / "page"
PAINT_EVERY_S = 0.25


class Context:
    """What the routes know: the listener and its settings, what was heard, and the threads that work for them."""

    def __init__(
        self, settings: Settings, listener: Listener, hub: Hub, tape: Tape, *, say: Say,
        sinks: Callable[[], Mapping[str, Counts]], switch: Callable[[Settings], None] | None,
    ) -> None:  # fmt: skip
        self.settings, self.listener, self.hub, self.tape = settings, listener, hub, tape
        self.say, self.sinks, self.switch = say, sinks, switch
        self.painter: Painter | None = None
        self.mel_words = "nobody has looked yet"
        self.token_needed = False
        self._painted_with = ""
        self._brush = ThreadPoolExecutor(1, "web-mel")

    def open(self, *, local: bool, port: int) -> None:
        self.local, self.port = local, port

    def close(self) -> None:
        self._brush.shutdown(wait=False, cancel_futures=True)

    async def paint(self) -> None:
        """While somebody looks, the new frames of the spectrogram to every page, four times a second."""
        while True:
            await asyncio.sleep(PAINT_EVERY_S)
            if self.hub.viewers:
                for piece in await self.painted(new=True):
                    self.hub.tell("mel", piece)

    async def painted(self, *, new: bool) -> list[dict[str, Any]]:
        """The frames that are new, or all of the last minute."""
        return await asyncio.get_running_loop().run_in_executor(self._brush, self._paint, new)

    def _paint(self, new: bool) -> list[dict[str, Any]]:
        """In the brush's thread alone."""
        model = self.listener.ears.model
        if model.sha256 != self._painted_with:
            self._painted_with, self.painter, self.mel_words = model.sha256, None, ""
            from streams.web.mel import front_end

            with contextlib.suppress(PaceEdgeError):
                if (found := front_end(model)) is not None:
                    self.painter = Painter(self.tape, found)
            if self.painter is None:
                self.mel_words = "this model's front end makes no log-mel spectrogram that could be shown"
        if self.painter is None:
            return []
        self.painter.gain = 10 ** (self.listener.options.gain_db / 20)
        painted = self.painter.paint()
        return painted if new else self.painter.recent()


def app_of(context: Context) -> Any:
    from streams.web.routes import api_routes

    app = Starlette(routes=api_routes(context))
    app.mount("/", StaticFiles(directory=PAGE, html=True, check_dir=False))
    return app
