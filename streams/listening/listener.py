"""The listening loop: chunks in; windows, events, newly learned labels and what went wrong out."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from pace_edge.arguments import check_type
from pace_edge.audio import level_dbfs
from pace_edge.config import HEARD_KEPT_S
from pace_edge.errors import JournalError, ModelFileError
from pace_edge.journal import Journal
from pace_edge.label_check import UNKNOWN, nearest
from pace_edge.model_file import Model
from pace_edge.operations import State
from pace_edge.samples import as_chunk
from streams.configuration.place import place
from streams.configuration.running import Registration
from streams.heard import Event, Gap, GapCause, Heard, Notice, SourceState, Window
from streams.listening.counters import Counters
from streams.listening.ears import Ears
from streams.listening.encoder import BATCH, Encoder
from streams.listening.event_rule import EventRule
from streams.listening.household import household_sounds
from streams.listening.learner import open_journal
from streams.listening.notices import Notices
from streams.listening.options import Options
from streams.listening.stream import Stream
from streams.sources.source import Source

ENDED_KEPT = 100  # streams that ended in the last minute; of a folder of short files there may be more
CLIPPED = 0.001  # of a window's samples at full scale: worth a word
_SOUNDLESS = frozenset({"stuck", "gone", "waiting"})  # states in which no sound comes


class Listener:
    """One model for one or more sources. Feed it PCM at the model's rate in chunks of any size, or let it `run`.

    After each chunk the windows' embeddings are in the journal, for another process to label, and every label in the
    journal is in the classifier. All is called from one thread, but for `stop`, `swap`, `adjust` and what
    is only read.

    Set OPENBLAS_NUM_THREADS=1 before NumPy is imported, as `pace-edge listen` does: BLAS with two threads, which spin
    between windows, takes 1.8 times the CPU (benchmarks/quiet_night.py). It belongs to the process, so it is left alone
    here.

    >>> import pace_edge
    >>> import soundfile
    >>> samples, rate_hz = soundfile.read("ring.wav", dtype="int16")
    >>> with pace_edge.Listener() as listener:
    ...     heard = [*listener.feed(samples, rate_hz=rate_hz), *listener.finish()]
    >>> sum(isinstance(one, pace_edge.Window) for one in heard)
    3
    """

    def __init__(
        self, model: str | Path | Model | None = None, journal: str | Path | Journal | None = None,
        options: Options | None = None, *, stop: threading.Event | None = None,
    ) -> None:  # fmt: skip
        """`model` and `journal`: None, as configured. An opened journal is closed by whoever gave it, any other by
        `close`; with such a one others on this machine can find the listener (`streams.configuration.running`). Setting
        `stop` does what `stop()` does. Raises UsageError, ProviderError, ModelFileError or JournalError."""
        check_type("options", options, (Options, type(None)), "pace_edge.Options(...)")
        self._registration: Registration | None = None
        if isinstance(journal, Journal):
            self._own_journal: Journal | None = None
            model = model if isinstance(model, Model) else place(model).load()
        else:
            found = place(model, journal=journal)
            model = found.load()
            journal = self._own_journal = open_journal(model, found.journal_of(model))
        try:
            self._open(model, journal, options, stop)
            if self._own_journal is not None:  # a place in which others may teach it
                self._registration = Registration(model, journal.path)
        except BaseException:
            self.close()
            raise

    def _open(
        self, model: Model, journal: Journal, options: Options | None, stop: threading.Event | None
    ) -> None:  # fmt: skip
        self.options = options or Options()
        self.counters = Counters()
        self._notices = Notices()
        self._ears = self._ears_of(model, self._encoder_of(model), journal)
        self._streams: dict[str, Stream] = {}
        self._ended: tuple[_Ended, ...] = ()  # in the last minute; replaced, as other threads read it
        self._stopped = stop or threading.Event()
        self._adjusted = False  # `options` are newer than what is in use
        self._coming: deque[_Next] = deque(maxlen=1)  # a newer one replaces one that was not taken yet
        self._wrong_names = self.unknown_names(
            {"events.thresholds": self.options.thresholds, "events.hidden": self.options.hidden}
        )
        self._wrong_names += [*self._nameless(self._ears), *self._untested(self._ears)]
        Stream("", self._ears, self.options)  # refuses now what it would refuse at the first chunk

    @property
    def rate_hz(self) -> int:
        return self._ears.info.rate_hz

    @property
    def labels(self) -> list[str]:
        """The classes that it knows now."""
        return list(self._ears.learner.classifier.labels)

    @property
    def household(self) -> list[str]:
        """The household sounds that it announces without having been taught them."""
        return self._ears.household

    def names_now(self, names: Iterable[str]) -> dict[str, str]:
        """Each of these names to what the class is called now that a person meant by it."""
        return self._ears.learner.state.names_now(names)

    def unknown_names(self, chosen: Mapping[str, Collection[str]]) -> list[Notice]:
        """A notice for each name that a setting gives and that is no class: it may be a slip, or taught later.
        `chosen`: the names by their setting."""
        announced = {UNKNOWN} if self.options.unknown else set()
        known, notices = [*self.labels, *self.household, *announced], []
        for setting, names in chosen.items():
            for name, now in self.names_now(sorted(names)).items():
                if now not in known:
                    near = nearest(name, known)
                    meant = f": did you mean '{near}'?" if near else " yet; it can still be taught."
                    words = f"{setting} names {name!r}, which is no class{meant}"
                    notices.append(Notice("settings", words, at_unix_s=time.time()))
        return notices

    def _nameless(self, ears: Ears) -> list[Notice]:
        """A notice where household sounds are asked for that the model has no names for."""
        missing = [label for label in ears.rule.household if label not in ears.household]
        if not missing:
            return []
        words = f"events.names asks for {', '.join(missing)}, and the model {ears.info.name} has no names for them."
        return [Notice("settings", words, at_unix_s=time.time())]

    def _untested(self, ears: Ears) -> list[Notice]:
        """A notice where nobody has measured how well a sound that is announced untaught is found."""
        sounds = household_sounds(self.options.names)
        untested = [label for label in ears.household if sounds[label].verdict == "untested"]
        if not untested:
            return []
        words = f"How well {', '.join(untested)} is found was not measured (docs/listen.md): try it with yours."
        return [Notice("settings", words, at_unix_s=time.time())]

    def rule(self, state: State | None = None) -> EventRule:
        """By what rule it announces, as it is set now: for the classes as they are called in `state`, such as that of
        another who reads the journal; None: as the listener knows them."""
        return self.options.rule_for(self._ears.info).for_classes(state or self._ears.learner.state)

    @property
    def ears(self) -> Ears:
        """The model at work. Other threads may read what it is, and encode with it."""
        return self._ears

    def session(self, source: str) -> str | None:
        """The name of this source's stream in the journal's memory of what was heard; None: it is not heard."""
        stream = self._streams.get(source)
        return stream.session if stream else None

    def sessions(self) -> dict[str, str]:
        """The same of every source that is heard."""
        return {name: stream.session for name, stream in list(self._streams.items())}

    def ended(self) -> dict[str, str]:
        """The same of the sources that ended in the last minute, and are not heard again: of each its last stream. So
        long it is remembered what they heard."""
        since_s = time.monotonic() - HEARD_KEPT_S
        return {o.source: o.session for o in self._ended if o.at_s >= since_s and o.source not in self._streams}

    def in_words(self) -> str:
        """What the settings amount to."""
        return self._ears.in_words(self.options)

    def feed(
        self, chunk: Any, *, source: str = "", rate_hz: float | None = None, live: bool = True,
        recorded_unix_s: float | None = None, came_unix_s: float | None = None, file: str | None = None,
    ) -> Iterator[Heard]:  # fmt: skip
        """Mono [samples], floats in -1..1 or int16, to what the windows that it completes are called.

        Streams of different `source` names are kept apart. `rate_hz`: the chunk's rate, to be checked: it must be the
        model's. `live`: the sound comes as it is made; that of a recording has the time `recorded_unix_s` at its first
        sample, in seconds since 1970, or none. `came_unix_s`: when the last sample of the chunk was made, if it
        has waited. `file`: the recording's path. Raises AudioError for what is no sound.
        """
        arrived = time.perf_counter()
        came_s = self._streams[source].windower.end / self.rate_hz if source in self._streams else 0.0
        name = f"the chunk at {came_s:.2f} s" + (f" of {source}" if source else "")
        chunk = as_chunk(chunk, rate_hz=rate_hz, to_hz=self.rate_hz, name=name, after_s=came_s)
        yield from self._take_next()
        stream = self._stream(source)
        stream.is_of(live=live, recorded_unix_s=recorded_unix_s, file=file)
        now = time.time()  # before it is heard, which may take long
        came_unix_s = now if came_unix_s is None else min(now, came_unix_s)  # later than now: the clock was set back
        piece = BATCH * min(self._ears.hop, self._ears.window)  # bounds the memory of a long chunk
        for i in range(0, len(chunk), piece):
            stream.came_unix_s = came_unix_s - max(0, len(chunk) - i - piece) / self.rate_hz
            yield from self._hear(stream, chunk[i : i + piece], arrived)

    def skip(self, samples: int, *, source: str = "", cause: GapCause = "unknown") -> list[Event | Gap]:
        """So many samples are missing before the next chunk: no window spans the gap."""
        return [one for one in self._skip(samples, source, cause) if isinstance(one, Event | Gap)]

    def finish(self, source: str | None = None) -> list[Event]:
        """The sound is over, of one source or of all: what no window has held yet is heard, and the events that this
        begins, and the ends of all that go on, are returned. The streams are forgotten."""
        return [one for one in self._finish(source, to_the_end=True) if isinstance(one, Event)]

    def run(self, source: Source) -> Iterator[Heard]:
        """Listen to a source until it ends or `stop` is called. Also an error and Ctrl-C end what was going on."""
        with source:
            yield from self.run_several((source, chunk) for chunk in source)
            yield from _news(source)

    def run_several(self, chunks: Iterable[tuple[Source, np.ndarray]]) -> Iterator[Heard]:
        """The same for opened sources of different names whose chunks come in one row, each with its source."""
        try:
            for source, chunk in chunks:
                yield from self._losses(source)
                news = _news(source)
                states = {state.state for state in news if state.source == source.name}  # a folder tells of other files
                if states & _SOUNDLESS:
                    yield from self._end_events(self._stream(source.name))
                yield from (state for state in news if state.state != "ended")
                yield from self.feed(
                    chunk, source=source.name, live=getattr(source, "live", True),
                    recorded_unix_s=getattr(source, "recorded_unix_s", None), file=getattr(source, "file", None),
                    came_unix_s=getattr(source, "came_unix_s", None),
                )  # fmt: skip
                stopped = self._stopped.is_set()
                if "ended" in states:
                    yield from self._finish(source.name, to_the_end=not stopped)
                yield from (state for state in news if state.state == "ended")
                if stopped:
                    break
        except GeneratorExit:  # whoever listened has gone, and is told nothing more
            deque(self._finish(), maxlen=0)
            raise
        except BaseException:
            yield from self._finish()
            raise
        yield from self._finish(to_the_end=not self._stopped.is_set())

    def stop(self) -> None:
        """End `run` after its next chunk, with the end of what is going on. From any thread or signal handler."""
        self._stopped.set()

    def swap(self, model: str | Path | Model, *, journal: Path | None = None) -> None:
        """Go on with another model from the next chunk on, without losing a sample. From any thread.

        The model is loaded here; if it cannot be, an error is raised and nothing changes. `journal`: else as
        configured, else the file of the model's name. Raises ModelFileError, ProviderError or JournalError.
        """
        found = place(model, journal=journal)
        model = found.load()
        if model.info.rate_hz != self.rate_hz:
            raise ModelFileError(
                f"{model.path} cannot take over while listening goes on",
                expected=f"{self.rate_hz} Hz", got=f"{model.info.rate_hz} Hz", do="Start again with it.",
            )  # fmt: skip
        where = found.journal_of(model)
        open_journal(model, where).close()  # SQLite's files belong to the thread that opened them
        self._coming.append(_Next(model, self._encoder_of(model), where))

    def adjust(self, options: Options) -> None:
        """Go on with the gain of these options, and announce by their rule, from the next chunk on; all else stays as
        it was opened. From one thread at a time, which may be any."""
        self.options = options
        self._adjusted = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the journal that it opened itself; one that was given belongs to whoever gave it."""
        if self._registration is not None:
            self._registration.close()
        if self._own_journal is not None:
            self._own_journal.close()

    def _encoder_of(self, model: Model) -> Encoder:
        o = self.options
        return Encoder(model, threads=o.threads, provider=o.provider, require_gpu=o.require_gpu)

    def _ears_of(self, model: Model, encoder: Encoder, journal: Journal) -> Ears:
        return Ears(model, encoder, journal, self.options, self._notices, self.counters)

    def _stream(self, source: str) -> Stream:
        if source not in self._streams:
            self._streams[source] = Stream(source, self._ears, self.options)
            self._register()
        return self._streams[source]

    def _register(self) -> None:
        """Others on this machine can know with which model, journal and sources it listens."""
        if self._registration is not None:
            self._registration.update(self._ears.model, self._ears.learner.journal.path, [*self._streams])

    def _hear(self, stream: Stream, chunk: np.ndarray, arrived: float) -> Iterator[Heard]:
        self.counters.sound_s += len(chunk) / self.rate_hz
        yield from self._hear_windows(stream, stream.cut(chunk), arrived)

    def _hear_windows(self, stream: Stream, cut: list[tuple[int, np.ndarray]], arrived: float) -> Iterator[Heard]:
        """Each with the position of its first sample."""
        ears, counters = self._ears, self.counters
        if not cut:
            return
        yield from ears.catch_up()
        opened = [stream.gate.opens(start, samples) for start, samples in cut]
        heard = ears.hear([samples for (_, samples), is_open in zip(cut, opened, strict=True) if is_open])
        encoded = zip(heard.embeddings, heard.names, strict=True)
        remembered, announced = [], []
        for (first, samples), is_heard in zip(cut, opened, strict=True):
            start, sound = stream.sound(first, samples)
            level = level_dbfs(sound)
            embedding, names = next(encoded) if is_heard else (None, None)
            verdict = ears.silence() if embedding is None else ears.judge(embedding, level, names)
            window = stream.window(start, sound, level, verdict)
            if embedding is not None:
                remembered.append(stream.remembered(window, sound, embedding))
            counters.windows += 1
            counters.gated += not is_heard
            counters.latency_s = time.perf_counter() - arrived
            if window.clipped >= CLIPPED:
                counters.clipped += 1
                yield from self._notices.say("clipping", _clipped_words(window), stream.name)
            yield window
            if stream.live:
                ears.rates.hear(stream.session, window, ears.rule, hop_s=ears.hop / self.rate_hz)
            for event in stream.events(window, verdict, ears):
                counters.events += event.state == "start"
                announced.append(event)
                yield event
        yield from ears.memory.hear(stream.part(remembered, announced))
        yield from ears.memory.count()
        ears.learner.classifier.fold()

    def _skip(self, samples: int, source: str, cause: GapCause) -> Iterator[Heard]:
        self.counters.gaps += 1
        if cause == "source":
            self.counters.away_samples += samples
        else:
            self.counters.dropped_samples += samples
        stream = self._stream(source)
        skipped = stream.skip(samples, self._ears, cause)
        yield from skipped
        ended = [one for one in skipped if isinstance(one, Event)]
        yield from self._ears.memory.hear(stream.part(events=ended))

    def _finish(self, source: str | None = None, *, to_the_end: bool = False) -> Iterator[Heard]:
        """Each stream's events end however the sound ended, and are remembered whole. `to_the_end`: the sound ended by
        itself, and what no window has held yet is heard."""
        for name in list(self._streams) if source is None else [source]:
            if stream := self._streams.get(name):
                if to_the_end:
                    yield from self._hear_windows(stream, stream.rest(self._ears), time.perf_counter())
                yield from self._end_events(stream)
                self._ears.rates.end(stream.session)
                yield from self._ears.memory.count(at_once=True)
                self._streams.pop(name, None)
                self._ended = (*self._ended[-ENDED_KEPT:], _Ended(name, stream.session, time.monotonic()))
                self._register()

    def _end_events(self, stream: Stream) -> Iterator[Heard]:
        events = stream.finish()
        yield from self._ears.memory.hear(stream.part(events=events))
        yield from events

    def _losses(self, source: Source) -> Iterator[Heard]:
        stream = self._stream(source.name)
        all_away: int | None = getattr(source, "away", None)  # an application's own source need not tell
        away = max(0, (all_away or 0) - stream.away)
        dropped = max(0, source.dropped - stream.dropped - away)
        overflows = max(0, source.overflows - stream.overflows)
        if not (away or dropped or overflows):
            return
        stream.dropped, stream.away, stream.overflows = source.dropped, all_away or 0, source.overflows
        self.counters.overflows += overflows
        if away:
            yield from self._skip(away, source.name, "source")
        if dropped:
            yield from self._skip(dropped, source.name, "unknown" if all_away is None else "machine")
        elif overflows:
            yield from self._skip(0, source.name, "system")

    def _take_next(self) -> Iterator[Heard]:
        """What `adjust` and `swap` left for this thread; at first, which names in the options are no classes."""
        yield from self._wrong_names
        self._wrong_names = []
        if self._adjusted:
            self._adjusted = False
            self._ears.adjust(self.options)
            for stream in self._streams.values():
                stream.adjust(self.options)
        if not self._coming:
            return
        coming = self._coming.popleft()
        try:
            journal = open_journal(coming.model, coming.journal)
            try:
                ears = self._ears_of(coming.model, coming.encoder, journal)
            except BaseException:
                journal.close()
                raise
        except JournalError as error:
            yield Notice("model", f"The new model was not taken: {error}", at_unix_s=time.time())
            return
        before, self._ears = self._ears, ears
        for stream in self._streams.values():
            ended = stream.swap(ears)
            yield from before.memory.hear(stream.part(events=ended))  # its windows are in the journal before
            yield from ended
        yield from before.memory.count(at_once=True)
        if self._own_journal is not None:
            self._own_journal.close()
        self._own_journal = journal
        self._register()
        words = f"Listening goes on with {ears.info.name}: {len(self.labels)} classes."
        yield Notice("model", words, at_unix_s=time.time())
        yield from self._nameless(ears)


@dataclass(frozen=True)
class _Ended:
    source: str
    session: str
    at_s: float  # on the monotonic clock


@dataclass(frozen=True)
class _Next:
    model: Model
    encoder: Encoder
    journal: Path


def _news(source: Source) -> list[SourceState]:
    """What became of the source since it was asked last; an application's own source need not have any."""
    news = getattr(source, "news", None)
    return list(news()) if news else []


def _clipped_words(window: Window) -> str:
    share = f"{100 * window.clipped:.1f} % of the sound"
    return f"{share} is at full scale, and so distorted: turn the microphone or the gain down."
