"""What listening costs is measured on the real listener, and compared with a bare loop on the same windows."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pace_edge.errors import DeviceError, UsageError
from pace_edge.model_file import read_model
from streams.bench import compare, measure_recording, measure_source, memory_mb, sound_for
from streams.listening.options import Options
from tests.streams.arrays import Arrays
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


def bench(*words, **options):
    """What the command prints; its exit code is 0, or what it said is shown."""
    command = [sys.executable, "-m", "pace_edge", "bench", *map(str, words)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300, text=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_bench_prints_what_it_measured(small_model, ring, state_folder):
    command = ["--model", small_model, "--input", ring, "--seconds", "12"]
    record = json.loads(bench(*command, "--compare", "--json"))
    assert record["compared"]["ratio"] > 0
    assert record["model"] == "small"
    assert not (state_folder / "journals").exists()
    words = bench(*command)
    assert "% of one core" in words
    assert "compared" not in words


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="the system does not tell")
def test_bench_says_that_the_machine_was_too_busy_to_measure_and_ends_well(small_model, ring):
    """One core, and three others that want it all the time."""
    core = {"preexec_fn": lambda: os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])}
    with ExitStack() as running:
        for _ in range(3):
            burner = running.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"], **core))
            running.callback(burner.kill)
        record = json.loads(bench("--model", small_model, "--input", ring, "--seconds", "300", "--json", **core))
    assert record["waited_percent"] > 20
    assert record["remark"].startswith("The machine is busy: other programs had the processor for ")


def test_the_remark_says_what_stood_in_the_way(small_model, ring):
    cost = measure_recording(read_model(small_model), "ring.wav", sound_for(ring, RATE_HZ, 10), Options())
    assert replace(cost, waited_percent=3.0).remark() == ""
    assert replace(cost, waited_percent=None).remark() == ""
    assert "for 60 % of the time" in replace(cost, waited_percent=60.0).remark()
    assert replace(cost, waited_percent=None, overflows=1).remark().startswith("Sound was lost")


class Live(Arrays):
    """Gives nothing for ever, once it has given what it has."""

    def __iter__(self):
        yield from self.chunks
        while True:
            yield np.empty(0, np.float32)

    def news(self):
        return []


def test_a_live_source_is_measured_for_so_much_of_its_sound_however_late_it_comes(small_model):
    sound = tone(TONES_HZ["low"], 20, rng=np.random.default_rng(1))
    late = [np.empty(0, np.float32)] * 50
    source = Live(sound)
    source.chunks = [*late, *source.chunks]
    cost = measure_source(read_model(small_model), source, 5.0, Options())
    assert cost.sound_s == pytest.approx(5.0, abs=0.1)
    assert cost.realtime_factor is None
    assert source.closed


def test_a_live_source_that_gives_nothing_is_said_with_what_to_do(small_model, monkeypatch):
    monkeypatch.setattr("streams.bench._PATIENCE_S", 0.0)
    with pytest.raises(DeviceError, match=r"arrays gave too little sound to measure. .* try again"):
        measure_source(read_model(small_model), Live(np.zeros(0, np.float32)), 0.1, Options())


def test_bench_hears_a_microphone_at_its_own_pace(virtual_microphone, small_model):
    command, environment = [sys.executable, "-m", "pace_edge"], virtual_microphone.env
    found = subprocess.run(
        [*command, "devices", "--json"], capture_output=True, check=True, timeout=300, env=environment
    )
    (number,) = [str(device["index"]) for device in json.loads(found.stdout)]
    words = ["--model", small_model, "--seconds", "5", "--json", "--input", number]
    record = json.loads(bench(*words, env=environment))
    assert record["source"].startswith("microphone")
    assert record["realtime_factor"] is None
    assert record["sound_s"] + record["dropped_samples"] / RATE_HZ >= 4.99
    assert record["core_percent"] > 0
