"""A listener as a service: from settings to what is heard, for weeks, with graceful ends and new models.

SIGTERM and SIGINT end it as the end of its input would: what goes on gets its end, and every sink is closed. SIGHUP
reads the model file again: a changed one takes over at the next chunk, a bad one is told and the old one goes on.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TextIO, TypeVar

from pace_edge.model_file import Model
from streams.configuration.place import place_of
from streams.configuration.settings import Settings
from streams.listening.listener import Listener
from streams.listening.options import options_of
from streams.service.notify import Notifier
from streams.service.opening import TakesSound, chunks_of, open_again, open_configured
from streams.service.outputs import chosen_labels, open_clips, open_sinks, open_stdout
from streams.service.reload import Reloader
from streams.service.signals import Signals
from streams.sinks.reports import Reports
from streams.sinks.together import Sinks
from streams.sources.files import Folder
from streams.sources.switching import Switch
from streams.words import Voice

T = TypeVar("T")


def run(settings: Settings, *, stdout: TextIO | None = None) -> signal.Signals | None:
    """Listen as set until the sources end or a signal asks to stop; returns that signal. Data goes to `stdout`, words
    to standard error. Signals are only heard in the main thread. Raises the errors of `pace_edge.errors`."""
    voice = Voice(settings.log.time)
    reports = Reports(voice.say, every_s=settings.log.repeat_s)
    switch = Switch()
    turns: list[Callable[[], None]] = []  # called whenever the listener comes round
    with ExitStack() as stack:
        place = place_of(settings)
        model = place.load()
        rate_hz = model.info.rate_hz
        listener = stack.enter_context(Listener(model, place.journal_of(model), options_of(settings)))
        sources = open_configured(settings, rate_hz, voice.say)
        sinks = open_sinks(
            settings.outputs, reports, stack, rate_hz=rate_hz, labels=[*listener.labels, *listener.household],
            names_now=listener.names_now,
            several=len(sources) > 1 or any(isinstance(source, Folder) for source in sources),
        )  # fmt: skip
        if clips := open_clips(settings.outputs, reports, rate_hz=rate_hz, names_now=listener.names_now):
            sinks.append(clips)
        if settings.metrics.port is not None:
            from streams.sinks.metrics import Metrics

            metrics = Metrics(
                settings.metrics.port, settings.metrics.address, counters=lambda: listener.counters,
                sinks=lambda: together.counts(),
            )  # fmt: skip
            sinks.append(metrics)
            turns.append(metrics.alive)
        takers: list[TakesSound] = [clips] if clips else []
        if settings.web.serve is not None:
            from streams.web.server import Web

            web = Web(
                settings, listener, reports, sinks=lambda: together.counts(),
                switch=lambda changed: switch.to(open_again(changed, rate_hz, voice.say)),
            )  # fmt: skip
            sinks.append(web)
            takers.append(web)
            turns.append(web.alive)
        sinks += open_stdout(settings.outputs, stdout or sys.stdout, reports, voice, stack, title=model.info.name)
        together = stack.enter_context(Sinks(sinks, reports))
        voice.say(_introduction(model, listener, [source.name for source in sources]))
        voice.say(listener.in_words())
        for notice in listener.unknown_names(chosen_labels(settings.outputs)):
            together.write(notice)
        signals = stack.enter_context(Signals())
        notifier, reloader = Notifier(), Reloader(place, listener, model, voice.say)
        stack.callback(notifier.tell, "STOPPING=1")
        turns += [notifier.alive, lambda: reloader.follow(signals)]
        come = _until_stopped(switch.arrivals(sources), signals, turns)
        for heard in listener.run_several(chunks_of(come, takers, rate_hz)):
            together.write(heard)
    return signals.stop


def _introduction(model: Model, listener: Listener, names: Sequence[str]) -> str:
    return f"listening to {' and '.join(names)} with {model.info.name}: {len(listener.labels)} classes"


def _until_stopped(chunks: Iterator[T], signals: Signals, turns: Sequence[Callable[[], None]]) -> Iterator[T]:
    """The chunks; none after a stop was asked. All of `turns` are called before each."""
    while (chunk := signals.next_of(chunks)) is not None:
        for turn in turns:
            turn()
        yield chunk
