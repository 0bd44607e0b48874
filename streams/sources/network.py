"""Sound from the network, as a source: whatever FFmpeg opens by an address, in a process for each."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pace_edge.errors import AudioError
from pace_edge.media import INSTALL, has_ffmpeg
from streams.sources.recorded import of_name
from streams.sources.watchdog import Patience
from streams.sources.watched import Watched

PATIENCE = Patience(opening_s=30.0, stuck_s=30.0)  # what comes in segments comes every ten seconds
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def is_address(words: str) -> bool:
    return _ADDRESS.match(words) is not None


def open_stream(
    url: str, *, rate_hz: int, channel: int | None = None, patience: Patience | None = None, restart: bool = True,
    wait: bool = False, realtime: bool = False, ring_s: float = 30.0, news_s: float = 60.0,
    recorded_unix_s: float | None = None,
) -> Watched:  # fmt: skip
    """A network stream (http, https, rtsp, rtmp, ...) in any format and container that FFmpeg knows.

    A live one that breaks off is opened again, for ever; a recording goes on where it broke off, and ends; `realtime`
    paces it. `ring_s`: so much of a live stream waits for a slow reader; servers send some seconds at once.
    `recorded_unix_s`: when a recording's first sample was made; else as its name tells it.
    """
    if not has_ffmpeg():
        raise AudioError("network streams need PyAV", do=f"Install it: `{INSTALL}`.")
    name, patience = f"stream {without_secrets(url)}", patience or PATIENCE
    job = {"do": "network", "url": url, "name": name, "ring_s": ring_s, "timeout_s": patience.opening_s}
    source = Watched(
        job, name=name, rate_hz=rate_hz, channel=channel, patience=patience, restart=restart, wait=wait,
        realtime=realtime, news_s=news_s,
    )  # fmt: skip
    if recorded_unix_s is None:
        recorded_unix_s = of_name(urlsplit(url).path.rpartition("/")[2])
    source.recorded_unix_s = recorded_unix_s
    return source


def without_secrets(url: str) -> str:
    """The address as it may be shown: without user, password and what follows a question mark."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
