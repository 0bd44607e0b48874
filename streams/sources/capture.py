"""The process that records one live source and sends it to the process that listens.

Each microphone and each network stream has such a process of its own, because

- PortAudio looks for devices once, when it is initialised, and doing that again closes every open microphone of its
  process: here a device that comes back is found by a new process, and the other microphones go on;
- a wrong ALSA setting aborts the process, and a hung sound server lets no stream be closed: this one can be killed;
- the audio callback needs Python's global lock. Here nobody else holds it; beside the model it would have to wait.

It costs about 25 MB, 50 with FFmpeg, and a copy of the sound.

The job is a line of JSON on standard input. What comes on standard output are messages: a letter and a size
(`HEAD`), then the body, JSON or a block (`BLOCK`, then float32 PCM, channels interleaved). Sound waits in a bounded
ring, so a reader that is too slow costs whole blocks, which are counted: a lag would else grow without an end and
without a word. An empty block is sent four times a second while no sound comes: whom nobody hears ends.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, BinaryIO, NamedTuple

from pace_edge.errors import DeviceError, PaceEdgeError
from streams.sources.devices import (
    InputDevice,
    Known,
    choose_device,
    find_again,
    import_sounddevice,
    list_devices,
    remember,
)

HEAD = struct.Struct("<cI")
BLOCK = struct.Struct("<QQdd")  # frames lost before it, overflows before it; at its end time.monotonic(), time.time()
OPENED, SOUND, FAILED, FINISHED, DEVICES = b"o", b"s", b"f", b"e", b"d"
BREATH_S = 0.25
CHUNK_S = 0.02
REFUSALS = {-9998, -9997}  # PortAudio's paInvalidChannelCount and paInvalidSampleRate
OWN_MIX = 8  # a device with more channels is a sound server, which mixes them itself when asked for one


class Piece(NamedTuple):
    pcm: bytes  # float32, channels interleaved
    frames: int
    lost_frames: int
    overflows: int
    at_s: float
    at_unix_s: float


class Ring:
    """Pieces between the audio callback and the writer. Full, it loses what comes, and counts it; it never waits."""

    def __init__(self, room_frames: int) -> None:
        self._queue: queue.SimpleQueue[Piece] = queue.SimpleQueue()
        self._room_frames = room_frames
        self._in = self._out = 0  # frames; each is written by one thread alone
        self.lost_frames = 0
        self.overflows = 0  # times that the sound system itself lost samples; it does not say how many
        self.error: Exception | None = None

    def on_block(self, block: Any, frames: int, _time: object, status: Any) -> None:
        """PortAudio's callback: `block` is only valid until this returns."""
        try:
            self.overflows += bool(status.input_overflow)
            self.put(bytes(block), frames)
        except Exception as error:  # raised here it would reach nobody
            self.error = error

    def put(self, pcm: bytes, frames: int) -> None:
        if self._in - self._out + frames > self._room_frames:
            self.lost_frames += frames
            return
        self._in += frames
        self._queue.put(Piece(pcm, frames, self.lost_frames, self.overflows, time.monotonic(), time.time()))

    def get(self) -> Piece | None:
        """The next piece, or None when none came for a moment."""
        try:
            piece = self._queue.get(timeout=BREATH_S)
        except queue.Empty:
            return None
        self._out += piece.frames
        return piece


def main() -> None:
    for interrupt in (signal.SIGINT, signal.SIGTERM):  # meant for the listener; we end when nobody hears us
        signal.signal(interrupt, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints must not come between
    try:
        job = json.loads(sys.stdin.buffer.readline())
        jobs: dict[str, Callable[..., None]] = {"devices": _send_devices, "microphone": _record, "network": _receive}
        jobs[job.pop("do")](out, **job)
    except BrokenPipeError:
        pass
    except Exception as error:
        words = str(error) if isinstance(error, PaceEdgeError) else f"recording failed ({error!r})"
        send_json(out, FAILED, {"words": words.removesuffix(".")})
    os._exit(0)  # closing a stream properly may hang; the sound system notices that we are gone


def send(out: BinaryIO, kind: bytes, *body: bytes) -> None:
    message = b"".join((HEAD.pack(kind, sum(map(len, body))), *body))
    while message:  # a pipe takes what it has room for
        message = message[out.write(message) :]


def send_json(out: BinaryIO, kind: bytes, body: Any) -> None:
    send(out, kind, json.dumps(body).encode())


def _send_devices(out: BinaryIO, *, rates: bool) -> None:
    found = list_devices(import_sounddevice(), rates=rates)
    send_json(out, DEVICES, [asdict(device) for device in found])


def _record(
    out: BinaryIO, *, device: int | str | None, rate_hz: int, channel: int | None, ring_s: float,
    known: dict[str, Any] | None = None, was_open: bool = False,
) -> None:  # fmt: skip
    sounddevice = import_sounddevice()
    there = list_devices(sounddevice)
    chosen = find_again(Known(**known), there) if known else choose_device(device, there)
    stream, ring = _open(sounddevice, chosen, rate_hz, channel, ring_s, was_open=was_open)
    again: dict[str, Any] = {"was_open": True}
    if device is not None:  # the default is whatever is it then
        again["known"] = asdict(remember(chosen, there))
    send_json(out, OPENED, {"rate_hz": round(stream.samplerate), "channels": stream.channels, "again": again})
    _pass_on(out, ring, lambda: "" if stream.active else f"microphone {chosen} stopped")


def _open(
    sounddevice: Any, device: InputDevice, rate_hz: int, channel: int | None, ring_s: float, *, was_open: bool = False
) -> tuple[Any, Ring]:
    """The started PortAudio stream, at the first rate and channel count that the device takes, and its ring.

    `was_open`: it comes back, and may be half there yet. Then a failure that is no refusal of the rate or the channels
    is no reason to try others, at which it would stay.
    """
    if channel is not None and not 1 <= channel <= device.channels:
        raise DeviceError(f"microphone {device} has no channel {channel}", expected=f"1 to {device.channels}")
    if channel is not None:
        counts = (channel, device.channels)
    else:
        counts = (1, device.channels) if device.channels > OWN_MIX else (device.channels, 1)
    reason: Exception | None = None
    for rate in dict.fromkeys((rate_hz, device.rate_hz, 48000, 44100, 32000, 22050, 8000)):
        for count in dict.fromkeys(counts):
            ring = Ring(round(ring_s * rate))
            try:
                stream = sounddevice.RawInputStream(
                    device=device.index, samplerate=rate, channels=count, dtype="float32",
                    blocksize=round(CHUNK_S * rate), callback=ring.on_block,
                )  # fmt: skip
                stream.start()
                return stream, ring
            except sounddevice.PortAudioError as error:
                reason = reason or error  # the first says most: it is of the rate and channels that were wanted
                if was_open and not any(code in REFUSALS for code in error.args[1:2]):
                    raise _cannot_be_opened(device, error) from error
    raise _cannot_be_opened(device, reason) from reason


def _cannot_be_opened(device: InputDevice, reason: Exception | None) -> DeviceError:
    return DeviceError(
        f"microphone {device} cannot be opened ({reason})",
        do="Close the programs that use it, or choose another: `pace-edge devices` lists what there is.",
    )


def _receive(out: BinaryIO, *, url: str, name: str, ring_s: float, timeout_s: float, skip_frames: int = 0) -> None:
    """A network stream. What ends waits for its reader and goes on at `skip_frames`; what is live does neither."""
    from pace_edge.media import MediaFile

    media = MediaFile(url, name, timeout_s=timeout_s, patient=True)
    send_json(out, OPENED, {"rate_hz": media.samplerate, "channels": media.channels, "ends": media.ends})
    if media.ends:
        for block in media.blocks():
            skipped, skip_frames = min(skip_frames, len(block)), max(0, skip_frames - len(block))
            if len(block) > skipped:
                send(out, SOUND, BLOCK.pack(0, 0, time.monotonic(), time.time()), block[skipped:].tobytes())
        send(out, FINISHED)
        return
    ring = Ring(round(ring_s * media.samplerate))

    def receive() -> None:
        try:
            for block in media.blocks():
                ring.put(block.tobytes(), len(block))
            ring.error = DeviceError(f"{name} broke off")
        except Exception as error:
            ring.error = error

    threading.Thread(target=receive, daemon=True).start()
    _pass_on(out, ring, lambda: "")


def _pass_on(out: BinaryIO, ring: Ring, over: Callable[[], str]) -> None:
    """What the ring holds goes out, until `over()` says why it is over."""
    while True:
        piece = ring.get()
        if piece is not None:
            send(out, SOUND, BLOCK.pack(piece.lost_frames, piece.overflows, piece.at_s, piece.at_unix_s), piece.pcm)
        elif ring.error is not None:
            raise ring.error
        elif why := over():
            raise DeviceError(why)
        else:
            send(out, SOUND, BLOCK.pack(ring.lost_frames, ring.overflows, time.monotonic(), time.time()))
