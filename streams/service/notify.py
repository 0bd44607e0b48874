"""sd_notify: tells systemd that the listener is ready, alive or stopping. Without systemd it does nothing.

The protocol is one datagram a message (man sd_notify), so no library is needed for it.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping


class Notifier:
    """Set up by NOTIFY_SOCKET and WATCHDOG_USEC, as systemd starts a unit of Type=notify."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        path = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        ours = environment.get("WATCHDOG_PID") in (None, str(os.getpid()))
        self._every_s = int(environment.get("WATCHDOG_USEC") or 0) / 2e6 if ours else 0.0  # twice as often as it asks
        self._alive_at = 0.0
        self._ready = False

    def tell(self, *lines: str) -> None:
        """Such as `READY=1` and `STATUS=...`. A systemd that does not listen is nothing to fail for."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to_systemd:
                to_systemd.setblocking(False)
                to_systemd.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            pass

    def alive(self) -> None:
        """Call it whenever the listener comes round; the first time it is ready."""
        if not self._ready:
            self._ready = True
            self.tell("READY=1")
        if self._every_s and (now := time.monotonic()) >= self._alive_at + self._every_s:
            self._alive_at = now
            self.tell("WATCHDOG=1")
