"""The live view: what is heard right now, on a terminal's whole screen, which is given back as it was."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TextIO

from streams.heard import Heard
from streams.sinks.picture import Picture, say, step
from streams.sinks.sink import Counts

_REDRAW_S = 0.2


class LiveView:
    """A sink that draws on the terminal `stream`, five times a second at most, and only where something changed.

    `say` shows a message in it: pass it to `Reports`. `foot`: words for its last line, asked each time. `close` gives
    the screen back; it is also called when Python ends. A terminal that goes away ends the view, not the listener.
    """

    def __init__(
        self, stream: TextIO, *, title: str = "pace-edge", foot: Callable[[], str] = str, name: str = "live view"
    ) -> None:
        from rich.console import Console
        from rich.live import Live

        self.name = name
        self._console = Console(file=stream, highlight=False)
        self._title, self._foot = title, foot
        self._counts = Counts()
        self._picture, self._lock = Picture(), threading.Lock()
        self._started = time.monotonic()
        self._closing = threading.Event()
        self._live = Live(
            console=self._console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False,
            get_renderable=self._draw, vertical_overflow="crop",
        )  # fmt: skip
        self._live.start()
        atexit.register(self.close)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def write(self, heard: Heard) -> None:
        with self._lock:
            self._picture = step(self._picture, heard)
        self._counts.written += 1

    def say(self, words: str) -> None:
        with self._lock:
            self._picture = say(self._picture, words)

    def counts(self) -> Counts:
        return self._counts

    def close(self) -> None:
        atexit.unregister(self.close)
        if self._closing.is_set():
            return
        self._closing.set()
        self._thread.join(2.0)
        try:
            self._live.stop()
        except (OSError, ValueError):  # the terminal has gone
            self._counts.failed += 1

    def _run(self) -> None:
        drawn: tuple[object, ...] = ()
        while not self._closing.wait(_REDRAW_S):
            shows = (self._picture, self._console.size, self._now(), self._foot())
            if shows != drawn:
                drawn = shows
                try:
                    self._live.refresh()
                except (OSError, ValueError):  # ValueError: the stream was closed
                    self._counts.failed += 1
                    return

    def _now(self) -> str:
        return str(timedelta(seconds=int(time.monotonic() - self._started)))

    def _draw(self):
        from streams.sinks.drawing import draw

        size = self._console.size
        return draw(
            self._picture, title=f"{self._title}  {self._now()}", foot=self._foot(), width=size.width,
            height=size.height, ascii_only=self._console.options.ascii_only,
        )  # fmt: skip
