"""Sound that a program has already: one array, or arrays that come one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np

from pace_edge.audio import not_empty
from pace_edge.samples import CANCEL, TAKE_ONE, ArrayBlocks, as_sound
from streams.heard import SourceState

_CHUNK_S = 0.1


class ArraySource:
    """One array; with `realtime` each chunk arrives when its last sample would have been heard."""

    dropped = away = overflows = 0
    live = False
    recorded_unix_s: float | None = None

    def __init__(
        self, samples: Any, rate_hz: float, *, to_hz: int, realtime: bool, channel: int | None = None,
        name: str = "array",
    ) -> None:  # fmt: skip
        """`samples` at `rate_hz` and `channel`: as `pace_edge.samples.as_sound` takes them. Raises AudioError."""
        self.rate_hz, self.name = to_hz, name
        self._sound = as_sound(samples, rate_hz, to_hz=to_hz, channel=channel, name=f"this {name}")
        self._realtime = realtime

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def __iter__(self) -> Iterator[np.ndarray]:
        start, step = time.monotonic(), round(_CHUNK_S * self.rate_hz)
        for first in range(0, len(self._sound), step):
            chunk = self._sound[first : first + step]
            if self._realtime:
                time.sleep(max(0.0, start + (first + len(chunk)) / self.rate_hz - time.monotonic()))
            yield chunk

    def news(self) -> list[SourceState]:
        return []


class ArrayStream:
    """Arrays of any sizes as they come, each as `pace_edge.samples.as_sound` takes them; it is over when they are.

    `live`: they come as their sound is made, so that the clock has its time. A bad one is an AudioError when it comes.
    """

    dropped = away = overflows = 0
    recorded_unix_s: float | None = None

    def __init__(
        self, blocks: Iterable[Any], rate_hz: float, *, to_hz: int, live: bool, channel: int | None = None,
        name: str = "arrays",
    ) -> None:  # fmt: skip
        self.rate_hz, self.name, self.live = to_hz, name, live
        self._blocks, self._news = blocks, list[SourceState]()
        self._to_mono = ArrayBlocks(rate_hz, to_hz=to_hz, channel=channel, name=f"one of these {name}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def __iter__(self) -> Iterator[np.ndarray]:
        return not_empty(self._mono(), "this row of arrays")

    def news(self) -> list[SourceState]:
        news, self._news = self._news, []
        return news

    def _mono(self) -> Iterator[np.ndarray]:
        said = False
        for block in self._blocks:
            if len(chunk := self._to_mono.push(block)):
                yield chunk
            if self._to_mono.cancelled and not said:
                said = True
                self._news.append(SourceState(self.name, "silent", f"Its channels {CANCEL}. {TAKE_ONE}", time.time()))
        if len(chunk := self._to_mono.last()):
            yield chunk
