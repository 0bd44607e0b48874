"""Opens the sources that are set, and hands a listener what comes from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import time
from typing import Any, Protocol

import numpy as np

from pace_edge.config import DEMO_RECORDING
from pace_edge.errors import DeviceError
from streams.configuration.settings import Settings
from streams.heard import SourceState
from streams.sources.recorded import parse_time
from streams.sources.several import Arrival, number_namesakes
from streams.sources.source import Source, open_source
from streams.sources.standard_input import RawPcm
from streams.sources.watchdog import Patience
from streams.words import Say


def open_configured(settings: Settings, rate_hz: int, say: Say) -> list[Source]:
    """The sources as set, not yet entered; with none set and no microphone there, the recording that ships."""
    watchdog = settings.watchdog
    live: dict[str, Any] = {
        "rate_hz": rate_hz, "realtime": settings.realtime, "restart": watchdog.restart, "wait": watchdog.wait,
        "patience": Patience(**watchdog.arguments("restart", "wait")),
    }  # fmt: skip
    if not settings.sources:
        try:
            return [open_source(None, **live)]
        except DeviceError as error:
            say(f"{error} Meanwhile, here is the recording that ships with pace-edge:")
            return [open_source(str(DEMO_RECORDING), **live)]
    opened = []
    for one in settings.sources:
        pcm = RawPcm(**settings.pcm.arguments()) if one.input == "-" else None
        recorded_unix_s = parse_time(one.recorded_at) if one.recorded_at else None
        source = open_source(one.input, channel=one.channel, pcm=pcm, recorded_unix_s=recorded_unix_s, **live)
        source.name = one.name or source.name
        opened.append(source)
    number_namesakes(opened)
    return opened


def open_again(settings: Settings, rate_hz: int, say: Say) -> list[Source]:
    """Other sources while listening goes on: what cannot be opened is waited for."""
    patient = settings.watchdog.model_copy(update={"wait": True})
    return open_configured(settings.model_copy(update={"watchdog": patient}), rate_hz, say)


@dataclass
class _Stream:
    """An arrival's source as the listener asks it."""

    name: str
    dropped: int
    overflows: int
    away: int | None
    live: bool
    recorded_unix_s: float | None
    came_unix_s: float | None
    file: str | None
    told: list[SourceState]

    def news(self) -> list[SourceState]:
        told, self.told = self.told, []
        return told


class TakesSound(Protocol):
    def push(self, source: str, chunk: np.ndarray, *, start_s: float) -> None: ...


def chunks_of(
    arrivals: Iterable[Arrival], takers: Sequence[TakesSound], rate_hz: int
) -> Iterator[tuple[Any, np.ndarray]]:
    """What arrives as `Listener.run_several` takes it; `takers` get the sound too. A stream's end is news."""
    given: dict[str, int] = {}
    for arrival in arrivals:
        news = [*arrival.news]
        told = any((state.source, state.state) == (arrival.source, "ended") for state in news)
        if arrival.ended and not told:
            news.append(SourceState(arrival.source, "ended", f"{arrival.source} is over", time()))
        if takers and len(arrival.chunk):
            before = given.get(arrival.source, 0)
            for taker in takers:
                taker.push(arrival.source, arrival.chunk, start_s=(before + arrival.dropped) / rate_hz)
            given[arrival.source] = before + len(arrival.chunk)
        if arrival.ended:
            given.pop(arrival.source, None)
        yield _Stream(
            arrival.source, arrival.dropped, arrival.overflows, arrival.away, arrival.live, arrival.recorded_unix_s,
            arrival.came_unix_s, arrival.file, news,
        ), arrival.chunk  # fmt: skip
