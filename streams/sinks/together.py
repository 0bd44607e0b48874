"""All sinks as one: what is heard goes to each, and trouble in one stays there."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from pace_edge.errors import SinkError
from streams.heard import Heard
from streams.sinks.reports import Reports
from streams.sinks.sink import Counts, Sink

CLOSE_S = 10.0


class Sinks:
    """A sink made of sinks, closed at the end of `with`. Their names differ: counts and promises go by them."""

    name = "sinks"

    def __init__(self, sinks: Sequence[Sink], reports: Reports, *, close_s: float = CLOSE_S) -> None:
        names = [sink.name for sink in sinks]
        if twice := {name for name in names if names.count(name) > 1}:
            raise SinkError(f"two sinks are called '{min(twice)}'", do="Give one of them another name.")
        self.sinks = list(sinks)
        self._reports = reports
        self._close_s = close_s
        self._raised = dict.fromkeys(names, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def write(self, heard: Heard) -> None:
        """To each in turn. Only BrokenPipeError leaves: whoever read our output has gone, and the listener may end."""
        for sink in self.sinks:
            try:
                sink.write(heard)
            except BrokenPipeError:
                raise
            except Exception as error:  # one sink's bug does not end listening
                self._blame(sink, error)

    def counts(self) -> dict[str, Counts]:
        """By the sinks' names."""
        counted = {}
        for sink in self.sinks:
            own = sink.counts()
            counted[sink.name] = replace(own, failed=own.failed + self._raised[sink.name])
        return counted

    def close(self) -> None:
        """All at the same time, for at most `close_s` seconds; one that hangs is left behind and named."""
        threads = [threading.Thread(target=self._close_one, args=(sink,), daemon=True) for sink in self.sinks]
        for thread in threads:
            thread.start()
        end = time.monotonic() + self._close_s
        for sink, thread in zip(self.sinks, threads, strict=True):
            thread.join(max(0.0, end - time.monotonic()))
            if thread.is_alive():
                self._reports.say(f"{sink.name} did not close within {self._close_s:g} s and is left behind.")

    def _close_one(self, sink: Sink) -> None:
        try:
            sink.close()
        except Exception as error:
            self._blame(sink, error)

    def _blame(self, sink: Sink, error: Exception) -> None:
        self._raised[sink.name] += 1
        self._reports.trouble(f"{sink.name} raised", f"{sink.name} failed: {type(error).__name__}: {error}")
