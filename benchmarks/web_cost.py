"""What the live page costs: CPU time and memory of `pace-edge listen --web` with viewers, against without.

python -m benchmarks.web_cost [--seconds 60]

Each line is a listener in a process of its own, with the starter, on a recording that is played again and again at its
own speed. Viewers are real readers of the live stream; of five, one reads 2 kB a second, which is less than comes.

CPU time is that of a window, of which there are two a second. It is told apart by threads: the main thread listens, all
others are the page's. So the ratio of the two is of one run, and other programs on the machine blur both alike; between
runs on a busy machine the same listener differs by 20 %.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np

from pace_edge.audio import read_audio
from pace_edge.config import DEMO_RECORDING

RATE_HZ = 16000
CHUNK_S = 0.1
START_S = 120.0
WARM_S = 5.0
SLOW_BYTES_A_S = 2000


@contextmanager
def listening(port: int | None) -> Iterator[tuple[subprocess.Popen[bytes], Windows]]:
    """A listener that hears the demo recording in a loop."""
    words = [sys.executable, "-m", "pace_edge", "listen", "--input", "-", "--json"]
    words += ["--web", f"127.0.0.1:{port}"] if port else []
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=os.environ | {"PACE_EDGE_HOME": folder},
        )  # fmt: skip
        enough = threading.Event()
        player = threading.Thread(target=play, args=(process, enough))
        player.start()
        windows = Windows(process)
        try:
            windows.wait_for_first()
            yield process, windows
        finally:
            enough.set()
            player.join()
            process.kill()
            process.wait()


def play(process: subprocess.Popen[bytes], enough: threading.Event) -> None:
    """At its own speed, against the clock."""
    sound = (32767 * read_audio(DEMO_RECORDING, RATE_HZ)).astype("<i2")
    chunk, given, began = round(CHUNK_S * RATE_HZ), 0, time.monotonic()
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        while not enough.wait(max(0.0, began + given / RATE_HZ - time.monotonic())):
            at = given % len(sound)
            piece = np.concatenate([sound[at:], sound])[:chunk]
            process.stdin.write(piece.tobytes())
            process.stdin.flush()
            given += chunk


class Windows:
    """Counts the windows that a listener reports."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.count = 0
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.count += b'"type": "window"' in line

    def wait_for_first(self) -> None:
        end = time.monotonic() + START_S
        while not self.count:
            if time.monotonic() > end:
                raise RuntimeError(f"nothing was heard within {START_S:g} s")
            time.sleep(0.1)


def view(port: int, enough: threading.Event, slow: bool) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        if slow:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while not enough.is_set():
            with suppress(TimeoutError):
                line.recv(SLOW_BYTES_A_S if slow else 65536)
            if slow:
                enough.wait(1.0)


def cpu_s(pid: int) -> tuple[float, float]:
    """Of the main thread, and of all others."""
    main, others = 0.0, 0.0
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "schedstat").read_text().split()  # ns on the CPU
        if task.name == str(pid):
            main = int(fields[0]) / 1e9
        else:
            others += int(fields[0]) / 1e9
    return main, others


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(name: str, seconds: float, *, web: bool, viewers: int = 0, slow: int = 0) -> dict[str, float]:
    port = _free_port() if web else None
    with ExitStack() as stack:
        process, windows = stack.enter_context(listening(port))
        time.sleep(WARM_S)
        enough = threading.Event()
        readers = [
            threading.Thread(target=view, args=(port, enough, number < slow), daemon=True) for number in range(viewers)
        ]
        stack.callback(enough.set)
        for reader in readers:
            reader.start()
        time.sleep(2.0)  # the front end is loaded and the last minute drawn
        began, before = windows.count, cpu_s(process.pid)
        time.sleep(seconds)
        main_s, others_s = (after - b for after, b in zip(cpu_s(process.pid), before, strict=True))
        heard = windows.count - began
        found = {"main_ms": 1000 * main_s / heard, "page_ms": 1000 * others_s / heard, "mb": resident_mb(process.pid)}
        if port:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/state", timeout=30) as answer:
                state = json.load(answer)
            if state["viewers"] != viewers:
                raise RuntimeError(f"{state['viewers']} of {viewers} viewers are there")
    print(
        f"{name:<34} a window: {found['main_ms']:6.2f} ms listening {found['page_ms']:6.2f} ms the page, "
        f"{found['page_ms'] / found['main_ms']:6.1%}  {found['mb']:6.1f} MB  ({heard} windows)", flush=True,
    )  # fmt: skip
    return found


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each line")
    seconds = parser.parse_args().seconds
    without = measure("without --web", seconds, web=False)
    for name, viewers, slow in (
        ("--web, nobody looks", 0, 0), ("--web, 1 viewer", 1, 0), ("--web, 5 viewers, 1 of them slow", 5, 1),
    ):  # fmt: skip
        found = measure(name, seconds, web=True, viewers=viewers, slow=slow)
        print(f"{'':<34} {found['mb'] - without['mb']:+.1f} MB", flush=True)


if __name__ == "__main__":
    main()
