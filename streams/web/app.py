"""What the routes know: the listener and its settings, what was heard, and the threads that work for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles

from pace_edge.errors import JournalError
from pace_edge.operations import State
from streams.configuration.settings import Settings
from streams.listening.listener import Listener
from streams.sinks.reports import Reports
from streams.sinks.sink import Counts
from streams.web.controls import Controls
from streams.web.desk import Desk
from streams.web.guard import Guard
from streams.web.hub import Hub
from streams.web.studio import Studio
from streams.web.tape import Tape
from streams.web.tokens import Tokens, token_path
from streams.words import Say

PAGE = Path(__file__).parent / "page"
UPLOADS = 2  # at once
CALM_S = 0.2  # changes so close together are told once


class Context:
    """Opened in the listener's thread, used in the server's."""

    def __init__(
        self, settings: Settings, listener: Listener, hub: Hub, tape: Tape, reports: Reports, *, local: bool,
        sinks: Callable[[], Mapping[str, Counts]], switch: Callable[[Settings], None] | None,
    ) -> None:  # fmt: skip
        self.listener, self.hub, self.tape, self.reports, self.sinks = listener, hub, tape, reports, sinks
        self.controls = Controls(settings, listener, switch)
        self.desk = Desk(listener)
        self.studio = Studio(listener, tape)
        self.alive_at_s = time.monotonic()
        self.tokens = None if local and settings.web.token == "auto" else _tokens(settings, reports.say)
        hub.changed = self.tell_state
        self.uploads = asyncio.Semaphore(UPLOADS)
        self._telling = False

    @property
    def settings(self) -> Settings:
        return self.controls.settings

    async def taught(self) -> State:
        """What the journal comes to, as the desk knows it: it may be ahead of the listener, which takes a change up
        with the next sound. Without a journal that can be read, as the listener knows it."""
        try:
            return await self.desk.do(lambda teacher: teacher.learner.state)
        except JournalError:
            return self.listener.ears.learner.state

    def close(self) -> None:
        self.studio.close()
        self.desk.close()

    def tell_state(self) -> None:
        """To every open page, soon. In the loop's thread."""
        if not self._telling and self.hub.viewers:
            self._telling = True
            asyncio.get_running_loop().call_later(CALM_S, self._tell_state)

    def _tell_state(self) -> None:
        from streams.web.live import state_of

        self._telling = False
        self.hub.tell("state", state_of(self))


def app_of(context: Context) -> Any:
    """The ASGI application: the guard, the API, and the page's files for all else."""
    from streams.web.routes import api_routes

    app = Starlette(routes=api_routes(context))
    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return Guard(app, tokens=context.tokens, names=context.settings.web.names)


def _tokens(settings: Settings, say: Say) -> Tokens:
    tokens = Tokens(settings.web.token_file or token_path())
    if not tokens.exists:
        say(f"the page asks for this token, which is shown only now: {tokens.make()}")
    return tokens
