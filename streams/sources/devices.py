"""The devices that record, and which one a person means.

PortAudio aborts or hangs the process where a sound system is set up wrongly, and sees devices only once: what calls
it is `streams/sources/capture.py`, in a process of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pace_edge.errors import DeviceError

COMMON_RATES_HZ = (8000, 16000, 22050, 32000, 44100, 48000)


@dataclass(frozen=True)
class InputDevice:
    """What PortAudio says of a device that can record."""

    index: int
    name: str
    channels: int  # the most it records
    rate_hz: int  # its own rate
    default: bool
    rates_hz: tuple[int, ...] = ()  # which of the common rates it takes, where that was asked

    def __str__(self) -> str:
        return f"'{self.name}' (device {self.index})"


@dataclass(frozen=True)
class Known:
    """A device that was open before. Its number, and the "hw:1,0" in its name, may be others when it comes back."""

    name: str
    alone: bool  # no other device had this name but for the numbers in it


def list_devices(sounddevice: Any, *, rates: bool = False) -> list[InputDevice]:
    """Every microphone; `rates`: with the rates each one takes now (none, where another program holds it)."""
    default = sounddevice.default.device[0]
    return [
        InputDevice(
            index=device["index"],
            name=device["name"],
            channels=device["max_input_channels"],
            rate_hz=round(device["default_samplerate"]),
            default=device["index"] == default,
            rates_hz=tuple(r for r in COMMON_RATES_HZ if _takes(sounddevice, device["index"], r)) if rates else (),
        )
        for device in sounddevice.query_devices()
        if device["max_input_channels"] > 0
    ]


def choose_device(wanted: int | str | None, devices: Sequence[InputDevice]) -> InputDevice:
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


def remember(device: InputDevice, devices: Sequence[InputDevice]) -> Known:
    return Known(device.name, alone=[_stem(other.name) for other in devices].count(_stem(device.name)) == 1)


def find_again(known: Known, devices: Sequence[InputDevice]) -> InputDevice:
    """The device that was open before; never another one, which would be recorded under its name."""
    found = [device for device in devices if device.name == known.name]
    if not found and known.alone:
        found = [device for device in devices if _stem(device.name) == _stem(known.name)]
    if not found:
        raise DeviceError(f"'{known.name}' is not there")
    return found[0]


def import_sounddevice() -> Any:
    """The library, which fails where PortAudio, which it wraps, is not installed."""
    try:
        import sounddevice
    except OSError as error:
        linux = sys.platform.startswith("linux")
        install = "apt-get install libportaudio2" if linux else "pip install --force-reinstall sounddevice"
        raise DeviceError(f"microphones cannot be used ({error})", do=f"Install PortAudio: `{install}`.") from error
    return sounddevice


def _takes(sounddevice: Any, index: int, rate_hz: int) -> bool:
    try:
        sounddevice.check_input_settings(device=index, channels=1, dtype="float32", samplerate=rate_hz)
    except sounddevice.PortAudioError:
        return False
    return True


def _stem(name: str) -> str:
    return name.partition(" (hw:")[0]


def _listed(devices: Sequence[InputDevice]) -> str:
    return ", ".join(map(str, devices))
