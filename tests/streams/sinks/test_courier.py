"""A courier carries in order, tries again with growing pauses, gives up only what was refused, and ends in time."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.sinks.courier import AwayError, Courier, RefusedError, pause_s
from streams.sinks.sink import Counts
from tests.streams.sinks.given import Said, wait_until
from tests.waiting import PATIENCE_S


@pytest.fixture
def carry(outbox):
    """Starts a courier with this `deliver`, and closes it."""
    started = []

    def start(deliver, said=None, **pauses):
        counts = Counts()
        reports = (Said() if said is None else said).reports
        pauses = {"first_retry_s": 0.01, "longest_retry_s": 0.02} | pauses
        started.append(Courier("hook", outbox, deliver, counts, reports, **pauses))
        return started[-1], counts

    yield start
    for courier in started:
        courier.close(0.0)


def put(outbox, *numbers):
    for number in numbers:
        outbox.put("hook", {"n": number, "label": f"sound {number}"})


def test_a_receiver_that_comes_and_goes_gets_every_letter_in_order(outbox, carry):
    said, got, tries = Said(), [], []

    def deliver(letter):
        tries.append(letter.record["n"])
        if len(tries) % 3:
            raise AwayError("connection refused")
        got.append(letter.record["n"])

    put(outbox, 0, 1)
    courier, counts = carry(deliver, said)
    put(outbox, 2, 3)
    courier.wake()
    wait_until(lambda: counts.delivered == 4)
    wait_until(lambda: outbox.waiting("hook") == 0)
    assert got == [0, 1, 2, 3]
    assert tries == sorted(tries)
    assert said.has("hook takes no events (connection refused); waiting on the disk: ")
    assert said.has("hook takes events again.")


def test_what_is_refused_is_counted_said_and_not_tried_again(outbox, carry):
    said, got = Said(), []

    def deliver(letter):
        got.append(letter.record["n"])
        if letter.record["n"] == 1:
            raise RefusedError("HTTP status 400")

    put(outbox, 0, 1, 2)
    _, counts = carry(deliver, said)
    wait_until(lambda: outbox.waiting("hook") == 0)
    assert got == [0, 1, 2]
    assert (counts.delivered, counts.failed) == (2, 1)
    assert said == ["hook: sound 1 was refused and is not sent again (HTTP status 400)."]


def test_a_bug_in_a_receivers_code_loses_no_letter(outbox, carry):
    said, tries = Said(), []

    def deliver(letter):
        tries.append(letter)
        if len(tries) < 3:
            raise KeyError("a bug")

    put(outbox, 0)
    _, counts = carry(deliver, said)
    wait_until(lambda: counts.delivered == 1)
    assert said.has("KeyError: 'a bug'")


def test_what_is_given_up_is_counted_and_said(tmp_path, carry, outbox):
    outbox._keep_events = 2
    put(outbox, 0, 1, 2, 3)
    said, got = Said(), []
    _, counts = carry(lambda letter: got.append(letter.record["n"]), said)
    wait_until(lambda: counts.delivered == 2)
    assert got == [2, 3]
    assert counts.discarded == 2
    assert said.has("hook: events were given up, too old or too many: 2 so far.")


def test_a_pause_is_not_cut_short_by_a_new_letter_but_by_a_receiver_that_is_back(outbox, carry):
    tries, back = [], threading.Event()

    def deliver(letter):
        tries.append(letter)
        if not back.is_set():
            raise AwayError("away", retry_after_s=3600)

    put(outbox, 0)
    courier, counts = carry(deliver)
    wait_until(lambda: len(tries) == 1)
    put(outbox, 1)
    courier.wake()
    courier.wake()
    assert not back.wait(0.2)
    assert len(tries) == 1
    back.set()
    courier.retry_now()
    wait_until(lambda: counts.delivered == 2)


def test_closing_delivers_what_it_can_and_leaves_the_rest_on_the_disk(outbox, carry):
    got = []
    put(outbox, *range(20))
    courier, _ = carry(lambda letter: got.append(letter.record["n"]))
    courier.close(PATIENCE_S)
    assert got == list(range(20))

    def away(letter):
        raise AwayError("away", retry_after_s=3600)

    put(outbox, 20)
    courier, _ = carry(away)
    wait_until(lambda: courier._tries)
    courier.close(3600.0)  # returns at once: it is away
    assert outbox.first("hook").record["n"] == 20


@given(st.integers(1, 10_000), st.floats(0.01, 10), st.floats(10, 1000))
def test_pauses_double_up_to_the_longest(tries, first_s, longest_s):
    pause = pause_s(tries, first_s, longest_s)
    assert first_s <= pause <= longest_s
    assert pause_s(tries + 1, first_s, longest_s) == pytest.approx(min(2 * pause, longest_s))
