"""The watchdog as a table and as laws: it never gives up, never hurries, and opens nothing twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pace_edge.errors import UsageError
from streams.sources.watchdog import AWAY, Health, Patience, step

PATIENCE = Patience(
    opening_s=15, stuck_s=5, silent_s=600, first_retry_s=0.5, last_retry_s=30, settled_s=10
)  # fmt: skip
SAW = st.sampled_from(["nothing", "silence", "sound", "lost"])


def run(*seen, health=None):
    """(seconds later, what was seen) one after the other: the last health, and all that was to be done."""
    health, now, done = health or Health.opening(0), 0.0, []
    for later_s, saw in seen:
        now += later_s
        health, do = step(health, saw, now, PATIENCE)
        done += [do] if do != "nothing" else []
    return health, done


def test_the_first_block_makes_it_healthy():
    assert run((1, "nothing"), (1, "silence"))[0].state == "healthy"


def test_a_lost_source_is_gone_and_opened_again_after_the_first_retry():
    health, done = run((0, "sound"), (1, "lost"), (0.4, "nothing"))
    assert (health.state, done) == ("gone", ["close"])
    health, do = step(health, "nothing", 1.5, PATIENCE)
    assert (health.state, do) == ("opening", "open")


def test_a_source_that_sends_nothing_for_five_seconds_is_stuck():
    assert run((0, "sound"), (4.9, "nothing"))[0].state == "healthy"
    assert run((0, "sound"), (4.9, "nothing"), (0.1, "nothing"))[0].state == "stuck"


def test_opening_may_take_longer_but_not_for_ever():
    assert run((14.9, "nothing"))[0].state == "opening"
    assert run((15, "nothing"))[0].state == "waiting"


def test_retries_double_up_to_the_longest_and_start_again_once_it_was_well_for_long():
    health, now, waits = Health.opening(0), 0.0, []
    for _ in range(10):
        health, _ = step(health, "lost", now, PATIENCE)
        waits.append(health.retry_at_s - now)
        now = health.retry_at_s
        health, _ = step(health, "nothing", now, PATIENCE)
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]
    for later_s in (0, 9):  # well, but not for long: a loose contact must not be opened twice a second for ever
        health, _ = step(health, "sound", now + later_s, PATIENCE)
    assert step(health, "lost", now + 9.5, PATIENCE)[0].retry_at_s == now + 9.5 + 30
    health, _ = step(health, "sound", now + 10, PATIENCE)
    assert step(health, "lost", now + 11, PATIENCE)[0].retry_at_s == now + 11.5


def test_digital_silence_is_suspect_and_ever_less_so_until_there_is_sound():
    blocks = [(1, "silence")] * 2000
    health, done = run((0, "sound"), *blocks)
    assert (health.state, done) == ("silent", ["reopen", "reopen"])  # after 600 s, and 1200 s after that
    assert run((1, "sound"), health=health)[0] == Health("healthy", 1802, 1, 1, restarts=0)


def test_silence_is_never_suspect_where_that_is_wanted():
    patience, health = Patience(silent_s=0), Health.opening(0)
    for now in range(0, 100_000, 4):
        health, do = step(health, "silence", now, patience)
        assert (health.state, do) == ("healthy", "nothing")


def test_a_recording_that_is_over_stays_over():
    health, done = run((0, "sound"), (1, "finished"), (100, "nothing"), (0, "lost"))
    assert (health.state, done) == ("ended", ["close"])


@given(st.lists(st.tuples(st.floats(0, 100), SAW), max_size=60))
def test_whatever_happens_it_comes_back(seen):
    health, now, opened = Health.opening(0), 0.0, True
    for later_s, saw in seen:
        now += later_s
        before, (health, do) = health, step(health, saw, now, PATIENCE)
        assert (do == "open") <= (not opened)  # never opened twice,
        assert (do in ("close", "reopen")) <= opened  # nor closed when it is not open
        opened = {"open": True, "close": False}.get(do, opened)
        assert opened == (health.state not in AWAY)
        if health.state in AWAY and before.state not in AWAY:
            assert 0.5 - 1e-9 <= health.retry_at_s - now <= 30 + 1e-9
    health, _ = step(health, "nothing", max(now, health.retry_at_s), PATIENCE)  # if away, this opens it
    assert step(health, "sound", now + 31, PATIENCE)[0].state == "healthy"


@pytest.mark.parametrize(
    "wrong",
    [{"stuck_s": 0}, {"opening_s": float("nan")}, {"first_retry_s": -1}, {"silent_s": -1}, {"last_retry_s": 0.1}],
)
def test_an_impossible_patience_is_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Patience(**wrong)
