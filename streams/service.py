"""A listener as a service: from settings to what is heard, for weeks, with graceful ends and new models.

SIGTERM and SIGINT end it as the end of its input would: what goes on gets its end, and every sink is closed. SIGHUP
reads the model file again: a changed one takes over at the next chunk, a bad one is told and the old one goes on.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Protocol, TypeVar

from pace_edge.config import DEMO_RECORDING, STARTER_MODEL
from pace_edge.errors import DeviceError, PaceEdgeError
from pace_edge.model_file import Model, open_model, read_model
from pace_edge.signature import check_signature
from streams.heard import Heard
from streams.learner import open_journal
from streams.listener import Listener
from streams.notify import Notifier
from streams.settings import ModelSettings, Settings
from streams.signals import Signals
from streams.sources import Source, open_source
from streams.words import Say

T = TypeVar("T")


class Sink(Protocol):
    """What takes all that is heard."""

    def write(self, heard: Heard) -> None: ...

    def close(self) -> None: ...


def run(settings: Settings, sinks: Sequence[Sink] = (), *, say: Say) -> signal.Signals | None:
    """Listen until the sources end or a signal asks to stop; returns that signal. `sinks` are closed at the end, `say`
    gets sentences for a person. Signals are only heard in the main thread. Raises the errors of `pace_edge.errors`."""
    with ExitStack() as stack:
        for sink in sinks:
            stack.callback(sink.close)
        model = load_model(settings.model)
        journal = stack.enter_context(open_journal(model, settings.journal.file))
        listener = stack.enter_context(Listener(model, journal, settings.options()))
        turns = [notifier := Notifier()]
        if settings.metrics.port is not None:
            from streams.metrics import Metrics

            metrics = Metrics(settings.metrics.port, settings.metrics.address, counters=lambda: listener.counters)
            stack.callback(metrics.close)
            sinks, turns = [*sinks, metrics], [*turns, metrics]
            say(f"metrics are on http://{settings.metrics.address}:{metrics.port}/metrics")
        source = stack.enter_context(open_configured(settings, model.info.rate_hz, say))
        say(f"listening to {source.name} with {model.info.name}: {len(listener.labels)} classes")
        say(listener.in_words())
        signals = stack.enter_context(Signals())
        stack.callback(notifier.tell, "STOPPING=1")
        notifier.tell("READY=1", f"STATUS=Listening to {source.name}")
        reloader = _Reloader(settings, listener, model.sha256, say)

        def turn() -> None:
            for one in turns:
                one.alive()
            if signals.reload:
                signals.reload = False
                reloader.start()

        chunks = ((source, chunk) for chunk in source)
        for heard in listener.run_several(_until_stopped(chunks, signals, turn)):
            for sink in sinks:
                sink.write(heard)
        reloader.wait()
    return signals.stop


def load_model(settings: ModelSettings) -> Model:
    """The model file as set, its signature and its parts checked. Raises ModelFileError or SignatureError."""
    file = open_model(settings.file or STARTER_MODEL)
    if settings.signed_by is not None:
        check_signature(file.path, file.sha256, settings.signed_by)
    return read_model(file)


def open_configured(settings: Settings, rate_hz: int, say: Say) -> Source:
    """The source as set; with none set and no microphone there, the recording that ships."""
    input, realtime = (settings.sources[0].input if settings.sources else None), settings.runtime.realtime
    try:
        return open_source(input, rate_hz=rate_hz, realtime=realtime)
    except DeviceError as error:
        if input is not None:
            raise
        say(f"{error} Meanwhile, here is the recording that ships with pace-edge:")
        return open_source(str(DEMO_RECORDING), rate_hz=rate_hz, realtime=realtime)


def _until_stopped(chunks: Iterator[T], signals: Signals, turn: Callable[[], None]) -> Iterator[T]:
    """The chunks; none after a stop was asked. `turn` is called before each."""
    while (chunk := signals.next_of(chunks)) is not None:
        turn()
        yield chunk


class _Reloader:
    """Reads the model file again, in a thread of its own, so that the sound goes on being heard."""

    def __init__(self, settings: Settings, listener: Listener, sha256: str, say: Say) -> None:
        self._settings, self._listener, self._sha256, self._say = settings, listener, sha256, say
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._reload, name="reload", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _reload(self) -> None:
        try:
            model = load_model(self._settings.model)
            if model.sha256 == self._sha256:
                self._say(f"{model.path} has not changed")
                return
            self._listener.swap(model, journal=self._settings.journal.file)
            self._sha256 = model.sha256
        except PaceEdgeError as error:
            self._say(f"the model stays as it was: {error}")
