"""Listening in one call: `listen` for `for`, and `alisten` for `async for`, whose loop runs in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pace_edge.arguments import check_type, shown
from pace_edge.errors import UsageError
from pace_edge.model_file import Model
from streams.configuration.place import place
from streams.heard import Event, Heard
from streams.listening.listener import Listener
from streams.listening.options import Options
from streams.sources.source import check_source, is_sound, source_of

if TYPE_CHECKING:
    from streams.sources.source import AnySource

_WAITING = 256  # reports that may wait for whoever listens; then listening waits, and its source counts what is lost
_POLL_S = 0.1
_LEAVE_S = 5.0  # a source that blocks for longer is left to end by itself


def listen(
    model: str | Path | Model | None = None,
    source: AnySource = None,
    *,
    rate_hz: float | None = None,
    channel: int | None = None,
    realtime: bool = True,
    journal: str | Path | None = None,
    options: Options | None = None,
    events_only: bool = False,
    stop: threading.Event | None = None,
) -> Iterator[Heard]:
    """Listen until the source ends, or `stop` is set: then after the next chunk, with the ends of what is going on.

    `model` and `journal`: None, as configured in the environment or config.toml, else the starter and the file of the
    model's name. `source`: None, the default microphone; a microphone's number or part of its name; a file or folder,
    as a str or Path; an address; "-" for PCM on standard input; an array, or an iterable of arrays, of `rate_hz`
    samples per second, as `Teacher.learn` takes them; or an opened `Source`. `channel`: this one alone, the first is 1;
    else their average. `realtime`: play a file or an array at its own speed; of an iterable: its sound is made as it
    comes, so that the clock has its time. `options`: thresholds, gate, provider and all else.

    It yields all that a listener reports; with `events_only` events alone. An argument of a wrong type raises
    UsageError at once; what cannot be opened or heard raises the errors of `pace_edge.errors` when it is met.

    >>> import pace_edge
    >>> events = pace_edge.listen(source="demo.flac", realtime=False, events_only=True)
    >>> [event.label for event in events if event.state == "start"][:2]
    ['rooster', 'dog_bark']
    """
    _check_arguments(model, options, stop)
    check_source(source, rate_hz)
    return _listen(model, source, rate_hz, channel, realtime, journal, options, events_only, stop)


def _check_arguments(model: object, options: object, stop: object) -> None:
    do = "The first argument is the model; the sound is source=."
    if isinstance(model, str | Path) and is_sound(str(model)):
        raise UsageError(f"listen({shown(model)}) names no model", do=do)
    check_type("model", model, (str, Path, Model, type(None)), "a model file, a Model or None", do=do)
    check_type("options", options, (Options, type(None)), "pace_edge.Options(...)")
    check_type("stop", stop, (threading.Event, type(None)), "a threading.Event")


def _listen(
    model: str | Path | Model | None, source: AnySource, rate_hz: float | None, channel: int | None, realtime: bool,
    journal: str | Path | None, options: Options | None, events_only: bool, stop: threading.Event | None,
) -> Iterator[Heard]:  # fmt: skip
    found = place(model, journal=journal)
    model = found.load()
    opened = source_of(source, to_hz=model.info.rate_hz, realtime=realtime, rate_hz=rate_hz, channel=channel)
    with Listener(model, found.journal_of(model), options, stop=stop) as listener:
        for heard in listener.run(opened):
            if isinstance(heard, Event) or not events_only:
                yield heard


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
