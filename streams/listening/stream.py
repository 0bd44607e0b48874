"""One source's sound on its way to the ears: gain, windows, gate, and the events that go on in it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pace_edge.audio import block_levels_dbfs
from pace_edge.heard_memory import BLOCK_S, HeardWindow
from streams.heard import Event, Gap, GapCause, Window
from streams.listening.ears import Ears, Verdict
from streams.listening.edges import Edges, Levels
from streams.listening.events import EventState, finish, step
from streams.listening.gate import Gate
from streams.listening.memory import Part
from streams.listening.options import Options
from streams.listening.windows import Windower

FULL_SCALE = 32767 / 32768  # of 16 bits, which most devices have


class Stream:
    """`live`: its sound comes as it is made, so that the clock has its time; else it is a recording, which may be read
    faster, and whose first sample has the time `recorded_unix_s`, if that is known."""

    def __init__(self, name: str, ears: Ears, options: Options) -> None:
        self.name = name
        self.live = True
        self.came_unix_s = 0.0  # when the newest sample was made, if the sound comes as it is made
        self.recorded_unix_s: float | None = None
        self.rate_hz = ears.info.rate_hz
        self.session = uuid.uuid4().hex
        self.dropped = self.away = self.overflows = 0  # of the source, as far as they were reported
        self.windower = Windower(ears.window, ears.hop)
        self._levels = Levels(self.rate_hz)
        self.gate = Gate(self.rate_hz, loudest_dbfs=options.gate_dbfs, speech=options.speech)
        self.adjust(options)
        self._events = EventState(source=name, session=self.session[:12])

    def is_of(self, *, live: bool, recorded_unix_s: float | None, file: str | None) -> None:
        """What is known of the sound; `file`: the recording's path."""
        self.live, self.recorded_unix_s = live, recorded_unix_s
        self._events = replace(self._events, file=file)

    def adjust(self, options: Options) -> None:
        """Take the gain of these options from the next chunk on."""
        self._gain = 10 ** (options.gain_db / 20)

    def cut(self, chunk: np.ndarray) -> list[tuple[int, np.ndarray]]:
        """The windows that this chunk completes: (position of the first sample, samples), good until the next call."""
        if self._gain != 1.0:
            chunk = np.clip(chunk * self._gain, -1.0, 1.0)
        self._levels.push(chunk, window=self.windower.window)
        return self.windower.push(chunk)

    def rest(self, ears: Ears) -> list[tuple[int, np.ndarray]]:
        """The sound is over: the windows of its end, padded with silence, as many as an event takes."""
        return self.windower.rest(ears.rule.min_hits)

    def sound(self, start: int, samples: np.ndarray) -> tuple[int, np.ndarray]:
        """Of a window that may be padded: where its sound starts, and that sound."""
        first = max(start, self.windower.begin)
        return first, samples[first - start : self.windower.end - start]

    def window(self, start: int, sound: np.ndarray, level_dbfs: float, verdict: Verdict) -> Window:
        end = start + len(sound)
        at_unix_s, heard_unix_s = self._times(end)
        return Window(
            start / self.rate_hz, end / self.rate_hz, verdict.label, verdict.score, level_dbfs, self.name, at_unix_s,
            verdict.top, float(np.mean(np.abs(sound) >= FULL_SCALE)), verdict.scores, heard_unix_s,
            verdict.sounds_like,
        )  # fmt: skip

    def remembered(self, window: Window, sound: np.ndarray, embedding: np.ndarray) -> HeardWindow:
        """What the memory keeps of a window with this sound [samples] that the model heard."""
        return HeardWindow(
            window.start_s, window.end_s, window.level_dbfs, embedding, window.heard_unix_s, window.label,
            window.score, window.clipped, block_levels_dbfs(sound, round(BLOCK_S * self.rate_hz)),
        )  # fmt: skip

    def _times(self, end: int) -> tuple[float | None, float]:
        """When the sound before this position was made, and when it was heard."""
        if self.live:
            came = self.came_unix_s - (self.windower.end - end) / self.rate_hz  # what came after it is younger
            return came, came
        return None if self.recorded_unix_s is None else self.recorded_unix_s + end / self.rate_hz, time.time()

    def events(self, window: Window, verdict: Verdict, ears: Ears) -> list[Event]:
        self._events, events = step(self._events, window, verdict.scores, ears.rule, self._edges(window))
        return events

    def _edges(self, window: Window) -> Edges:
        start, end = round(window.start_s * self.rate_hz), round(window.end_s * self.rate_hz)
        is_whole = start == self.windower.begin and end - start < self.windower.window  # all windows hold all the sound
        return self._levels.edges(start, end, end - start if is_whole else self.windower.hop)

    def part(self, windows: Sequence[HeardWindow] = (), events: Sequence[Event] = ()) -> Part:
        """For the memory: these windows and events, with what it knows of itself."""
        going = [
            sound.as_event("update", self.name, self._events.file)
            for sound in self._events.sounds
            if sound.id and not sound.ended
        ]
        heard_to_s = self.windower.end / self.rate_hz
        return Part(self.session, self.name, self.live, heard_to_s, windows, events, going)

    def skip(self, samples: int, ears: Ears, cause: GapCause) -> list[Gap | Event]:
        """So many samples are missing before the next chunk: no window spans the gap, and no event a long one."""
        start, end = self.windower.skip(samples)
        self._levels.skip(end)
        events = self.finish() if samples > ears.hop * ears.rule.max_misses else []
        return [*events, Gap(start / self.rate_hz, end / self.rate_hz, self.name, cause)]

    def finish(self) -> list[Event]:
        """End what goes on."""
        self._events, events = finish(self._events)
        return events

    def swap(self, ears: Ears) -> list[Event]:
        """Go on with another model and the same sound. Ends what the new one does not know or does not announce."""
        self.windower = self.windower.resized(ears.window, ears.hop)
        gone = {sound.label for sound in self._events.sounds} - ears.announced()
        self._events, events = finish(self._events, gone)
        return events
