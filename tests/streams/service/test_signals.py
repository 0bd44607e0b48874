"""What the system asks is noted; only waiting for sound is cut short."""

import os
import signal
import threading

import pytest

from streams.service.signals import Signals


def chunks(*, send: int | None = None, then_wait: bool = False):
    yield 1
    if send is not None:
        os.kill(os.getpid(), send)
    if then_wait:
        threading.Event().wait(300)
    yield 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_cuts_waiting_short(number):
    with Signals() as signals:
        sound = chunks(send=number, then_wait=True)
        assert signals.next_of(sound) == 1
        assert signals.next_of(sound) is None
        assert signals.stop == number
        assert signals.next_of(iter([3])) is None


def test_a_stop_while_something_is_done_lets_it_be_done():
    with Signals() as signals:
        done = []
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("all of it")
        assert signals.stop == signal.SIGTERM
        assert signals.next_of(iter([1])) is None
    assert done


def test_a_second_stop_interrupts():
    with Signals() as signals, pytest.raises(KeyboardInterrupt):
        signals.stop = signal.SIGTERM
        os.kill(os.getpid(), signal.SIGTERM)


def test_hangup_asks_for_the_model_and_ends_nothing():
    with Signals() as signals:
        sound = chunks(send=signal.SIGHUP)
        assert [signals.next_of(sound) for _ in range(3)] == [1, 2, None]
        assert signals.reload
        assert signals.stop is None


def test_the_handlers_from_before_come_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)
    with Signals():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert (
        signal.getsignal(signal.SIGINT),
        signal.getsignal(signal.SIGTERM),
        signal.getsignal(signal.SIGHUP),
    ) == before


def test_another_thread_listens_without_signals():
    found = []

    def listen():
        with Signals() as signals:
            found.append(signals.next_of(iter([7])))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert found == [7]
