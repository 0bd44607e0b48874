"""Where the spectrogram is painted: a thread of its own, which has nothing to do while nobody looks."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pace_edge.errors import PaceEdgeError
from streams.listening.listener import Listener
from streams.web.hub import Hub
from streams.web.painter import Painter
from streams.web.tape import Tape

PAINT_EVERY_S = 0.25


class Studio:
    """`shape` says what the frames are, or None and `words` why there are none."""

    def __init__(self, listener: Listener, tape: Tape) -> None:
        self.shape: dict[str, Any] | None = None
        self.words = "nobody has looked yet"
        self._listener, self._tape = listener, tape
        self._painter: Painter | None = None
        self._model = ""
        self._thread = ThreadPoolExecutor(1, "web-mel")

    async def go_on(self, hub: Hub) -> None:
        """While somebody looks, the new frames to every page, four times a second."""
        while True:
            await asyncio.sleep(PAINT_EVERY_S)
            if hub.viewers:
                await self.paint(hub)

    async def paint(self, hub: Hub) -> list[dict[str, Any]]:
        """The frames of the last minute; those that are new go to every page."""
        known = self.shape, self.words
        new, recent = await asyncio.get_running_loop().run_in_executor(self._thread, self._paint)
        for piece in new:
            hub.tell("mel", piece)
        if known != (self.shape, self.words):
            hub.changed()
        return recent

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _paint(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """In the thread: the new frames, and those of the last minute."""
        model = self._listener.ears.model
        if model.sha256 != self._model:
            self._model, self._painter, self.shape = model.sha256, None, None
            from streams.web.mel import front_end

            with contextlib.suppress(PaceEdgeError):
                if (found := front_end(model)) is not None:
                    self._painter = Painter(self._tape, found)
                    self.shape = self._painter.shape()
            self.words = "" if self._painter else "this model's graph has no log-mel spectrogram that can be told"
        if self._painter is None:
            return [], []
        self._painter.gain = 10 ** (self._listener.options.gain_db / 20)
        return self._painter.paint(), self._painter.recent()
