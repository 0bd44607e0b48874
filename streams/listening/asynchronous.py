"""Listening in an asyncio program: the blocking loop runs in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pace_edge.model_file import Model
from streams.heard import Heard
from streams.listening.listener import listen
from streams.listening.options import Options

if TYPE_CHECKING:
    from streams.sources.source import AnySource

_WAITING = 256  # reports that may wait for whoever listens; then listening waits, and its source counts what is lost
_POLL_S = 0.1
_LEAVE_S = 5.0  # a source that blocks for longer is left to end by itself


async def alisten(
    model: str | Path | Model | None = None,
    source: AnySource = None,
    *,
    rate_hz: float | None = None,
    channel: int | None = None,
    realtime: bool = True,
    journal: str | Path | None = None,
    options: Options | None = None,
    events_only: bool = False,
) -> AsyncGenerator[Heard, None]:
    """`listen` for `async for`: the same arguments, reports and errors.

    When the task is cancelled or the generator is closed, the source and the journal are closed too, after the chunk
    that is being heard. To end it as soon as a loop is left: `async with contextlib.aclosing(alisten()) as heard`.

    >>> import pace_edge
    >>> import asyncio
    >>> async def labels(path):
    ...     events = pace_edge.alisten(source=path, realtime=False, events_only=True)
    ...     return [event.label async for event in events if event.state == "start"]
    >>> asyncio.run(labels("demo.flac"))[:2]
    ['rooster', 'dog_bark']
    """
    loop, reports = asyncio.get_running_loop(), asyncio.Queue[Heard | BaseException | None]()
    room, left = threading.Semaphore(_WAITING), threading.Event()

    def hand_over(report: Heard | BaseException | None) -> None:
        while not left.is_set() and not room.acquire(timeout=_POLL_S):
            pass
        if not left.is_set():
            with suppress(RuntimeError):  # the program is over, and its event loop closed
                loop.call_soon_threadsafe(reports.put_nowait, report)

    def work() -> None:
        try:
            heard = listen(
                model, source, rate_hz=rate_hz, channel=channel, realtime=realtime, journal=journal, options=options,
                events_only=events_only, stop=left,
            )  # fmt: skip
            for report in heard:
                hand_over(report)
            hand_over(None)
        except BaseException as error:
            hand_over(error)

    thread = threading.Thread(target=work, name="pace-edge listener", daemon=True)
    thread.start()
    try:
        while (report := await reports.get()) is not None:
            room.release()
            if isinstance(report, BaseException):
                raise report
            yield report
    finally:
        left.set()
        await asyncio.to_thread(thread.join, _LEAVE_S)
