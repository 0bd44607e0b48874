"""A live source that comes back: recorded by another process, watched, and opened again when it is not well."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from pace_edge.audio import Resampler, check_channel, mono
from pace_edge.errors import DeviceError
from streams.heard import SourceState
from streams.sources.news import News
from streams.sources.recorder import Failed, Finished, Message, Opened, Recorder, Sound
from streams.sources.watchdog import AWAY, Do, Health, Patience, Saw, step

_TICK_S = 0.25  # short waits, so that Ctrl-C works and the reader may breathe
_NOTHING = np.empty(0, np.float32)


class Watched:
    """What the recording process of `job` hears, as float32 mono at `rate_hz`.

    While the source is away empty chunks come about four times a second. When it is back the time that it was away is
    in `dropped`, so that the stream goes on with the clock; a recording on the network goes on where it broke off.

    One that sends nothing from the start is a `DeviceError`, unless with `wait`; with `restart=False` one that is lost
    later is, too.
    """

    def __init__(
        self, job: dict[str, Any], *, name: str, rate_hz: int, channel: int | None = None,
        patience: Patience | None = None, restart: bool = True, wait: bool = False, realtime: bool = False,
        news_s: float = 60.0,
    ) -> None:  # fmt: skip
        """`channel`: this one alone, the first is 1; else all of them mixed. `realtime` paces a recording. `news_s`:
        the same state is told at most once in so many seconds."""
        self.name = name
        self.rate_hz = rate_hz
        self.dropped = 0  # samples at rate_hz, lost before the latest chunk
        self.away = 0  # of these, while the source itself was away
        self.recorded_unix_s: float | None = None  # of a recording
        self.overflows = 0  # times that the sound system lost samples itself; it does not say how many
        self.came_unix_s: float | None = None  # when the end of the latest chunk was made, however late it is read
        self.health = Health.opening(time.monotonic())
        self._job = job
        self._channel = channel
        self._patience = patience or Patience()
        self._restart = restart
        self._wait = wait
        self._realtime = realtime
        self._news = News(news_s)
        self._recorder: Recorder | None = None
        self._run: _Run | None = None
        self._given = 0  # samples at rate_hz
        self._taken_frames = 0  # of the source
        self._overflows_before = 0
        self._begin_s = math.nan  # of the stream, on the monotonic clock
        self._recording = False  # it was opened, and it ends
        self._heard = False
        self._closed = False

    def __enter__(self) -> Self:
        self.health = Health.opening(time.monotonic())
        self._recorder = Recorder(self._job)
        if not self._wait:
            try:
                self._open_at_once()
            except BaseException:
                self.__exit__()
                raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._closed = True
        self._close()

    def __iter__(self) -> Iterator[np.ndarray]:
        while self.health.state != "ended" and not self._closed:
            yield from self._turn()

    def news(self) -> list[SourceState]:
        return self._news.read(time.monotonic())

    def _open_at_once(self) -> None:
        assert self._recorder is not None
        match self._recorder.next(self._patience.opening_s):
            case Opened() as opened:
                self._begin(opened)
            case Failed(words):
                raise DeviceError(words)
            case _:
                raise DeviceError(f"{self.name} did not open within {self._patience.opening_s:g} s",
                                  do="Check its plug and the sound server.")  # fmt: skip

    def _turn(self) -> Iterator[np.ndarray]:
        message = self._next()
        saw: Saw = "nothing"
        why = ""
        match message:
            case Opened():
                self._begin(message)
            case Sound():
                samples = mono(message.samples, self._channel)
                if len(samples):
                    saw = "sound" if np.ptp(samples) or self._ends else "silence"  # a recording may be silent
                yield from self._take(message, samples)
            case Failed(words):
                saw, why = "lost", words
            case Finished():
                saw = "finished"
        before, now_s = self.health, time.monotonic()
        self.health, do = step(before, saw, now_s, self._patience)
        if do != "nothing":
            yield from self._change(do)
        self._tell(before, do, why, now_s)
        if message is None:
            yield _NOTHING

    def _next(self) -> Message | None:
        if (recorder := self._recorder) is not None:
            return recorder.next(_TICK_S)
        time.sleep(max(0.0, min(_TICK_S, self.health.retry_at_s - time.monotonic())))
        return None

    def _change(self, do: Do) -> Iterator[np.ndarray]:
        if self._run is not None:
            yield from self._give(self._run.resampler.last())
            if self._ends:
                self._job["skip_frames"] = self._taken_frames
            self._run = None
        self._close()
        if do in ("open", "reopen") and not self._closed:
            self._recorder = Recorder(self._job)

    def _close(self) -> None:
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None
            self._overflows_before = self.overflows

    def _begin(self, opened: Opened) -> None:
        check_channel(self._channel, opened.channels, self.name)
        self._job |= opened.again
        self._run = _Run(opened, Resampler(opened.rate_hz, self.rate_hz))
        self._recording = opened.ends

    def _take(self, sound: Sound, samples: np.ndarray) -> Iterator[np.ndarray]:
        """What to give of a block, with the time that was lost before it counted."""
        run = self._run
        assert run is not None
        lost = 0
        if not len(samples):
            pass
        elif run.fresh:
            lost = self._lost_by_the_clock(sound.at_s - len(samples) / run.opened.rate_hz)
            self.away += lost
        elif sound.lost_frames > run.lost_frames:
            lost = round((sound.lost_frames - run.lost_frames) * self.rate_hz / run.opened.rate_hz)
            yield from self._give(run.resampler.last())  # from before the loss, so it comes before it
            run.resampler = Resampler(run.opened.rate_hz, self.rate_hz)
        if len(samples):
            run.fresh, run.lost_frames = False, sound.lost_frames
        self.dropped += lost
        self.overflows = self._overflows_before + sound.overflows
        self._taken_frames += len(samples)
        if len(samples) and not self._ends:
            self.came_unix_s = sound.at_unix_s
        yield from self._give(run.resampler.push(samples))

    def _lost_by_the_clock(self, start_s: float) -> int:
        """Samples at rate_hz that are missing before one of that time."""
        if math.isnan(self._begin_s):
            self._begin_s = start_s
        if self._ends:
            return 0
        return max(0, round((start_s - self._begin_s) * self.rate_hz) - self._given - self.dropped)

    @property
    def live(self) -> bool:
        """Whether its sound comes as it is made; a recording on the network does not."""
        return not self._recording

    @property
    def _ends(self) -> bool:
        """It is a recording, not live."""
        return self._run is not None and self._run.opened.ends

    def _give(self, chunk: np.ndarray) -> Iterator[np.ndarray]:
        self._given += len(chunk)
        if self._realtime and self._ends:
            time.sleep(max(0.0, self._begin_s + self._given / self.rate_hz - time.monotonic()))
        yield chunk

    def _tell(self, before: Health, do: Do, why: str, now_s: float) -> None:
        after = self.health
        again = f". It is opened again in {after.retry_at_s - now_s:.1f} s"
        stuck = f"{self.name} sent nothing for {now_s - before.block_s:.0f} s"
        if after.state in AWAY and after.state != before.state and not (self._restart if self._heard else self._wait):
            raise DeviceError(why or stuck, do="Check its plug and the sound server, then start again.")
        if do == "reopen":
            silent_s = now_s - before.sound_s
            self._say("silent", f"{self.name} sends only digital silence, for {silent_s:.0f} s. It is opened again")
        elif after.state == before.state or after.state in ("opening", "silent"):
            return
        elif after.state in AWAY:
            self._say(after.state, (why or stuck) + again)
        elif after.state == "healthy":
            self._say("healthy", f"{self.name} is heard{' again' * self._heard}")
            self._heard = True
        else:
            self._say("ended", f"{self.name} is over")

    def _say(self, state: Any, words: str) -> None:
        self._news.tell(SourceState(self.name, state, words, time.time()), time.monotonic())


class _Run:
    """From one opening of the source to its loss."""

    def __init__(self, opened: Opened, resampler: Resampler) -> None:
        self.opened = opened
        self.resampler = resampler
        self.fresh = True  # no block came yet
        self.lost_frames = 0
