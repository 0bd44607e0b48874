"""A microphone that is pulled out, stuck or mute comes back; nobody waits for it, and the time it was away counts."""

import os
import signal
import subprocess
import sys
import time
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pace_edge.errors import DeviceError
from streams.sources.microphone import open_microphone
from streams.sources.several import arrivals
from streams.sources.source import open_sources
from streams.sources.watchdog import Patience
from tests.streams.sources.test_microphone import here as here
from tests.waiting import PATIENCE_S as LONGEST_S
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
RATE_HZ = 16000
# A busy machine lets a recording process wait for a second or two, which must not pass for a stuck device
SOON = Patience(opening_s=60, stuck_s=4, silent_s=0, first_retry_s=0.1, last_retry_s=0.5)
JITTER_S = 1.5  # of the clock at which a block of sound is seen; the tests lose twice as much


class Listening:
    """Reads a source and keeps the books."""

    def __init__(self, source):
        self.source, self.chunks = source, iter(source)
        self.given = self.empties = 0
        self.states = []
        self.heard = []

    def until(self, done):
        """Read on until `done()`."""
        give_up = time.monotonic() + LONGEST_S
        while not done():
            assert time.monotonic() < give_up, (self.states, self.source.health)
            chunk = next(self.chunks)
            self.given += len(chunk)
            self.empties += not len(chunk)
            self.heard.append(chunk)
            self.states += [state.state for state in self.source.news()]
        return self

    def until_state(self, state):
        return self.until(lambda: self.source.health.state == state)

    def more(self, samples=RATE_HZ // 5):
        wanted = self.given + samples
        return self.until(lambda: self.given >= wanted)

    def for_s(self, seconds):
        """Read on for so long by the clock."""
        end_s = time.monotonic() + seconds
        return self.until(lambda: time.monotonic() > end_s)

    def until_with_the_clock(self):
        """Read on until the stream's time is the clock's again: a slow reader is behind, and catches up."""
        return self.until(lambda: abs(self.behind_s) < JITTER_S)

    @property
    def behind_s(self):
        return time.monotonic() - self.source._begin_s - (self.given + self.source.dropped) / RATE_HZ


def listening(**options):
    return open_microphone(None, rate_hz=RATE_HZ, news_s=0, **{"patience": SOON} | options)


def test_a_device_that_is_pulled_out_comes_back_each_time_and_the_stream_goes_on_with_the_clock(here):
    with listening() as source:
        listener = Listening(source).more()
        for time_round in range(1, 4):
            dropped, pulled_s = source.dropped, time.monotonic()
            here.pull_out()
            listener.until(lambda: source.health.state in ("gone", "waiting"))
            empties, gone_s = listener.empties, time.monotonic()
            listener.until(lambda before=empties: listener.empties > before + 2)  # it breathes on
            listener.for_s(2 * JITTER_S)
            at_least_s = time.monotonic() - gone_s
            here.plug_in()
            listener.until_state("healthy").more()
            at_most_s = time.monotonic() - pulled_s
            assert at_least_s - JITTER_S < (source.dropped - dropped) / RATE_HZ < at_most_s + JITTER_S
            assert source.away == source.dropped  # none of it was this machine's fault
            assert source.live
            listener.until_with_the_clock()
            assert listener.states.count("healthy") == time_round + 1
        assert listener.states.count("gone") == 3


def test_the_other_microphones_go_on_while_one_hangs_and_is_opened_again(here, tmp_path, monkeypatch):
    config = Path(here.env["ALSA_CONFIG_PATH"]).read_text()
    (tmp_path / "alsa.conf").write_text(config + "pcm.garden { type pulse device microphone }\n")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "alsa.conf"))
    house, garden = both = open_sources(["default", "garden"], rate_hz=RATE_HZ, realtime=True, patience=SOON)
    states, given, before = [], dict.fromkeys((house.name, garden.name), 0), None
    give_up = time.monotonic() + LONGEST_S

    def since():
        """How far both streams have come since the one was stopped, seconds."""
        far = (given[house.name], given[garden.name] + garden.dropped)
        return [(now - then) / RATE_HZ for now, then in zip(far, before, strict=True)]

    for arrival in arrivals(both):
        assert time.monotonic() < give_up, (states, given)
        given[arrival.source] += len(arrival.chunk)
        states += [(arrival.source, state.state) for state in arrival.news]
        if before is None and min(given.values()) > RATE_HZ // 2:
            os.kill(garden._recorder._process.pid, signal.SIGSTOP)
            before = given[house.name], given[garden.name]
        # it is back when it has been lost, and both have come equally far: a reader that is late catches up
        if before and garden.dropped and abs(np.subtract(*since())) < JITTER_S:
            break
    assert [state for name, state in states if name == house.name] == ["healthy"]
    assert house.dropped == 0
    assert (garden.name, "stuck") in states
    assert garden.dropped > 2 * JITTER_S * RATE_HZ
    assert min(since()) > 2 * JITTER_S


def test_a_stopped_sound_server_is_stuck_and_comes_back_when_it_goes_on(here):
    with listening(patience=Patience(opening_s=15, stuck_s=4, first_retry_s=0.1, last_retry_s=0.5)) as source:
        listener = Listening(source).more()
        here.server.send_signal(signal.SIGSTOP)
        listener.until(lambda: "waiting" in listener.states)  # stuck, and opening hangs too
        here.server.send_signal(signal.SIGCONT)
        listener.until_state("healthy").more()
        assert listener.states[:3] == ["healthy", "stuck", "waiting"]
        listener.until_with_the_clock()


def test_a_sound_server_that_dies_and_is_started_again_is_found(here):
    with listening() as source:
        listener = Listening(source).more()
        here.server.kill()
        here.server.wait()
        listener.until(lambda: "waiting" in listener.states)
        here.start_server()
        listener.until_state("healthy").more()
        assert listener.states[:3] == ["healthy", "gone", "waiting"]
        listener.until_with_the_clock()


def test_a_microphone_that_only_sends_zeros_is_opened_again_and_sound_makes_it_healthy(here, tmp_path):
    long_noise = np.random.default_rng(0).uniform(-0.1, 0.1, round(LONGEST_S) * RATE_HZ)
    soundfile.write(tmp_path / "noise.wav", long_noise, RATE_HZ)
    with listening(patience=Patience(silent_s=0.3)) as source:
        listener = Listening(source)
        listener.until(lambda: "silent" in listener.states).until_state("silent")
        player = here.play(tmp_path / "noise.wav", wait=False)
        listener.until_state("healthy").more()
        player.kill()
        player.wait()
        assert [state for state, _ in groupby(listener.states)][:3] == ["healthy", "silent", "healthy"]


def test_without_restart_a_lost_microphone_is_an_error(here):
    with listening(restart=False) as source:
        listener = Listening(source).more()
        here.server.kill()
        with pytest.raises(DeviceError, match=r"microphone 'default' \(device 0\) stopped. Check its plug"):
            listener.more(RATE_HZ * 10**6)


def test_without_restart_a_stuck_microphone_is_an_error(here):
    with listening(restart=False) as source:
        listener = Listening(source).more()
        here.server.send_signal(signal.SIGSTOP)
        with pytest.raises(DeviceError, match="sent nothing for"):
            listener.more(RATE_HZ * 10**6)


def test_a_microphone_may_be_plugged_in_after_the_start(here):
    here.pull_out()
    with listening(wait=True) as source:
        listener = Listening(source)
        listener.until(lambda: "waiting" in listener.states)
        here.plug_in()
        listener.until_state("healthy").more()
        assert source.dropped == 0  # the stream begins with its first sound


def test_a_lost_recording_process_is_replaced(here):
    with listening() as source:
        listener = Listening(source).more()
        os.kill(source._recorder._process.pid, signal.SIGKILL)
        listener.until(lambda: "gone" in listener.states).until_state("healthy").more()


def test_ctrl_c_works_while_no_sound_comes(here):
    script = """
from streams.sources.microphone import open_microphone
try:
    with open_microphone(None, rate_hz=16000) as source:
        for chunk in source:
            print(len(chunk), flush=True)
except KeyboardInterrupt:
    print("interrupted")
"""
    child = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in the background
    )  # fmt: skip
    while child.stdout.readline() == "0\n":
        pass
    here.server.send_signal(signal.SIGSTOP)
    while child.stdout.readline() != "0\n":
        pass
    child.send_signal(signal.SIGINT)
    assert child.communicate(timeout=LONGEST_S)[0].endswith("interrupted\n")


def test_the_recording_process_ends_with_the_listener_however_that_ends(here):
    script = """
import os
from streams.sources.microphone import open_microphone
with open_microphone(None, rate_hz=16000) as source:
    next(iter(source))
    print(source._recorder._process.pid, flush=True)
    os.kill(os.getpid(), 9)
"""
    child = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    recorder = Path(f"/proc/{int(child.stdout)}/cmdline")
    wait_until(lambda: not (recorder.exists() and recorder.read_bytes()), "it ends")  # a zombie's is empty


def test_an_ended_source_leaves_no_process_behind(here):
    with listening() as source:
        Listening(source).more()
        process = source._recorder._process
    wait_until(lambda: process.poll() is not None)  # closing waits for it for a second only
    assert process.returncode == -signal.SIGKILL
    assert list(source) == []


def test_sound_that_waited_for_its_reader_has_the_time_at_which_it_was_made(here):
    with listening() as source:
        listener = Listening(source).more()
        time.sleep(4.0)  # as a process that is stopped, or a machine that is busy
        woke = time.time()
        listener.more(1)
        assert source.came_unix_s < woke - 0.5
        listener.until(lambda: source.came_unix_s > woke)
