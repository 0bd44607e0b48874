"""The contract that other tools rely on: JSON on stdout, words on stderr, exit codes; no torch; a quick --help."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import soundfile

from tests.synthetic import RATE_HZ, hiss, tone
from tests.waiting import PATIENCE_S


def pace_edge(*words, **options):
    command = [sys.executable, "-m", "pace_edge", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, **options)


@pytest.fixture
def sounds(tmp_path):
    rng = np.random.default_rng(13)
    soundfile.write(tmp_path / "ring.wav", tone(900, 1.5, rng=rng), RATE_HZ)
    programme = [hiss(2, rng=rng), tone(300, 3, rng=rng), hiss(2, rng=rng), tone(900, 3, rng=rng), hiss(2, rng=rng)]
    soundfile.write(tmp_path / "programme.wav", np.concatenate(programme), RATE_HZ)
    return tmp_path


def listen(small_model, sounds, *words):
    done = pace_edge("listen", "--model", small_model, "--input", sounds / "programme.wav", "--no-realtime", *words)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def announced(lines):
    return {line["label"] for line in lines if line["type"] == "event"}


def test_the_loop_listens_learns_and_is_right(small_model, sounds):
    before, words = listen(small_model, sounds)
    assert announced(before) == {"low"} or "doorbell" not in announced(before)
    assert {"type", "start_s", "end_s", "label", "score"} <= set(before[0])
    assert "3 classes" in words
    assert "running on C" in words
    taught = pace_edge("learn", "--model", small_model, "--label", "doorbell", "--file", sounds / "ring.wav")
    assert taught.returncode == 0, taught.stderr
    assert json.loads(taught.stdout)["after"][0] == "doorbell"
    assert "and is now 'doorbell'" in taught.stderr
    after, _ = listen(small_model, sounds)
    assert announced(after) == {"low", "doorbell"}
    counted = json.loads(pace_edge("labels", "--model", small_model, "--json").stdout)
    assert counted[-1].items() >= {"label": "doorbell", "built_in": 0.0, "taught": 1, "hidden": False}.items()


def test_what_was_heard_before_can_be_labelled_after_it(small_model, sounds):
    listen(small_model, sounds)
    taught = pace_edge("learn", "--model", small_model, "--label", "doorbell", "--last", "50")
    assert taught.returncode == 0, taught.stderr
    assert "doorbell" in announced(listen(small_model, sounds)[0])


def test_pcm_on_standard_input_is_heard(small_model, tmp_path):
    pcm = (32767 * tone(300, 3, rng=np.random.default_rng(0))).astype("<i2").tobytes()
    done = subprocess.run(
        [sys.executable, "-m", "pace_edge", "listen", "--model", small_model, "--input", "-"],
        input=pcm, capture_output=True, timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    assert announced(map(json.loads, done.stdout.splitlines())) == {"low"}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["listen", "--model", "absent.onnx"], 1, "cannot read the model file absent.onnx"),
        (["listen", "--input", "absent.wav"], 1, "no such audio file"),
        (["listen", "--input", "text.wav"], 1, "cannot read text.wav as audio"),
        (["listen", "--threshold", "7"], 2, "threshold"),
        (["listen", "--journal", "text.wav", "--input", "ring.wav"], 1, "cannot be used"),
        (["learn"], 2, "--label NAME"),
        (["learn", "--label", " ", "--file", "ring.wav"], 2, "label cannot be used"),
        (["learn", "--label", "x", "--file", "ring.wav", "--last", "3"], 2, "exclude each other"),
        (["learn", "--label", "x", "--input", "0"], 2, "--input goes with --seconds"),
        (["learn", "--label", "x", "--last", "3"], 1, "nothing was heard"),
        (["learn", "--label", "x", "--last", "61"], 2, "60"),
        (["learn", "--label", "x", "--file", "empty.wav"], 1, "empty"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_a_mistake_is_one_clear_line_and_an_exit_code(small_model, sounds, words, code, message):
    (sounds / "text.wav").write_text("no sound in here, and no database either " * 20)
    soundfile.write(sounds / "empty.wav", np.empty(0), RATE_HZ)
    if words[0] in ("listen", "learn") and "--model" not in words:
        words = [words[0], "--model", small_model, *words[1:]]
    done = pace_edge(*words, cwd=sounds)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    if code == 1:
        assert len(done.stderr.splitlines()) == 1


def test_an_interrupt_ends_with_130(small_model, sounds):
    process = subprocess.Popen(
        [sys.executable, "-m", "pace_edge", "listen", "--model", small_model, "--input", sounds / "programme.wav"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert json.loads(process.stdout.readline())["type"] == "window"
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in words


def test_a_file_is_played_at_its_own_speed(small_model, sounds):
    started = time.monotonic()
    done = pace_edge("listen", "--model", small_model, "--input", sounds / "ring.wav")
    assert done.returncode == 0
    assert time.monotonic() - started > 1.5


def test_a_reader_that_goes_away_makes_no_noise(small_model, sounds):
    command = f"{sys.executable} -m pace_edge listen --model {small_model} --input {sounds}/programme.wav --no-realtime"
    done = subprocess.run(
        f"{command} | head -1", shell=True, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr


WITHOUT_TORCH = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchaudio", "export", "onnxscript"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Block())
from pace_edge.cli import main
main()
"""


def test_listening_and_learning_need_no_torch(small_model, sounds):
    for words in (
        ["listen", "--input", "programme.wav", "--no-realtime"],
        ["learn", "--label", "x", "--file", "ring.wav"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_TORCH, words[0], "--model", str(small_model), *words[1:]],
            cwd=sounds, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_help_imports_nothing_heavy():
    script = (
        "import sys; from pace_edge.cli import cli; cli.main(['--help'], standalone_mode=False);"
        "heavy = {'numpy', 'onnx', 'onnxruntime', 'sounddevice', 'soundfile', 'torch'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "listen" in done.stdout


def test_devices_lists_the_microphones(virtual_microphone):
    done = pace_edge("devices", "--json", env=virtual_microphone.env)
    assert done.returncode == 0, done.stderr
    (device,) = json.loads(done.stdout)
    assert device["default"]
    assert device["channels"] >= 1
    words = pace_edge("devices", env=virtual_microphone.env).stdout
    assert f"{device['index']:3d}  {device['name']}" in words
    assert "(default)" in words


def test_the_whole_loop_on_a_real_microphone(virtual_microphone, small_model, sounds):
    """Play, label what was just heard from a second process while the first listens on, which then names it."""
    environment = {**virtual_microphone.env, "PACE_EDGE_HOME": str(sounds / "home")}
    process = subprocess.Popen(
        [sys.executable, "-m", "pace_edge", "listen", "--model", small_model],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    limit = threading.Timer(2 * PATIENCE_S, process.kill)
    limit.start()

    def read_until(wanted):
        for line in process.stdout:
            if wanted(record := json.loads(line)):
                return record
        raise AssertionError("it did not come")

    assert json.loads(process.stdout.readline())["state"] == "healthy"
    assert json.loads(process.stdout.readline())["type"] == "window"
    with virtual_microphone.playing(sounds / "ring.wav"):
        for _ in range(12):  # hops of half a second: more than is taught
            read_until(lambda record: record["type"] == "window" and record["level_dbfs"] > -20)
        taught = pace_edge("learn", "--model", small_model, "--label", "doorbell", "--last", "20", env=environment)
        assert taught.returncode == 0, taught.stderr
        read_until(lambda record: record["type"] == "event" and record["label"] == "doorbell")
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=PATIENCE_S)
    limit.cancel()
    assert process.returncode == 130
    assert "microphone" in words
    assert "learned 'doorbell' from heard" in words


def test_without_a_microphone_it_says_so_and_plays_what_ships(tmp_path):
    (tmp_path / "alsa.conf").write_text("pcm.default { type hw card 31 }\n")  # PortAudio needs a default to fail on
    environment = {k: v for k, v in os.environ.items() if k != "PULSE_SERVER"}
    process = subprocess.Popen(
        [sys.executable, "-m", "pace_edge", "listen"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**environment, "ALSA_CONFIG_PATH": str(tmp_path / "alsa.conf")},
    )  # fmt: skip
    first = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=PATIENCE_S)
    assert first["type"] == "window"
    assert "there is no microphone" in words or "Install PortAudio" in words
    assert "the recording that ships" in words
    assert "listening to file demo.flac with pace-starter" in words


def test_a_recording_from_the_microphone_teaches(virtual_microphone, small_model, tmp_path):
    environment = {**virtual_microphone.env, "PACE_EDGE_HOME": str(tmp_path / "home")}
    soundfile.write(tmp_path / "hum.wav", tone(900, 6, rng=np.random.default_rng(1)), RATE_HZ)
    with virtual_microphone.playing(tmp_path / "hum.wav"):
        done = pace_edge("learn", "--model", small_model, "--label", "hum", "--seconds", "2", env=environment)
    assert done.returncode == 0, done.stderr
    assert "recording 2 s from microphone" in done.stderr
    assert json.loads(done.stdout)["after"][0] == "hum"
