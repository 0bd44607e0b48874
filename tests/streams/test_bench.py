"""What listening costs is measured on the real listener, and compared with a bare loop on the same windows."""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from pace_edge.errors import UsageError
from pace_edge.model_file import read_model
from streams.bench import compare, measure_recording, memory_mb, sound_for
from streams.listening.options import Options
from tests.synthetic import RATE_HZ, TONES_HZ, tone


@pytest.fixture
def ring(tmp_path):
    soundfile.write(tmp_path / "ring.wav", tone(TONES_HZ["low"], 3, rng=np.random.default_rng(1)), RATE_HZ)
    return tmp_path / "ring.wav"


def test_a_recording_is_heard_as_often_as_it_takes(ring):
    sound = sound_for(ring, RATE_HZ, 10)
    assert sound.shape == (10 * RATE_HZ,)
    assert np.array_equal(sound[: 3 * RATE_HZ], sound[3 * RATE_HZ : 6 * RATE_HZ])


def test_the_cost_of_a_recording(small_model, ring):
    cost = measure_recording(read_model(small_model), "ring.wav", sound_for(ring, RATE_HZ, 20), Options(hop_s=0.25))
    assert cost.windows == 80  # one for each hop, the first ones filled from the warm-up
    assert cost.sound_s == pytest.approx(20)
    assert cost.hop_s == 0.25
    p50, p95, p99 = cost.latency_ms
    assert 0 < p50 <= p95 <= p99
    assert cost.core_percent > 0
    assert cost.more_models == max(0, int(100 / cost.core_percent) - 1)
    assert (cost.dropped_samples, cost.overflows) == (0, 0)
    assert cost.realtime_factor > 0


def test_both_loops_hear_the_same_windows(small_model, ring):
    comparison = compare(read_model(small_model), sound_for(ring, RATE_HZ, 21), Options())
    assert comparison.windows == 40  # 20 s after the first window, in 4 turns of 5 s
    assert comparison.listener_ms > 0
    assert comparison.bare_ms > 0


def test_too_little_sound_is_told(small_model, ring):
    with pytest.raises(UsageError, match="too short to compare"):
        compare(read_model(small_model), sound_for(ring, RATE_HZ, 3), Options())
    with pytest.raises(UsageError, match="no window was heard"):
        measure_recording(read_model(small_model), "x", np.zeros(10, np.float32), Options())


def test_memory_is_told_in_bytes_of_this_process():
    now, peak = memory_mb()
    held = np.ones(20_000_000, np.float32)  # 80 MB
    more, highest = memory_mb()
    assert 60 < more - now < 100
    assert highest >= more - 1 and highest >= peak
    del held


def test_bench_prints_what_it_measured(small_model, ring, state_folder):
    command = [sys.executable, "-m", "pace_edge", "bench", "--model", small_model, "--input", ring, "--seconds", "12"]
    done = subprocess.run([*command, "--compare", "--json"], capture_output=True, check=True, timeout=120)
    record = json.loads(done.stdout)
    assert record["compared"]["ratio"] > 0
    assert record["model"] == "small"
    assert not (state_folder / "journals").exists()
    words = subprocess.run(command, capture_output=True, check=True, timeout=120, text=True).stdout
    assert "% of one core" in words
    assert "compared" not in words


def test_bench_hears_a_microphone_at_its_own_pace(virtual_microphone, small_model):
    command, environment = [sys.executable, "-m", "pace_edge"], virtual_microphone.env
    found = subprocess.run(
        [*command, "devices", "--json"], capture_output=True, check=True, timeout=60, env=environment
    )
    (number,) = [str(device["index"]) for device in json.loads(found.stdout)]
    bench = [*command, "bench", "--model", small_model, "--seconds", "5", "--json", "--input", number]
    record = json.loads(subprocess.run(bench, capture_output=True, check=True, timeout=120, env=environment).stdout)
    assert record["source"].startswith("microphone")
    assert record["realtime_factor"] is None
    assert 3 < record["sound_s"] < 7
    assert record["core_percent"] > 0
