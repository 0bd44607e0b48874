"""The web server: a sink that keeps references, and uvicorn in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from pace_edge.errors import PaceEdgeError
from streams.configuration.settings import Settings
from streams.heard import Heard
from streams.listening.listener import Listener
from streams.sinks.reports import Reports
from streams.sinks.sink import Counts
from streams.web.hub import Hub
from streams.web.tape import Tape

START_S = 120.0  # on a busy machine
CLOSE_S = 5.0
CONNECTIONS = 200  # at once; more are told to come again


class Web:
    """Serves from `open` to `close`. `write` and `push` are the listener's, and cost it a reference each.

    Raises PaceEdgeError where the address cannot be served, or the extra is missing.
    """

    name = "web"

    def __init__(
        self, settings: Settings, listener: Listener, reports: Reports, *,
        sinks: Callable[[], Mapping[str, Counts]] = dict, switch: Callable[[Settings], None] | None = None,
    ) -> None:  # fmt: skip
        try:
            import starlette  # noqa: F401
            import uvicorn
        except ImportError:
            raise PaceEdgeError(
                "the page needs Starlette and uvicorn", do="Install them with: pip install 'pace-edge[web]'"
            ) from None
        from streams.web.app import Context, app_of
        from streams.web.protocol import ImpatientProtocol

        self.hub, self.tape = Hub(), Tape(listener.rate_hz)
        self._counts, self._reports = Counts(), reports
        self._socket = _bound(*address_of(settings.web.serve or ""))
        self.address, self.port = self._socket.getsockname()[:2]
        address = ipaddress.ip_address(self.address)
        try:
            self._context = Context(
                settings, listener, self.hub, self.tape, reports, local=address.is_loopback, sinks=sinks, switch=switch
            )
        except BaseException:
            self._socket.close()
            raise
        config = uvicorn.Config(
            app_of(self._context), http=ImpatientProtocol, ws="none", lifespan="off", log_config=None,
            log_level="critical", access_log=False, server_header=False, proxy_headers=False, timeout_keep_alive=15,
            timeout_graceful_shutdown=1, limit_concurrency=CONNECTIONS, h11_max_incomplete_event_size=16384,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)
        self._thread.start()
        if not self._ready.wait(START_S):
            raise PaceEdgeError(f"the page did not start within {START_S:g} s", do="Try again, or leave --web out.")
        host = socket.gethostname() if address.is_unspecified else str(address)
        reports.say(f"the page is on http://{f'[{host}]' if ':' in host else host}:{self.port}")

    def write(self, heard: Heard) -> None:
        self._counts.written += 1
        self.hub.put(heard)

    def push(self, source: str, chunk: Any, *, start_s: float) -> None:
        """float32 mono [samples], for the spectrogram; `start_s`: the first one's time in the stream."""
        self.tape.push(source, chunk, start_s=start_s)

    def alive(self) -> None:
        """Call it whenever the listener comes round."""
        self._context.alive_at_s = time.monotonic()

    def counts(self) -> Counts:
        self._counts.discarded = self.hub.lost
        return self._counts

    def close(self) -> None:
        if self._loop is not None:
            self._server.should_exit = True
            with contextlib.suppress(RuntimeError):  # it is over already
                self._loop.call_soon_threadsafe(self.hub.end)
        self._thread.join(CLOSE_S)
        self._context.close()
        self._socket.close()

    def _serve(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self.hub.bind(self._loop)
            painting = asyncio.create_task(self._context.studio.go_on(self.hub))
            painting.add_done_callback(self._painted)
            self._ready.set()
            await self._server.serve(sockets=[self._socket])
            painting.cancel()

        try:
            asyncio.run(serve())
        except Exception as error:  # a fault of ours, which must not end in a silent thread
            self._reports.say(f"the page has ended, listening goes on: {error!r}")

    def _painted(self, painting: asyncio.Task[None]) -> None:
        if not painting.cancelled() and (error := painting.exception()) is not None:
            self._reports.say(f"the spectrogram is drawn no more, all else goes on: {error!r}")


def address_of(text: str) -> tuple[str, int]:
    """ "ADDRESS:PORT", "[ADDRESS]:PORT" or "PORT" as address and port; this machine alone unless said otherwise."""
    address, _, port = text.rpartition(":")
    return address.strip("[]") or "127.0.0.1", int(port)


def _bound(address: str, port: int) -> socket.socket:
    try:
        kind, _, protocol, _, place = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(kind, socket.SOCK_STREAM, protocol)  # asyncio sends at once only where it is TCP
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(place)
            bound.listen(128)
        except BaseException:
            bound.close()
            raise
    except (OSError, OverflowError) as error:
        words = getattr(error, "strerror", None) or error
        raise PaceEdgeError(
            f"the page cannot be served on {address}:{port} ({words})", do="Choose another address or port: --web."
        ) from None
    return bound
