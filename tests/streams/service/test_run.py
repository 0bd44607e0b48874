"""A listener that is left running: it starts as set, ends gracefully, takes a new model and tells what it does."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager, suppress

import numpy as np
import pytest
import soundfile

from streams.teaching.change import Changer
from tests.synthetic import RATE_HZ, TONES_HZ, hiss, tone, write_small_model
from tests.waiting import PATIENCE_S, wait_until


@pytest.fixture(scope="module")
def other_model(tmp_path_factory):
    return write_small_model(tmp_path_factory.mktemp("model") / "other.onnx", name="other")


@pytest.fixture
def model(small_model, tmp_path):
    return shutil.copy(small_model, tmp_path / "model.onnx")


@contextmanager
def listening(*words, **environment):
    """A listener on standard input, in a process of its own, for ten minutes at most."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pace_edge", "listen", "--input", "-", *map(str, words)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **environment},
    )  # fmt: skip
    limit = threading.Timer(2 * PATIENCE_S, process.kill)
    limit.start()
    try:
        yield process
    finally:
        limit.cancel()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with suppress(BrokenPipeError):
                pipe.close()


def play(process, samples):
    process.stdin.write((32767 * samples).astype("<i2").tobytes())
    process.stdin.flush()


@contextmanager
def still_playing(process):
    """Quiet sound, until the end of `with`."""
    enough = threading.Event()

    def go_on():
        while not enough.wait(0.05):
            play(process, hiss(0.1, rng=np.random.default_rng(2)))

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def low(seconds):
    return tone(TONES_HZ["low"], seconds, rng=np.random.default_rng(1))


def read_until(process, wanted, *, lines=100):
    """The first record of standard output that is `wanted`."""
    for _ in range(lines):
        record = json.loads(process.stdout.readline())
        if wanted(record):
            return record
    raise AssertionError("it did not come")


def is_whole(path):
    """A line of JSON is there to its end."""
    with suppress(FileNotFoundError, json.JSONDecodeError):
        return bool(json.loads(path.read_text()))
    return False


def is_start(record):
    return record["type"] == "event" and record["state"] == "start"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_stop_ends_what_goes_on_although_no_sound_comes(model, number, code):
    with listening("--model", model) as process:
        play(process, low(4))
        assert read_until(process, is_start)["label"] == "low"
        process.send_signal(number)  # its standard input stays open, and silent
        out, words = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == code, words
        end = [json.loads(line) for line in out.splitlines()][-1]
        assert (end["type"], end["state"], end["label"]) == ("event", "end", "low")
        assert b"Traceback" not in words


def test_a_new_model_takes_over_and_a_bad_one_does_not(model, other_model):
    with listening("--model", model) as process:
        play(process, low(2))
        assert read_until(process, is_start)["label"] == "low"

        def reload():
            """What it says of the model file, while sound goes on coming."""
            process.send_signal(signal.SIGHUP)
            with still_playing(process):
                while True:
                    line = process.stderr.readline().decode()
                    if not line or "the model" in line or "model.onnx" in line or "goes on with" in line:
                        return line

        assert "has not changed" in reload()
        model.write_bytes(b"no model at all")
        assert "the model stays as it was: " in reload()
        shutil.copy(other_model, model)
        assert "goes on with other" in reload()
        play(process, low(4))
        process.stdin.close()
        starts = [json.loads(line) for line in process.stdout if b'"start"' in line]
        assert [start["label"] for start in starts] == ["low"]
        assert process.wait(PATIENCE_S) == 0


def test_windows_go_on_without_a_gap_over_a_new_model(model, other_model):
    with listening("--model", model) as process:
        play(process, hiss(3, rng=np.random.default_rng(3)))
        read_until(process, lambda record: record["type"] == "window" and record["end_s"] == 2.5)
        shutil.copy(other_model, model)
        process.send_signal(signal.SIGHUP)
        ends = [2.5]
        with still_playing(process):
            while ends[-1] < 1000:  # of sound, which is the longer the slower the model comes
                record = json.loads(process.stdout.readline())
                if record["type"] == "window":
                    ends.append(record["end_s"])
                elif record["type"] == "notice":
                    break
        assert "goes on with other" in record["words"]
        process.stdin.close()
        ends += [record["end_s"] for record in map(json.loads, process.stdout) if record["type"] == "window"]
        *steps, last = np.diff(ends)
        assert np.allclose(steps, 0.5)
        assert 0 < last <= 0.5  # the sound's own end


def test_systemd_hears_when_it_is_ready_alive_and_stopping(model, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE_S)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000"}
        with listening("--model", model, **environment) as process:
            play(process, low(2))
            assert systemd.recv(1000).startswith(b"READY=1")
            assert systemd.recv(1000) == b"WATCHDOG=1"
            process.send_signal(signal.SIGTERM)
            while (message := systemd.recv(1000)) == b"WATCHDOG=1":
                pass
            assert message == b"STOPPING=1"
            assert process.wait(PATIENCE_S) == 0


def test_all_is_set_in_one_file(model, tmp_path, state_folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    state_folder.mkdir()
    (state_folder / "config.toml").write_text(
        f"""
        [model]
        file = "{model}"
        [events]
        min_hits = 1
        [outputs]
        stdout = "events"
        csv = "{tmp_path}/events.csv"
        [outputs.history]
        keep = true
        [outputs.clips]
        folder = "{tmp_path}/clips"
        [[outputs.commands]]
        command = "cat >> {tmp_path}/commanded"
        states = ["end"]
        [metrics]
        port = {port}
        [log]
        time = "never"
        """
    )
    with listening() as process:
        play(process, low(2))
        assert b"low is heard" in process.stdout.readline()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as answer:
            numbers = answer.read().decode()
        assert 'pace_edge_events_total{label="low",source="standard input"} 1.0' in numbers
        assert 'pace_edge_sink_reports_total{outcome="written",sink="history"} 1.0' in numbers
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=PATIENCE_S) as answer:
            assert answer.status == 200
        play(process, hiss(3, rng=np.random.default_rng(5)))
        # closing waits for a command for seconds only; read, for it is not written in one go
        wait_until(lambda: is_whole(tmp_path / "commanded"), "the command has run")
        out, words = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, words
    assert words.startswith(b"listening to standard input with small: 3 classes\n")
    assert b"low ended after" in out
    assert len((tmp_path / "events.csv").read_text().splitlines()) == 2
    assert json.loads((tmp_path / "commanded").read_text())["label"] == "low"
    (clip,) = (tmp_path / "clips").glob("*.flac")
    sound, rate_hz = soundfile.read(clip)
    assert rate_hz == RATE_HZ
    assert np.abs(sound).max() > 0.2
    history = subprocess.run(
        [sys.executable, "-m", "pace_edge", "history", "--json"], capture_output=True, check=True, timeout=300
    )
    assert json.loads(history.stdout)["state"] == "end"


def test_two_sources_have_the_names_that_they_are_given(model, tmp_path):
    soundfile.write(tmp_path / "a.wav", low(2), RATE_HZ)
    soundfile.write(tmp_path / "b.wav", tone(TONES_HZ["high"], 2, rng=np.random.default_rng(6)), RATE_HZ)
    (tmp_path / "two.toml").write_text(
        f'realtime = false\n[[sources]]\ninput = "{tmp_path}/a.wav"\nname = "attic"\n'
        f'[[sources]]\ninput = "{tmp_path}/b.wav"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "pace_edge", "listen", "--model", model, "--config", tmp_path / "two.toml"],
        capture_output=True, check=True, timeout=300,
    )  # fmt: skip
    starts = [json.loads(line) for line in done.stdout.splitlines() if b'"start"' in line]
    assert {(start["source"], start["label"]) for start in starts} == {("attic", "low"), ("file b.wav", "high")}


def test_outputs_follow_the_classes_that_they_were_set_for_and_a_slip_is_said(model, tmp_path):
    (tmp_path / "c.toml").write_text(
        f'[events]\nhidden = ["hihg"]\n[outputs.clips]\nfolder = "{tmp_path / "clips"}"\nlabels = ["lwo"]\n'
        f'[[outputs.commands]]\ncommand = "cat > {tmp_path}/$PACE_EDGE_LABEL"\nlabels = ["low"]\nstates = ["start"]\n'
    )
    with Changer(model) as changer:
        changer.rename("low", "hum")
    with listening("--model", model, "--config", tmp_path / "c.toml") as process:
        play(process, low(4))
        assert read_until(process, is_start)["label"] == "hum"
        _, words = process.communicate(timeout=300)
    assert json.loads((tmp_path / "hum").read_text())["label"] == "hum"
    assert b"events.hidden names 'hihg', which is no class: did you mean 'high'?" in words
    assert b"outputs.clips.labels names 'lwo', which is no class" in words
