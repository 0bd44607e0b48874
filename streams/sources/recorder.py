"""The listening end of a recording process (`streams/sources/capture.py`): its messages, with a time limit."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from streams.sources.capture import BLOCK, DEVICES, FAILED, FINISHED, HEAD, OPENED, SOUND
from streams.sources.devices import InputDevice

_RUN = "import sys; sys.path.append(sys.argv[1]); from streams.sources.capture import main; main()"
_ROOT = str(Path(__file__).parents[2])
_READ_AHEAD = 8  # messages; the rest waits in the pipe, and behind it in the recorder's ring
_END_S = 1.0


@dataclass(frozen=True)
class Opened:
    """`ends`: it is a recording, not live. `again`: what to add to the job to find the same device again."""

    rate_hz: int
    channels: int
    ends: bool = False
    again: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sound:
    """`samples` float32 [frames, channels] at the device's rate, perhaps none; both counts are of all before them.
    `at_s` is their end on the monotonic clock, `at_unix_s` on that of the wall."""

    samples: np.ndarray
    lost_frames: int
    overflows: int
    at_s: float
    at_unix_s: float


@dataclass(frozen=True)
class Failed:
    words: str


@dataclass(frozen=True)
class Finished:
    """A recording is over."""


Message = Opened | Sound | Failed | Finished | list[InputDevice]


class Recorder:
    """A recording process that was given its job."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _RUN, _ROOT],  # -P: no module in the folder of the day comes before ours
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,  # PortAudio and ALSA chatter
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
        self._messages: queue.Queue[Message] = queue.Queue(_READ_AHEAD)
        self._closed = False
        self._channels = 1
        threading.Thread(target=self._read, args=(json.dumps(job),), daemon=True).start()

    def next(self, wait_s: float) -> Message | None:
        """The next message, or None if none came for so long. After `Failed` and `Finished` there is none."""
        try:
            return self._messages.get(timeout=wait_s)
        except queue.Empty:
            return None

    def close(self) -> None:
        self._closed = True
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):  # the kernel holds it, in a driver: leave it behind, do not hang too
            self._process.wait(_END_S)

    def _read(self, job: str) -> None:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        try:
            with stdin, stdout:
                stdin.write(job.encode() + b"\n")
                stdin.flush()
                while (head := stdout.read(HEAD.size)) and len(head) == HEAD.size and not self._closed:
                    kind, size = HEAD.unpack(head)
                    body = stdout.read(size)
                    if len(body) < size:
                        break
                    message = self._message(kind, body)
                    self._hand_over(message)
                    if not isinstance(message, Opened | Sound):
                        return
        except OSError:  # it ended before it had its job
            pass
        code = self._process.wait()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        self._hand_over(Failed(f"the recording process ended by itself ({how})"))

    def _hand_over(self, message: Message) -> None:
        while not self._closed:
            with suppress(queue.Full):
                self._messages.put(message, timeout=_END_S)
                break

    def _message(self, kind: bytes, body: bytes) -> Message:
        if kind == SOUND:
            samples = np.frombuffer(body, "<f4", offset=BLOCK.size).reshape(-1, self._channels)
            return Sound(samples, *BLOCK.unpack_from(body))
        if kind == FINISHED:
            return Finished()
        fields = json.loads(body)
        if kind == OPENED:
            self._channels = fields["channels"]
            return Opened(**fields)
        if kind == DEVICES:
            return [InputDevice(**device | {"rates_hz": tuple(device["rates_hz"])}) for device in fields]
        assert kind == FAILED
        return Failed(**fields)
