"""HTTP as uvicorn speaks it, but for clients that open a connection and do not get on with asking."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0


class ImpatientProtocol(H11Protocol):
    """Hangs up where no request's head came to its end for HEAD_S seconds, and none is being answered."""

    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def _look_again(self) -> None:
        self._look = self.loop.call_later(HEAD_S, self._hang_up_if_idle, self.cycle)

    def _hang_up_if_idle(self, since: object) -> None:
        """`self.cycle` is the latest request."""
        if self.cycle is since and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()
        else:
            self._look_again()
