"""A microphone that needs no hardware: a private, headless PulseAudio whose default input hears what we play.

What records it is a process that was started with `.env`.
"""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import numpy as np
import pytest
import soundfile

from tests.waiting import PATIENCE_S

# norewinds: without it recording stalls for the first 1 to 2 s
DEVICE = (
    "load-module module-null-sink norewinds=1 sink_name=speaker rate=16000 channels=1 format=s16le",
    "load-module module-remap-source source_name=microphone master=speaker.monitor",
    "set-default-sink speaker",
    "set-default-source microphone",
)


class VirtualMicrophone:
    """Inside `with`: `env` is the environment of a process that records it, `server` the sound server."""

    @staticmethod
    def missing() -> list[str]:
        """The Debian packages to install before this works; empty when it does."""
        found = {
            "libportaudio2": ctypes.util.find_library("portaudio"),
            "pulseaudio": shutil.which("pulseaudio"),
            "pulseaudio-utils": shutil.which("pactl") and shutil.which("paplay"),
            "libasound2-plugins": list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")),
        }
        return [package for package, there in found.items() if not there]

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="microphone-"))
        socket = self._folder / "socket"
        # PortAudio reaches PulseAudio through ALSA, and aborts the process where ALSA knows no "default"
        (self._folder / "alsa.conf").write_text("pcm.default { type pulse }\nctl.default { type pulse }\n")
        (self._folder / "daemon.pa").write_text(
            "\n".join([f"load-module module-native-protocol-unix socket={socket} auth-anonymous=1", *DEVICE, ""])
        )
        self._private = {name: str(self._folder) for name in ("HOME", "XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH")}
        self._outside = outside = {
            k: v for k, v in os.environ.items() if k not in ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS")
        }
        self.env = {
            **outside,
            "PULSE_SERVER": f"unix:{socket}",
            "PULSE_COOKIE": str(self._folder / "cookie"),
            "ALSA_CONFIG_PATH": str(self._folder / "alsa.conf"),
        }
        self._log = (self._folder / "log").open("wb")
        self.start_server()
        return self

    def start_server(self) -> None:
        """Also after it was killed."""
        options = "-n --exit-idle-time=-1 --use-pid-file=no --realtime=no --high-priority=no --disable-shm=yes"
        self.server = subprocess.Popen(
            ["pulseaudio", "--daemonize=no", *options.split(), "-F", self._folder / "daemon.pa"],
            env=self._outside | self._private,
            stderr=self._log,
        )
        give_up = time.monotonic() + PATIENCE_S
        while subprocess.run(["pactl", "info"], env=self.env, capture_output=True).returncode:
            if self.server.poll() is not None or time.monotonic() > give_up:
                log = (self._folder / "log").read_text(errors="replace")
                self.__exit__()
                raise RuntimeError(f"the virtual microphone did not start:\n{log}")
            time.sleep(0.02)

    def pull_out(self) -> None:
        """The device goes; the sound server stays."""
        self.pactl("unload-module", "module-null-sink")  # the source goes with its master

    def plug_in(self) -> None:
        for command in DEVICE:
            self.pactl(*command.split())

    def pactl(self, *words: str) -> str:
        """What the sound server answers."""
        return subprocess.run(["pactl", *words], env=self.env, check=True, capture_output=True, text=True).stdout

    def __exit__(self, *exception: object) -> None:
        self.server.kill()  # also ends a stopped one; it has nothing to save
        self.server.wait()
        self._log.close()
        shutil.rmtree(self._folder)

    def play(self, path: str | Path, *, wait: bool = True) -> subprocess.Popen[bytes]:
        """Play an audio file into the microphone; with `wait` until it has been heard."""
        player = subprocess.Popen(["paplay", path], env=self.env)
        if wait and player.wait():
            raise RuntimeError(f"paplay {path} exited with {player.returncode}")
        return player

    @contextmanager
    def playing(self, path: str | Path) -> Iterator[None]:
        """An audio file over and over, for minutes, until the end of `with`: whoever is late still hears it."""
        sound, rate_hz = soundfile.read(path, dtype="int16")
        over_and_over = self._folder / "playing.wav"
        soundfile.write(over_and_over, np.resize(sound, round(2 * PATIENCE_S) * rate_hz), rate_hz)
        player = self.play(over_and_over, wait=False)
        try:
            yield
        finally:
            player.kill()
            player.wait()


@pytest.fixture
def virtual_microphone() -> Iterator[VirtualMicrophone]:
    if missing := VirtualMicrophone.missing():
        pytest.skip(f"no virtual microphone: apt-get install {' '.join(missing)}")
    with VirtualMicrophone() as microphone:
        yield microphone
