"""Microphones: what there is, and one as a source of sound. PortAudio records them, in a process for each."""

from __future__ import annotations

from pace_edge.errors import DeviceError
from streams.sources.devices import InputDevice, choose_device
from streams.sources.recorder import Failed, Recorder
from streams.sources.watchdog import Patience
from streams.sources.watched import Watched

_LIST_S = 30.0  # a sound server that hangs answers nothing


def input_devices(*, rates: bool = False) -> list[InputDevice]:
    """Every microphone there is now, perhaps none; `rates`: with the common sample rates that each takes.

    >>> import pace_edge
    >>> for microphone in pace_edge.input_devices():
    ...     print(microphone.name)  # doctest: +SKIP
    """
    recorder = Recorder({"do": "devices", "rates": rates})
    try:
        answer = recorder.next(_LIST_S)
    finally:
        recorder.close()
    if isinstance(answer, list):
        return answer
    if isinstance(answer, Failed):
        raise DeviceError(answer.words)
    raise DeviceError(f"the sound system did not answer in {_LIST_S:g} s", do="Restart the sound server.")


def open_microphone(
    device: int | str | None, *, rate_hz: int, channel: int | None = None, patience: Patience | None = None,
    restart: bool = True, wait: bool = False, ring_s: float = 10.0, news_s: float = 60.0,
) -> Watched:  # fmt: skip
    """A recording device: None is the system's default, an int its number, a str part of its name.

    It opens at `rate_hz` if the device can, else as the device wants, and is resampled. `channel`: this one alone, the
    first is 1; else the mix of all. `ring_s`: so much sound waits for a slow reader. With `wait` it need not be there
    yet; else a `DeviceError` says what there is.
    """
    name = "the default microphone" if device is None else f"microphone '{device}'"
    if not wait:
        name = f"microphone {choose_device(device, input_devices())}"
    job = {"do": "microphone", "device": device, "rate_hz": rate_hz, "channel": channel, "ring_s": ring_s}
    return Watched(
        job, name=name, rate_hz=rate_hz, channel=channel, patience=patience, restart=restart, wait=wait, news_s=news_s
    )
