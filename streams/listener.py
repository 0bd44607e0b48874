"""The listening loop: chunks in; windows, events and newly learned labels out."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pace_edge.audio import level_dbfs
from pace_edge.config import STARTER_MODEL
from pace_edge.journal import HeardWindow, Journal
from pace_edge.model_file import Model, read_model
from streams.encoder import Encoder
from streams.events import EventRule, EventState, finish, step
from streams.heard import Event, Gap, Heard, Window
from streams.learner import Learner, open_journal
from streams.sources import Source, open_source
from streams.windows import Windower


class Listener:
    """Feed it PCM at the model's rate, in chunks of any size; it reports what it hears.

    After each chunk the windows' embeddings are in the journal, for another process to label, and every label in the
    journal is in the classifier.
    """

    def __init__(self, model: Model, journal: Journal, *, threshold: float | None = None) -> None:
        """`threshold`: announce from this score on, 0 to 1; else the model's."""
        self.rate_hz = model.info.rate_hz
        self.rule = EventRule(
            threshold=model.info.threshold if threshold is None else threshold, background=model.info.background
        )
        self.encoder = Encoder(model)
        self.learner = Learner(model, journal)
        self._journal = journal
        self._windower = Windower(model.info.window_samples, model.info.hop_samples)
        self._session = uuid.uuid4().hex
        self._state = EventState()

    def feed(self, chunk: np.ndarray) -> Iterator[Heard]:
        """float32 mono [samples], range -1..1, to what the windows that it completes are called."""
        cut = list(self._windower.push(chunk))
        if not cut:
            return
        yield from self.learner.catch_up()
        embeddings = self.encoder(np.stack([samples for _, samples in cut]))
        remembered, announced = [], []
        for (start, samples), embedding in zip(cut, embeddings, strict=True):
            label, score = self.learner.best(embedding[None])
            start_s, end_s = start / self.rate_hz, (start + len(samples)) / self.rate_hz
            window = Window(start_s, end_s, label, score, level_dbfs(samples))
            remembered.append(HeardWindow(start_s, end_s, window.level_dbfs, embedding))
            yield window
            self._state, events = step(self._state, window, self.rule)
            announced += events
            yield from events
        self._journal.hear(self._session, remembered)
        for event in announced:
            self._journal.remember_event(
                self._session, event.id or f"{self._session[:8]}-{event.start_s:g}", event.label,
                start_s=event.start_s, end_s=event.end_s, at_unix_s=event.at_unix_s or time.time(),
                source=event.source,
            )  # fmt: skip
        self.learner.classifier.fold()

    def skip(self, samples: int) -> Gap:
        """So many samples are missing before the next chunk: no window spans the gap."""
        start, end = self._windower.skip(samples)
        return Gap(start / self.rate_hz, end / self.rate_hz)

    def finish(self) -> list[Event]:
        """The stream is over: the end of what was still going on."""
        events, self._state = finish(self._state), EventState()
        return events

    def run(self, source: Source) -> Iterator[Heard]:
        """Listen to a source until it ends."""
        dropped = overflows = 0
        with source:
            for chunk in source:
                if source.dropped > dropped or source.overflows > overflows:
                    yield self.skip(source.dropped - dropped)
                    dropped, overflows = source.dropped, source.overflows
                yield from self.feed(chunk)
        yield from self.finish()


def listen(
    model: str | Path | Model = STARTER_MODEL,
    source: str | Source | None = None,
    *,
    realtime: bool = True,
    threshold: float | None = None,
    journal: Path | None = None,
) -> Iterator[Heard]:
    """Listen until the source ends.

    `source`: a microphone by index or part of its name, an audio file, "-" for PCM on standard input, an opened
    `Source`, or None for the default microphone. `realtime`: play a file at its own speed. `threshold`: announce from
    this score on, else the model's. Raises the errors of `pace_edge.errors`.
    """
    model = model if isinstance(model, Model) else read_model(model)
    if source is None or isinstance(source, str):
        source = open_source(source, rate_hz=model.info.rate_hz, realtime=realtime)
    with open_journal(model, journal) as opened:
        yield from Listener(model, opened, threshold=threshold).run(source)
