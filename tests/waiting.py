"""Waiting for what another thread, process or device does: for a condition, never for a time.

A limit is only there so that a test that will not succeed ends; it is far above what a busy machine
needs: with twenty processes for two cores, a script that loads torch in three processes took over two minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 300.0


def wait_until(true: Callable[[], object], what: str = "", within_s: float = PATIENCE_S) -> None:
    end, pause_s = time.monotonic() + within_s, 0.01
    while not true():
        assert time.monotonic() < end, f"it did not happen: {what}"
        time.sleep(pause_s)
        pause_s = min(1.2 * pause_s, 0.2)  # what is asked may be a server that refuses who asks too often
