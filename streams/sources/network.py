"""Sound from the network, as a source: whatever FFmpeg opens by an address, in a process for each."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pace_edge.errors import AudioError
from pace_edge.media import INSTALL, has_ffmpeg
from streams.sources.watchdog import Patience
from streams.sources.watched import Watched

PATIENCE = Patience(opening_s=30.0, stuck_s=30.0)  # what comes in segments comes every ten seconds
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def is_address(words: str) -> bool:
    return _ADDRESS.match(words) is not None


def open_stream(
    url: str, *, rate_hz: int, channel: int | None = None, patience: Patience | None = None, restart: bool = True,
    wait: bool = False, realtime: bool = False, ring_s: float = 30.0, news_s: float = 60.0,
) -> Watched:  # fmt: skip
    """A network stream (http, https, rtsp, rtmp, ...) in any format and container that FFmpeg knows.

    A live one that breaks off is opened again, for ever; a recording goes on where it broke off, and ends; `realtime`
    paces it. `ring_s`: so much of a live stream waits for a slow reader; servers send some seconds at once.
    """
    if not has_ffmpeg():
        raise AudioError("network streams need PyAV", do=f"Install it: `{INSTALL}`.")
    name, patience = f"stream {without_secrets(url)}", patience or PATIENCE
    job = {"do": "network", "url": url, "name": name, "ring_s": ring_s, "timeout_s": patience.opening_s}
    return Watched(
        job, name=name, rate_hz=rate_hz, channel=channel, patience=patience, restart=restart, wait=wait,
        realtime=realtime, news_s=news_s,
    )  # fmt: skip


def without_secrets(url: str) -> str:
    """The address as it may be shown: without user, password and what follows a question mark."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
