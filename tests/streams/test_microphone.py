"""A real PortAudio records a virtual microphone, each time in a process of its own (see virtual_microphone)."""

import ctypes.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pace_edge.errors import DeviceError
from streams.microphone import InputDevice, choose_device
from tests.virtual_microphone import VirtualMicrophone

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30

# Says "recording" at the first chunk, and saves all it heard once `loud_s` have followed the first sound.
RECORD = """
import sys
import numpy as np
from streams.microphone import Microphone
rate_hz, loud_s, path = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
chunks, loud = [], 0
with Microphone(None, rate_hz=rate_hz) as source:
    for chunk in source:
        chunks or print("recording", flush=True)
        chunks.append(chunk)
        loud += len(chunk) if loud or chunk.any() else 0
        if loud > loud_s * rate_hz:
            break
np.save(path, np.concatenate(chunks))
print(source.dropped, source.overflows)
"""

# Listens until it is stopped or the device dies, then says so.
LISTEN = """
import streams.microphone
from pace_edge.errors import DeviceError
streams.microphone._STALL_S = 1.0
heard = 0
try:
    with streams.microphone.Microphone(None, rate_hz=16000) as source:
        for chunk in source:
            heard or print("recording", flush=True)
            heard += len(chunk)
except DeviceError as error:
    print(error)
except KeyboardInterrupt:
    print("interrupted")
"""


def start(script: str, env: dict[str, str], *words: object) -> subprocess.Popen[str]:
    """Run Python in `env`; a script that says "recording" is given back when it has."""
    child = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, words)],
        env={**env, "PYTHONUNBUFFERED": "1"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if "recording" in script:
        assert child.stdout is not None
        assert child.stdout.readline() == "recording\n", child.communicate()
    return child


def output(child: subprocess.Popen[str]) -> str:
    """What it still wrote until it ended, which it must do well."""
    try:
        out, err = child.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        pytest.fail(f"hangs after {child.communicate()}")
    assert child.returncode == 0, err
    return out


def record(microphone: VirtualMicrophone, folder: Path, clip: np.ndarray, *, rate_hz: int) -> np.ndarray:
    """What `Microphone` makes of the 16 kHz int16 `clip`, from the first sound on."""
    soundfile.write(folder / "clip.wav", clip, 16000)
    child = start(RECORD, microphone.env, rate_hz, len(clip) / 16000, folder / "heard.npy")
    microphone.play(folder / "clip.wav")
    assert output(child) == "0 0\n"  # nothing lost
    heard = np.load(folder / "heard.npy")
    assert heard.dtype == np.float32
    return heard[np.flatnonzero(heard)[0] :]


def test_a_played_clip_is_recorded_bit_for_bit(virtual_microphone, tmp_path):
    clip = np.random.default_rng(0).integers(1, 8000, 24000, dtype=np.int16)
    heard = record(virtual_microphone, tmp_path, clip, rate_hz=16000)
    np.testing.assert_array_equal(heard[: len(clip)], clip.astype(np.float32) / 32768)


def test_a_rate_that_the_device_refuses_is_resampled(virtual_microphone, tmp_path):
    rate_hz = 500_000  # beyond the sound server's 384 kHz, so it opens at the device's own 44.1 kHz
    tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)).astype(np.int16)
    heard = record(virtual_microphone, tmp_path, tone, rate_hz=rate_hz)
    middle = heard[rate_hz // 4 : rate_hz * 3 // 4]
    assert np.abs(np.fft.rfft(middle)).argmax() == 1000 * len(middle) / rate_hz
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(8000 / 32768 / np.sqrt(2), rel=0.02)


def test_a_slow_reader_loses_counted_samples_and_keeps_the_time(virtual_microphone):
    script = """
import time
from streams.microphone import Microphone
with Microphone(None, rate_hz=16000, queue_s=0.2) as source:
    heard, dropped_at = 0, []
    for chunk in source:
        if not heard:
            begin = time.monotonic()
        heard += len(chunk)
        dropped_at.append(source.dropped)
        if len(dropped_at) == 5:
            time.sleep(1)
        if len(dropped_at) == 50:
            break
    print(dropped_at[10], source.dropped, heard + source.dropped - (time.monotonic() - begin) * 16000)
"""
    dropped_early, dropped, ahead = map(float, output(start(script, virtual_microphone.env)).split())
    assert dropped_early == 0  # chunks from before the loss stand before it in time
    assert 0.5 * 16000 < dropped < 1.2 * 16000
    assert abs(ahead) < 0.3 * 16000


def test_overflows_are_counted_channels_averaged_and_callback_errors_reach_the_reader(virtual_microphone):
    script = """
import numpy as np, sounddevice
from pace_edge.errors import DeviceError
from streams.microphone import Microphone
source = Microphone(None, rate_hz=44100)
lost, fine = sounddevice.CallbackFlags(2), sounddevice.CallbackFlags()
source._on_block(np.array([[0.5, 0.25]], np.float32), 1, None, lost)
source._on_block(np.array([[0.5, 0.25]], np.float32), 1, None, fine)
chunks = iter(source)
print(source.overflows, next(chunks), next(chunks))
source._on_block(None, 1, None, fine)
try:
    next(chunks)
except DeviceError as error:
    print(error, type(error.__cause__))
"""
    first, second = output(start(script, virtual_microphone.env)).splitlines()
    assert first == "1 [0.375] [0.375]"
    assert "microphone 'default' (device 0) failed" in second
    assert "AttributeError" in second


def test_a_dead_sound_server_ends_listening_with_words(virtual_microphone):
    child = start(LISTEN, virtual_microphone.env)
    virtual_microphone.server.kill()
    killed = time.monotonic()
    assert "microphone 'default' (device 0) stopped. Check its plug" in output(child)
    assert time.monotonic() - killed < 5


def test_a_frozen_sound_server_ends_listening_with_words(virtual_microphone):
    child = start(LISTEN, virtual_microphone.env)
    virtual_microphone.server.send_signal(signal.SIGSTOP)
    assert "sent nothing for 1 s" in output(child)


def test_ctrl_c_works_while_no_sound_comes(virtual_microphone):
    child = start(LISTEN.replace("_STALL_S = 1.0", "_STALL_S = 60.0"), virtual_microphone.env)
    virtual_microphone.server.send_signal(signal.SIGSTOP)
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    assert output(child).endswith("interrupted\n")


def test_a_device_that_cannot_be_opened_is_named(virtual_microphone):
    script = """
import os, signal, sys
from pace_edge.errors import DeviceError
from streams.microphone import Microphone
source = Microphone(None, rate_hz=16000)
os.kill(int(sys.argv[1]), signal.SIGKILL)
try:
    source.__enter__()
except DeviceError as error:
    print(error)
"""
    words = output(start(script, virtual_microphone.env, virtual_microphone.server.pid))
    assert "microphone 'default' (device 0) cannot be opened (" in words
    assert "`pace-edge devices` lists" in words


def test_words_for_a_microphone_open_it(virtual_microphone):
    script = """
from streams.microphone import input_devices
from streams.sources import open_source
print(input_devices())
for words in (None, "0", "FAUL"):
    source = open_source(words, rate_hz=16000, realtime=True)
    print(source.name, source.rate_hz)
"""
    devices, *sources = output(start(script, virtual_microphone.env)).splitlines()
    assert devices == "[InputDevice(index=0, name='default', channels=32, rate_hz=44100, default=True)]"
    assert sources == ["microphone 'default' (device 0) 16000"] * 3


@pytest.mark.skipif(not ctypes.util.find_library("portaudio"), reason="no PortAudio: apt-get install libportaudio2")
def test_no_microphone_at_all_is_said(tmp_path):
    (tmp_path / "alsa.conf").write_text("pcm.default { type hw card 31 }\n")  # the 32nd sound card
    script = """
from pace_edge.errors import DeviceError
from streams.microphone import Microphone, input_devices
print(input_devices())
try:
    Microphone(None, rate_hz=16000)
except DeviceError as error:
    print(error)
"""
    child = start(script, {**os.environ, "ALSA_CONFIG_PATH": str(tmp_path / "alsa.conf")})
    assert output(child) == "[]\nthere is no microphone. Plug one in, or listen to a file with --input FILE.\n"


def test_a_missing_portaudio_is_said_with_what_to_install():
    script = """
import ctypes.util
ctypes.util.find_library = lambda name: None  # what it finds where PortAudio is not installed
from pace_edge.errors import DeviceError
from streams.microphone import input_devices
try:
    input_devices()
except DeviceError as error:
    print(error)
"""
    words = output(start(script, dict(os.environ)))
    assert "PortAudio library not found" in words
    assert "apt-get install libportaudio2" in words or sys.platform != "linux"


USB = InputDevice(index=3, name="USB PnP", channels=1, rate_hz=48000, default=False)
BUILT_IN = InputDevice(index=0, name="Built-in", channels=2, rate_hz=44100, default=True)
USB_2 = InputDevice(index=5, name="USB PnP 2", channels=1, rate_hz=48000, default=False)
DEVICES = [USB, BUILT_IN, USB_2]


@pytest.mark.parametrize(
    ("wanted", "device"), [(None, BUILT_IN), (5, USB_2), ("built", BUILT_IN), ("usb pnp", USB), ("pnp 2", USB_2)]
)
def test_a_device_is_chosen_by_default_number_or_name(wanted, device):
    assert choose_device(wanted, DEVICES) == device


def test_without_a_default_the_first_device_is_taken():
    assert choose_device(None, [USB, USB_2]) == USB


@pytest.mark.parametrize(("wanted", "words"), [(4, "with number 4"), ("webcam", "called 'webcam'")])
def test_an_unknown_device_is_answered_with_the_list(wanted, words):
    with pytest.raises(DeviceError, match=rf"no microphone {words}; there is 'USB PnP' \(device 3\), 'Built-in'"):
        choose_device(wanted, DEVICES)


def test_a_name_that_means_two_devices_is_not_guessed():
    with pytest.raises(DeviceError, match=r"more than one microphone called 'usb': .*device 3.*device 5.* number"):
        choose_device("usb", DEVICES)
