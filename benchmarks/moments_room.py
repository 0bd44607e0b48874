"""A room with microphones that need no hardware, in which the truth is known: what was played is found again, to the
sample, in a recording that the benchmark makes of each microphone beside the product.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import soundfile

from benchmarks.moments_sounds import RATE_HZ, at_level, clicks, pink
from tests.virtual_microphone import VirtualMicrophone

NOISE_S = 30.0  # of noise that repeats
LATENCY_MS = 60  # of the recordings
AHEAD_MS = 1000  # that a player is ahead of what is heard, so that a busy machine does not interrupt it
ALIKE = 0.7  # correlation of what was played with what a microphone got: else it did not come through whole
EVENING_S = 3600
OVER_S = 1.0  # after its player has ended a sound is over


class VoidError(Exception):
    """The machine spoilt this moment, before the product could: it is to be played again."""


@dataclass
class Played:
    """A sound at one microphone: its `first` sample in the recording of that, and where that is known the seconds of
    the recording less those of the listener's stream, `offset_s`."""

    name: str
    microphone: str
    samples: np.ndarray
    first: int = -1
    offset_s: float = 0.0

    @property
    def start_s(self) -> float:
        return self.first / RATE_HZ

    @property
    def end_s(self) -> float:
        return (self.first + len(self.samples)) / RATE_HZ

    def share(self, start_s: float, end_s: float) -> float:
        """How much of its energy lies between these seconds of the recording."""
        power = self.samples.astype(float) ** 2
        first, last = (min(max(round(s * RATE_HZ) - self.first, 0), len(power)) for s in (start_s, end_s))
        return float(power[first:last].sum() / power.sum())

    @property
    def heart_s(self) -> float:
        """The moment before and after which there is as much of it."""
        power = np.cumsum(self.samples.astype(float) ** 2)
        return self.start_s + float(np.searchsorted(power, power[-1] / 2)) / RATE_HZ


class Recording:
    """What a microphone gets, from now on, in another process than the product's."""

    def __init__(self, room: VirtualMicrophone, device: str) -> None:
        words = ["parec", f"--device={device}", "--raw", "--format=s16le", f"--rate={RATE_HZ}", "--channels=1",
                 f"--latency-msec={LATENCY_MS}"]  # fmt: skip
        self._process = subprocess.Popen(words, env=room.env, stdout=subprocess.PIPE)
        self._pcm = np.zeros(EVENING_S * RATE_HZ, np.int16)
        self.count = 0
        self.begin_unix_s = float("inf")  # the clock's time of its first sample
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        rest = b""
        while piece := self._process.stdout.read1(1 << 16):  # type: ignore[attr-defined]
            now, piece = time.time(), rest + piece
            samples = np.frombuffer(piece[: len(piece) // 2 * 2], "<i2")
            rest = piece[len(piece) // 2 * 2 :]
            self._pcm[self.count : self.count + len(samples)] = samples
            self.count += len(samples)
            self.begin_unix_s = min(self.begin_unix_s, now - self.count / RATE_HZ)  # what came late, came late

    def part(self, first: int, last: int) -> np.ndarray:
        return self._pcm[max(0, first) : min(last, self.count)].astype(np.float32) / 32768

    def unix_s(self, second: float) -> float:
        return self.begin_unix_s + second

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class Room:
    """Inside `with`: each of `microphones` hears the noise of its room and what is played there. `env` is for processes
    that listen, and `--input NAME` is such a microphone."""

    def __init__(self, folder: Path, microphones: Sequence[str], noise_dbfs: dict[str, float], seed: int) -> None:
        self.folder, self.microphones, self.noise_dbfs = folder, microphones, noise_dbfs
        self.rng = np.random.default_rng(seed)
        self.played: list[Played] = []
        self.loud: list[
            tuple[str, float, float]
        ] = []  # where anything was played: microphone, seconds of the recording
        self.recordings: dict[str, Recording] = {}
        self._noise: dict[str, subprocess.Popen[bytes]] = {}
        self._virtual = VirtualMicrophone()

    def __enter__(self) -> Self:
        virtual = self._virtual.__enter__()
        try:
            self.env = virtual.env
            config = Path(virtual.env["ALSA_CONFIG_PATH"])
            for name in self.microphones:
                rate = ("rate=16000", "channels=1", "format=s16le")
                virtual.pactl("load-module", "module-null-sink", "norewinds=1", f"sink_name={name}_speaker", *rate)
                virtual.pactl("load-module", "module-remap-source", f"source_name={name}_microphone",
                              f"master={name}_speaker.monitor")  # fmt: skip
                with config.open("a") as file:
                    file.write(f"pcm.{name} {{ type pulse device {name}_microphone }}\n")
                self.recordings[name] = Recording(virtual, f"{name}_speaker.monitor")
                self.start_noise(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for name in list(self._noise):
            self.stop_noise(name)
        for recording in self.recordings.values():
            recording.close()
        self._virtual.__exit__()

    def start_noise(self, microphone: str) -> None:
        once = pink(NOISE_S, self.noise_dbfs[microphone], self.rng)
        path = self.folder / f"{microphone}-noise.wav"
        soundfile.write(path, np.tile(once, round(EVENING_S / 2 / NOISE_S)), RATE_HZ, subtype="PCM_16")
        self._noise[microphone] = self._play(path, microphone)

    def stop_noise(self, microphone: str) -> None:
        """There is digital silence from now on."""
        player = self._noise.pop(microphone)
        player.kill()
        player.wait()

    def play(self, name: str, samples: np.ndarray, levels_dbfs: dict[str, float]) -> list[Played]:
        """One sound, as loud at each microphone as that; it is over when this returns. Raises VoidError."""
        began = {microphone: self.recordings[microphone].count for microphone in levels_dbfs}
        sounds = [Played(name, microphone, at_level(samples, dbfs)) for microphone, dbfs in levels_dbfs.items()]
        players = []
        for sound in sounds:
            path = self.folder / f"{sound.microphone}.wav"
            soundfile.write(path, sound.samples, RATE_HZ, subtype="PCM_16")
            players.append(self._play(path, sound.microphone))
        codes = [player.wait() for player in players]
        for microphone, count in began.items():
            self._was_loud(microphone, count)
        if any(codes):
            raise VoidError(f"paplay exited with {max(codes)}")
        for sound in sounds:
            self._find(sound, began[sound.microphone])
        self.played += sounds
        return sounds

    def steps(self, microphone: str, seconds: float, dbfs: float) -> None:
        """Somebody walks or types, until it is over."""
        path = self.folder / f"{microphone}-steps.wav"
        soundfile.write(path, at_level(clicks(seconds, self.rng), dbfs), RATE_HZ, subtype="PCM_16")
        began = self.recordings[microphone].count
        self._play(path, microphone).wait()
        self._was_loud(microphone, began)

    def _was_loud(self, microphone: str, began: int) -> None:
        """From there up to now, and a little longer."""
        now = self.recordings[microphone].count
        self.loud.append((microphone, began / RATE_HZ, now / RATE_HZ + OVER_S))

    def _play(self, path: Path, microphone: str) -> subprocess.Popen[bytes]:
        words = ["paplay", f"--device={microphone}_speaker", f"--latency-msec={AHEAD_MS}", str(path)]
        return subprocess.Popen(words, env=self.env)

    def _find(self, sound: Played, began: int) -> None:
        """Where it is in the recording, as soon as that has all of it."""
        recording, give_up = self.recordings[sound.microphone], time.monotonic() + 10
        while True:
            heard = recording.part(began, recording.count)
            if len(heard) > len(sound.samples):
                size = 1 << (len(heard) + len(sound.samples) - 1).bit_length()
                product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sound.samples, size))
                at = int(np.argmax(np.fft.irfft(product, size)[: len(heard) - len(sound.samples)]))
                there = heard[at : at + len(sound.samples)]
                alike = float(there @ sound.samples / (np.linalg.norm(there) * np.linalg.norm(sound.samples) + 1e-9))
                if alike >= ALIKE:
                    sound.first = began + at
                    return
            if time.monotonic() > give_up:
                raise VoidError(f"{sound.name} did not come through whole")
            time.sleep(0.1)
