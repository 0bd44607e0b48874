"""A microphone as a source of sound, through PortAudio.

The audio callback must not wait: it copies each block into a bounded queue. All work (averaging channels,
resampling, noticing that the device died) is done by whoever iterates. When that reader is too slow the queue fills
and whole blocks are dropped and counted: a lag would otherwise grow without an end, and without a word.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from pace_edge.audio import resampled
from pace_edge.errors import DeviceError

_LIST_DEVICES = "`pace-edge devices` lists what there is."
_STALL_S = 5.0  # a device that is alive sends silence too
_POLL_S = 0.25  # short waits, so that Ctrl-C works and a dead device is noticed
_CLOSE_S = 1.0


@dataclass(frozen=True)
class InputDevice:
    """What PortAudio says of a device that can record."""

    index: int
    name: str
    channels: int  # the most it records
    rate_hz: int  # its own rate
    default: bool

    def __str__(self) -> str:
        return f"'{self.name}' (device {self.index})"


def input_devices() -> list[InputDevice]:
    """Every microphone there was when this process first asked; empty if there is none."""
    sounddevice = _sounddevice()
    default = sounddevice.default.device[0]
    return [
        InputDevice(
            index=device["index"],
            name=device["name"],
            channels=device["max_input_channels"],
            rate_hz=round(device["default_samplerate"]),
            default=device["index"] == default,
        )
        for device in sounddevice.query_devices()
        if device["max_input_channels"] > 0
    ]


class Microphone:
    """A recording device: None is the system's default, an int its number, a str part of its name.

    It opens at `rate_hz` with one channel if the device can, else as the device wants, and converts.
    """

    def __init__(self, device: int | str | None, *, rate_hz: int, chunk_s: float = 0.02, queue_s: float = 10.0) -> None:
        self.rate_hz = rate_hz
        self.dropped = 0  # samples at rate_hz, lost before the latest chunk because the reader was slow
        self.overflows = 0  # times that PortAudio itself lost samples; it does not say how many
        self._device = choose_device(device, input_devices())
        self.name = f"microphone {self._device}"
        self._chunk_s = chunk_s
        self._queue: queue.SimpleQueue[tuple[np.ndarray, int]] = queue.SimpleQueue()
        self._queue_blocks = max(1, round(queue_s / chunk_s))
        self._device_rate_hz = self._device.rate_hz
        self._lost_frames = 0
        self._error: Exception | None = None

    def __enter__(self) -> Self:
        self._stream = self._open()
        return self

    def __exit__(self, *exception: object) -> None:
        # Closing never returns while the sound server hangs: then leave it behind rather than hang too.
        closing = threading.Thread(target=self._stream.close, daemon=True)
        closing.start()
        closing.join(_CLOSE_S)

    def __iter__(self) -> Iterator[np.ndarray]:
        return resampled(self._blocks(), self._device_rate_hz, self.rate_hz)

    def _open(self) -> Any:
        """The started PortAudio stream, at the first rate and channel count that the device takes."""
        sounddevice = _sounddevice()
        device = self._device
        reason: Exception | None = None
        for rate_hz in dict.fromkeys((self.rate_hz, device.rate_hz)):
            for channels in dict.fromkeys((1, device.channels)):
                try:
                    stream = sounddevice.InputStream(
                        device=device.index,
                        samplerate=rate_hz,
                        channels=channels,
                        dtype="float32",
                        blocksize=round(self._chunk_s * rate_hz),
                        callback=self._on_block,
                    )
                    self._device_rate_hz = rate_hz
                    stream.start()
                    return stream
                except sounddevice.PortAudioError as error:
                    reason = error
        raise DeviceError(
            f"{self.name} cannot be opened ({reason})",
            do=f"Close the programs that use it, or choose another: {_LIST_DEVICES}",
        ) from reason

    def _on_block(self, block: np.ndarray, frames: int, _time: object, status: Any) -> None:
        """PortAudio's thread: `block` [frames, channels] is only valid until this returns."""
        try:
            self.overflows += status.input_overflow
            if self._queue.qsize() < self._queue_blocks:
                self._queue.put((block.copy(), self._lost_frames))
            else:
                self._lost_frames += frames
        except Exception as error:  # raised here it would reach nobody
            self._error = error

    def _blocks(self) -> Iterator[np.ndarray]:
        """Mono blocks [frames] at the device's rate, until the device dies."""
        while True:
            block, lost_frames = self._next()
            self.dropped = round(lost_frames * self.rate_hz / self._device_rate_hz)
            yield block.mean(axis=1)

    def _next(self) -> tuple[np.ndarray, int]:
        deadline = time.monotonic() + _STALL_S
        while True:
            if self._error:
                raise DeviceError(f"{self.name} failed ({self._error!r})", do="Start again.") from self._error
            try:
                return self._queue.get(timeout=_POLL_S)
            except queue.Empty:
                if not self._stream.active:
                    raise self._gone("stopped") from None
                if time.monotonic() > deadline:
                    raise self._gone(f"sent nothing for {_STALL_S:.0f} s") from None

    def _gone(self, how: str) -> DeviceError:
        return DeviceError(
            f"{self.name} {how}", do=f"Check its plug and the sound server, then start again; {_LIST_DEVICES}"
        )


def choose_device(wanted: int | str | None, devices: list[InputDevice]) -> InputDevice:
    """The one device that `wanted` means; an exact name goes before a part of one."""
    if not devices:
        raise DeviceError("there is no microphone", do="Plug one in, or listen to a file with --input FILE.")
    if wanted is None:
        return next((device for device in devices if device.default), devices[0])
    if isinstance(wanted, int):
        words = f"with number {wanted}"
        found = [device for device in devices if device.index == wanted]
    else:
        words, name = f"called '{wanted}'", wanted.casefold()
        exact = [device for device in devices if device.name.casefold() == name]
        found = exact or [device for device in devices if name in device.name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise DeviceError(f"more than one microphone {words}: {_listed(found)}", do="Choose one by its number.")
    raise DeviceError(f"no microphone {words}; there is {_listed(devices)}", do="Choose one of these.")


def _listed(devices: list[InputDevice]) -> str:
    return ", ".join(map(str, devices))


def _sounddevice() -> Any:
    """The library, imported when first needed: it fails where PortAudio, which it wraps, is not installed."""
    try:
        import sounddevice
    except OSError as error:
        linux = sys.platform.startswith("linux")
        install = "apt-get install libportaudio2" if linux else "pip install --force-reinstall sounddevice"
        raise DeviceError(f"microphones cannot be used ({error})", do=f"Install PortAudio: `{install}`.") from error
    return sounddevice
