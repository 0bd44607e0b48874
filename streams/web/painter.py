"""Draws the last minute's sound as the model's front end hears it: each frame once, and only when somebody asks."""

from __future__ import annotations

import base64
import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streams.web.mel import FLOOR_DB, FrontEnd
from streams.web.tape import Span, Tape


@dataclass
class _Strip:
    next_frame: int = 0  # of the stream: frame t covers the samples from t * hop - lead on
    done: deque[dict[str, Any]] = field(default_factory=deque)


class Painter:
    """Of one thread at a time. `gain` multiplies the sound, as the listener does before the model hears it."""

    def __init__(self, tape: Tape, front_end: FrontEnd) -> None:
        self.gain = 1.0
        self._tape, self._front_end = tape, front_end
        self._strips: dict[str, _Strip] = {}

    def paint(self) -> list[dict[str, Any]]:
        """The frames that are new since the last call, of every source, as they leave the program."""
        there = self._tape.sources()
        self._strips = {source: strip for source, strip in self._strips.items() if source in there}
        return [piece for source in there for piece in self._paint(source)]

    def recent(self) -> list[dict[str, Any]]:
        """The frames of the last minute that were painted, oldest first."""
        return [piece for strip in self._strips.values() for piece in strip.done]

    def shape(self) -> dict[str, Any]:
        """What its frames are."""
        f = self._front_end
        return {"mels": f.mels, "hop_s": f.hop / self._tape.rate_hz, "floor_db": FLOOR_DB}

    def _paint(self, source: str) -> list[dict[str, Any]]:
        """Every frame is painted in a window that holds all of its samples, so its pixels are those of any window."""
        span, f = self._tape.span(source), self._front_end
        if span is None:
            return []
        strip = self._strips.setdefault(source, _Strip())
        last = (span.end + f.lead - f.length) // f.hop  # that is whole
        if strip.next_frame > last + 1:  # the source began again
            strip.next_frame, strip.done = 0, deque()
        first = max(strip.next_frame, math.ceil((span.begin + f.lead) / f.hop))
        painted = []
        while first <= last:
            offset = first - math.ceil(f.lead / f.hop)  # in frames: where a window begins that has all of `first`
            pcm = self._tape.cut(source, offset * f.hop, offset * f.hop + f.window)
            pixels = f.pixels(np.clip(pcm * np.float32(self.gain), -1.0, 1.0))
            upto = min(last, offset + (f.window + f.lead - f.length) // f.hop)
            painted.append(self._piece(source, span, first, pixels[first - offset : upto - offset + 1]))
            first = upto + 1
        strip.next_frame = max(strip.next_frame, last + 1)
        strip.done.extend(painted)
        while strip.done and strip.done[0]["end_s"] < span.begin / self._tape.rate_hz:
            strip.done.popleft()
        return painted

    def _piece(self, source: str, span: Span, first: int, pixels: np.ndarray) -> dict[str, Any]:
        f, rate_hz = self._front_end, self._tape.rate_hz
        end = (first + len(pixels)) * f.hop
        return {
            "source": source, "start_s": round(first * f.hop / rate_hz, 4), "end_s": round(end / rate_hz, 4),
            "at_unix_s": round(span.at_unix_s - (span.end - end) / rate_hz, 4), "hop_s": f.hop / rate_hz,
            "mels": f.mels, "frames": len(pixels), "floor_db": FLOOR_DB,
            "data": base64.b64encode(pixels.tobytes()).decode(),
        }  # fmt: skip
