"""Listening in an asyncio program: the same reports, the same errors, and nothing left running behind it."""

import asyncio
import threading
from contextlib import aclosing

import numpy as np
import pytest

import pace_edge
from pace_edge.errors import AudioError
from streams.heard import Event, Window
from streams.listening import listen as module
from tests.streams.arrays import Arrays
from tests.synthetic import tone
from tests.waiting import wait_until


@pytest.fixture
def sound():
    return tone(300, 4, rng=np.random.default_rng(11))


@pytest.fixture(autouse=True)
def nothing_is_left_running():
    yield
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "pace-edge listener"])


def test_it_reports_what_listen_reports(small_model, sound):
    async def all_heard():
        return [(type(h), h.start_s, h.label) async for h in pace_edge.alisten(small_model, Arrays(sound))]

    heard = asyncio.run(all_heard())
    assert heard == [(type(h), h.start_s, h.label) for h in pace_edge.listen(small_model, Arrays(sound))]
    assert {Window, Event} == {kind for kind, *_ in heard}


def test_events_alone(small_model, sound):
    async def events():
        return [e.state async for e in pace_edge.alisten(small_model, Arrays(sound), events_only=True)]

    assert asyncio.run(events()) == ["start", "end"]


def test_an_error_reaches_whoever_listens(small_model):
    async def hear():
        async for _ in pace_edge.alisten(small_model, "no such file.wav"):
            pass

    with pytest.raises(AudioError, match="no such audio file"):
        asyncio.run(hear())


def test_leaving_early_closes_the_source(small_model, sound):
    source = Arrays(sound)

    async def hear_one():
        async with aclosing(pace_edge.alisten(small_model, source)) as heard:
            async for _ in heard:
                return

    asyncio.run(hear_one())
    wait_until(lambda: source.closed)


def test_cancelling_closes_the_source_though_it_would_go_on_for_ever(small_model, sound):
    class Endless(Arrays):
        def __iter__(self):
            while True:
                yield from self.chunks

    source = Endless(sound)

    async def hear(first: asyncio.Event):
        async for _ in pace_edge.alisten(small_model, source):
            first.set()

    async def cancel_after_the_first():
        first = asyncio.Event()
        task = asyncio.create_task(hear(first))
        await first.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_after_the_first())
    wait_until(lambda: source.closed)


def test_a_slow_reader_makes_listening_wait_in_bounded_memory(small_model, sound, monkeypatch):
    monkeypatch.setattr(module, "_WAITING", 3)
    read = []

    class Watched(Arrays):
        def __iter__(self):
            for chunk in self.chunks:
                read.append(len(chunk))
                yield chunk

    async def slowly():
        source = Watched(np.tile(sound, 3))
        async with aclosing(pace_edge.alisten(small_model, source)) as heard:
            await anext(heard)
            for _ in range(50):  # time enough to run far ahead
                await asyncio.sleep(0.02)
            ahead = sum(read) / 16000
            async for _ in heard:
                pass
        return ahead

    assert asyncio.run(slowly()) < 5
    assert sum(read) == 12 * 16000
