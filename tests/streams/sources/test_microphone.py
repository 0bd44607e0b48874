"""A real PortAudio records a virtual microphone, in the process that the source starts for it."""

import ctypes.util
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pace_edge.errors import DeviceError
from streams.sources import microphone
from streams.sources.devices import InputDevice
from streams.sources.microphone import input_devices, open_microphone
from streams.sources.source import open_source
from streams.sources.watchdog import Patience
from tests.waiting import PATIENCE_S


@pytest.fixture
def here(virtual_microphone, monkeypatch):
    """The virtual microphone is this process's own, too."""
    for name, value in virtual_microphone.env.items():
        monkeypatch.setenv(name, value)
    return virtual_microphone


def record(here, folder: Path, clip: np.ndarray, *, rate_hz: int, **options) -> np.ndarray:
    """What the source makes of the 16 kHz int16 `clip`, from the first sound on; recorded again where it says itself
    that the sound system lost some, as on a machine that is too busy."""
    soundfile.write(folder / "clip.wav", clip, 16000)
    for _ in range(10):
        heard, lost = record_once(here, folder / "clip.wav", len(clip), rate_hz=rate_hz, **options)
        if not lost:
            return heard
    pytest.skip("this machine is too busy to record without a loss")


def record_once(here, clip: Path, samples: int, *, rate_hz: int, **options) -> tuple[np.ndarray, bool]:
    """And whether something was lost."""
    chunks, loud = [], 0
    with open_microphone(None, rate_hz=rate_hz, **options) as source:
        for chunk in source:
            if not chunks:
                player = here.play(clip, wait=False)
            chunks.append(chunk)
            loud += len(chunk) if loud or chunk.any() else 0
            if loud > samples / 16000 * rate_hz:
                break
    player.wait()
    heard = np.concatenate(chunks)
    assert heard.dtype == np.float32
    return heard[np.flatnonzero(heard)[0] :], bool(source.dropped or source.overflows)


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 8000, round(seconds * 16000), dtype=np.int16)


def test_a_played_clip_is_recorded_bit_for_bit_while_another_process_burns_a_core(here, tmp_path):
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as burner:
        try:
            heard = record(here, tmp_path, clip := noise(2), rate_hz=16000)
        finally:
            burner.kill()
    np.testing.assert_array_equal(heard[: len(clip)], clip.astype(np.float32) / 32768)


def test_a_chosen_channel_is_heard_alone(here, tmp_path):
    clip = noise(0.5)
    heard = record(here, tmp_path, clip, rate_hz=16000, channel=2)
    np.testing.assert_array_equal(heard[: len(clip)], clip.astype(np.float32) / 32768)


def test_a_channel_that_is_not_there_is_told(here):
    with pytest.raises(DeviceError, match="has no channel 99: expected 1 to 32"):
        open_microphone(None, rate_hz=16000, channel=99).__enter__()


def test_a_rate_that_the_device_refuses_is_resampled(here, tmp_path):
    rate_hz = 500_000  # beyond the sound server's 384 kHz, so it opens at the device's own 44.1 kHz
    tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)).astype(np.int16)
    heard = record(here, tmp_path, tone, rate_hz=rate_hz)
    middle = heard[rate_hz // 4 : rate_hz * 3 // 4]
    assert np.abs(np.fft.rfft(middle)).argmax() == 1000 * len(middle) / rate_hz
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(8000 / 32768 / np.sqrt(2), rel=0.02)


def test_a_slow_reader_loses_counted_samples_and_keeps_the_time(here):
    with open_microphone(None, rate_hz=16000, ring_s=0.2) as source:
        chunks, given = iter(source), 0
        while given < 1600:
            given += len(next(chunks))
        lost = source.dropped
        time.sleep(6)  # the pipe holds a second
        assert source.dropped == lost  # chunks from before the loss stand before it in time
        behind_s, give_up_s = np.inf, time.monotonic() + PATIENCE_S
        while source.dropped == lost or abs(behind_s) > 1:  # it catches up, for it is late itself
            assert time.monotonic() < give_up_s, behind_s
            given += len(next(chunks))
            now_s = time.monotonic()
            behind_s = now_s - source._begin_s - (given + source.dropped) / 16000
    assert 2 * 16000 < source.dropped - lost < (now_s - source._begin_s) * 16000


def test_the_devices_are_listed_with_their_rates(here):
    (device,) = input_devices(rates=True)
    rates_hz = (8000, 16000, 22050, 32000, 44100, 48000)
    assert device == InputDevice(0, "default", channels=32, rate_hz=44100, default=True, rates_hz=rates_hz)


def test_a_device_that_is_plugged_in_later_is_listed(here):
    here.pull_out()
    before = input_devices(rates=True)
    here.plug_in()
    assert all(not device.rates_hz for device in before)
    assert input_devices(rates=True)[0].rates_hz


@pytest.mark.parametrize("words", ["0", "FAUL"])
def test_words_for_a_microphone_open_it(here, words):
    source = open_source(words, rate_hz=16000, realtime=True)
    assert (source.name, source.rate_hz) == ("microphone 'default' (device 0)", 16000)


def test_a_hung_sound_server_is_told_when_the_devices_are_listed(here, monkeypatch):
    monkeypatch.setattr(microphone, "_LIST_S", 1.0)
    here.server.send_signal(signal.SIGSTOP)
    with pytest.raises(DeviceError, match=r"did not answer in 1 s\. Restart the sound server"):
        input_devices()


def test_a_hung_sound_server_is_told_when_a_microphone_is_opened(here):
    source = open_microphone(None, rate_hz=16000, patience=Patience(opening_s=1))
    here.server.send_signal(signal.SIGSTOP)
    with pytest.raises(DeviceError, match="did not open within 1 s"):
        source.__enter__()


def test_a_device_that_cannot_be_opened_is_named(here):
    source = open_microphone(None, rate_hz=16000)
    here.server.kill()
    here.server.wait()
    with pytest.raises(DeviceError, match=r"(cannot be opened \(|there is no microphone)"):
        source.__enter__()


@pytest.fixture
def no_devices(tmp_path, monkeypatch):
    (tmp_path / "alsa.conf").write_text("pcm.default { type hw card 31 }\n")  # the 32nd sound card
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "alsa.conf"))


@pytest.mark.skipif(not ctypes.util.find_library("portaudio"), reason="no PortAudio: apt-get install libportaudio2")
def test_no_microphone_at_all_is_said(no_devices):
    assert input_devices() == []
    with pytest.raises(DeviceError, match=r"^there is no microphone. Plug one in, or listen to a file with --input"):
        open_microphone(None, rate_hz=16000)


@pytest.fixture
def portaudio_that(tmp_path, monkeypatch):
    """The recording process finds a sounddevice module that does this."""

    def does(what):
        (tmp_path / "sounddevice.py").write_text(what)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return does


def test_a_missing_portaudio_is_said_with_what_to_install(portaudio_that):
    portaudio_that("raise OSError('PortAudio library not found')")
    with pytest.raises(DeviceError, match="PortAudio library not found") as caught:
        input_devices()
    assert "apt-get install libportaudio2" in str(caught.value) or sys.platform != "linux"


def test_a_sound_system_that_aborts_does_not_end_the_program(portaudio_that):
    portaudio_that("import os; os.abort()")  # as ALSA does where its configuration is wrong
    with pytest.raises(DeviceError, match=r"recording process ended by itself \(SIGABRT\)"):
        input_devices()


def test_what_a_library_prints_does_not_come_between(portaudio_that):
    portaudio_that("print('ALSA lib says hello', flush=True); raise OSError('and fails')")
    with pytest.raises(DeviceError, match="and fails"):
        input_devices()
