"""A listener with its page on a loopback port, fed by a test, and a client that speaks HTTP to it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pace_edge.model_file import read_model
from streams.configuration.settings import Settings
from streams.heard import SourceState, SourceStates
from streams.listening.learner import open_journal
from streams.listening.listener import Listener
from streams.listening.options import options_of
from streams.web.server import Web
from tests.streams.arrays import Arrays
from tests.streams.sinks.given import Said
from tests.synthetic import RATE_HZ, hiss, tone
from tests.waiting import PATIENCE_S

JSON = {"Content-Type": "application/json", "X-Pace-Edge": "1"}


class Served:
    """`hear` feeds the listener and hands on what it reports, as the service does."""

    def __init__(self, listener: Listener, web: Web, said: Said) -> None:
        self.listener, self.web, self.said = listener, web, said
        self.rng = np.random.default_rng(3)
        self._given: dict[str, int] = {}

    def hear(self, samples: np.ndarray, source: str = "attic", chunk: int = 1600, **of: Any) -> None:
        """`of`: what is known of the sound, as `Listener.feed` takes it."""
        for piece in Arrays(samples, chunk).chunks:
            at = self._given.get(source, 0)
            self.web.push(source, piece, start_s=at / RATE_HZ)
            self._given[source] = at + len(piece)
            for heard in self.listener.feed(piece, source=source, **of):
                self.web.write(heard)

    def end(self, source: str = "attic") -> None:
        """It ends, as `Listener.run_several` reports it."""
        for heard in [*self.listener.finish(source), SourceState(source, "ended", f"{source} is over", time.time())]:
            self.web.write(heard)
        self._given.pop(source, None)

    def say(self, source: str, state: SourceStates, words: str) -> None:
        """What becomes of a source."""
        self.web.write(SourceState(source, state, words, time.time()))

    def hear_low(self, seconds: float = 3.0, **of: Any) -> None:
        self.hear(tone(300, seconds, rng=self.rng), **of)

    def hear_high(self, seconds: float = 3.0, **of: Any) -> None:
        self.hear(tone(2500, seconds, rng=self.rng), **of)

    def hear_hiss(self, seconds: float = 3.0, **of: Any) -> None:
        self.hear(hiss(seconds, rng=self.rng), **of)

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (lower case) and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def get(self, path: str, status: int = 200) -> Any:
        got, _, body = self.ask("GET", path)
        assert got == status, body
        return json.loads(body)

    def post(self, path: str, status: int = 200, **body: Any) -> Any:
        got, _, answer = self.ask("POST", path, json.dumps(body), JSON)
        assert got == status, answer
        return json.loads(answer)

    @contextmanager
    def stream(self, **headers: str) -> Iterator[Iterator[tuple[str, Any]]]:
        """The live stream's messages, (event, data), for a minute at most each."""
        connection = http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", "/api/stream", headers=headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            yield _messages(answer)
        finally:
            connection.close()


def _messages(answer: http.client.HTTPResponse) -> Iterator[tuple[str, Any]]:
    kind = ""
    while line := answer.readline().decode().rstrip("\n"):
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield kind, json.loads(line.removeprefix("data: "))
            answer.readline()
        elif line.startswith(":"):
            answer.readline()


def first(messages: Iterator[tuple[str, Any]], wanted: Any, most: int = 500) -> Any:
    """The data of the first message that is `wanted(event, data)`."""
    for _, (kind, data) in zip(range(most), messages, strict=False):
        if wanted(kind, data):
            return data
    raise AssertionError("it did not come")


@contextmanager
def serving(model: Path, *, settings: Settings | None = None, **web: Any) -> Iterator[Served]:
    settings = settings or Settings()
    section = settings.web.model_copy(update={"serve": "127.0.0.1:0", **web})
    settings = settings.model_copy(update={"web": section})
    said, loaded = Said(), read_model(model)
    with (
        open_journal(loaded, settings.journal.file) as journal,
        Listener(loaded, journal, options_of(settings)) as listener,
    ):
        page = Web(settings, listener, said.reports)
        try:
            yield Served(listener, page, said)
        finally:
            page.close()
