"""A command for each event, such as one that turns on a light.

It is started at once or, when it could not be for a while, not at all: a light that goes on an hour late helps nobody.
So events for commands are not promised. What is not run, and what fails, is counted and said.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

from pace_edge.errors import SinkError
from streams.heard import Event, Heard
from streams.sinks.remote import CLOSE_S, STATES, Choice
from streams.sinks.reports import Reports
from streams.sinks.sink import Counts, NamesNow, event_record, unchanged

_ROOM = 100


class Command:
    """Runs `command`, words without a shell, or one string for the shell, with the event as JSON on its standard input
    and its fields in the environment: PACE_EDGE_LABEL, PACE_EDGE_STATE, PACE_EDGE_SCORE, PACE_EDGE_START_S ...

    At most `at_once` at the same time; one that runs longer than `timeout_s` is killed with its children. Its standard
    output goes nowhere: ours is data. Raises SinkError.
    """

    def __init__(
        self, command: Sequence[str] | str, reports: Reports, *, name: str = "command", timeout_s: float = 30.0,
        at_once: int = 2, states: Collection[str] = STATES, labels: Collection[str] = (),
        names_now: NamesNow = unchanged,
    ) -> None:  # fmt: skip
        self.name = name
        self._command = command if isinstance(command, str) else list(command)
        if not self._command or not self._command[0].strip():
            raise SinkError("the command is empty", do="Give a program and its words.")
        self._reports, self._timeout_s = reports, timeout_s
        self._choice = Choice(states, labels, names_now)
        self._counts, self._lock = Counts(), threading.Lock()
        self._waiting: queue.Queue[dict[str, Any] | None] = queue.Queue(_ROOM)
        self._running: set[subprocess.Popen[bytes]] = set()
        self._threads = [threading.Thread(target=self._work, name=name, daemon=True) for _ in range(at_once)]
        for thread in self._threads:
            thread.start()

    def write(self, heard: Heard) -> None:
        if not (isinstance(heard, Event) and self._choice.takes(heard)):
            return
        try:
            self._waiting.put_nowait(event_record(heard))
        except queue.Full:
            self._counts.discarded += 1
            self._reports.trouble(
                f"{self.name} discards",
                f"{self.name}: events were left out, {self._counts.discarded} so far: {_ROOM} wait.",
            )
        else:
            self._counts.written += 1

    def counts(self) -> Counts:
        with self._lock:
            self._counts.waiting = self._waiting.qsize()
            return self._counts

    def close(self) -> None:
        """What waits and runs has 5 s; then what waits is left out, counted and said, and what runs is killed."""
        end = time.monotonic() + CLOSE_S
        while self._waiting.qsize() and time.monotonic() < end:
            time.sleep(0.02)
        left_out = 0
        with suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()
                left_out += 1
        if left_out:
            self._counts.discarded += left_out
            self._reports.say(f"{self.name}: events were left out at the end: {left_out}.")
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join(max(0.1, end - time.monotonic()))
        for process in list(self._running):
            _kill(process)

    def _work(self) -> None:
        while (record := self._waiting.get()) is not None:
            trouble = self._run(record)
            with self._lock:
                self._counts.failed += bool(trouble)
                self._counts.delivered += not trouble
            if trouble:
                self._reports.trouble(self.name, f"{self.name} for {record['label']}: {trouble}")

    def _run(self, record: dict[str, Any]) -> str:
        """Empty when it went well, else why not."""
        with tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    self._command, shell=isinstance(self._command, str), env=os.environ | _variables(record),
                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True,
                )  # fmt: skip
            except (OSError, ValueError) as error:
                return f"cannot be started ({error})"
            self._running.add(process)
            with process:  # closes its standard input
                try:
                    process.communicate(json.dumps(record, ensure_ascii=False).encode(), timeout=self._timeout_s)
                except subprocess.TimeoutExpired:
                    _kill(process)
                    return f"took longer than {self._timeout_s:g} s and was killed"
                finally:
                    self._running.discard(process)
            if process.returncode == 0:
                return ""
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - 500))
            said = " ".join(errors.read().decode(errors="replace").split())
            return f"ended with {process.returncode}" + (f" ({said})" if said else "")


def _variables(record: dict[str, Any]) -> dict[str, str]:
    """Empty where a value is not known."""
    return {
        f"PACE_EDGE_{key.upper()}": "" if value is None else str(value).replace("\0", "")
        for key, value in record.items()
    }


def _kill(process: subprocess.Popen[bytes]) -> None:
    """And its children: they share a session of their own."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
