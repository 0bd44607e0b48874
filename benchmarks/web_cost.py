"""What the live page costs: CPU time and memory of `pace-edge listen --web` with viewers, against without.

python -m benchmarks.web_cost [--seconds 60]

Each line is a listener in a process of its own, with the starter, on a recording that is played again and again at its
own speed. Viewers are real readers of the live stream; of five, one reads 2 kB a second, which is less than comes. CPU
time depends on the machine: the ratios are meant. The first line is measured again at the end, to show how much two
runs of the same differ.
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
def listening(port: int | None) -> Iterator[subprocess.Popen[bytes]]:
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
        heard = threading.Event()
        threading.Thread(target=read, args=(process, heard), daemon=True).start()
        try:
            if not heard.wait(START_S):
                raise RuntimeError(f"nothing was heard within {START_S:g} s")
            yield process
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


def read(process: subprocess.Popen[bytes], heard: threading.Event) -> None:
    assert process.stdout is not None
    for _ in process.stdout:
        heard.set()


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


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(name: str, seconds: float, *, web: bool, viewers: int = 0, slow: int = 0) -> dict[str, float]:
    port = _free_port() if web else None
    with ExitStack() as stack:
        process = stack.enter_context(listening(port))
        time.sleep(WARM_S)
        enough = threading.Event()
        readers = [
            threading.Thread(target=view, args=(port, enough, number < slow), daemon=True) for number in range(viewers)
        ]
        stack.callback(enough.set)
        for reader in readers:
            reader.start()
        time.sleep(2.0)  # the front end is loaded and the last minute drawn
        began, before = time.monotonic(), cpu_s(process.pid)
        time.sleep(seconds)
        share = (cpu_s(process.pid) - before) / (time.monotonic() - began)
        found = {"cpu": 100 * share, "mb": resident_mb(process.pid)}
        if port:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/state", timeout=10) as answer:
                state = json.load(answer)
            found |= {"windows": state["counters"]["windows"], "viewers": state["viewers"]}
            assert state["viewers"] == viewers, state["viewers"]
    print(f"{name:<36} {found['cpu']:6.2f} % of one core  {found['mb']:6.1f} MB", flush=True)
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
    lines = {
        "--web, nobody looks": measure("--web, nobody looks", seconds, web=True),
        "--web, 1 viewer": measure("--web, 1 viewer", seconds, web=True, viewers=1),
        "--web, 5 viewers, 1 of them slow": measure(
            "--web, 5 viewers, 1 of them slow", seconds, web=True, viewers=5, slow=1
        ),
    }
    again = measure("without --web, again", seconds, web=False)
    base = (without["cpu"] + again["cpu"]) / 2
    for name, found in lines.items():
        print(f"{name:<36} CPU {found['cpu'] / base:5.3f} times, {found['mb'] - without['mb']:+6.1f} MB")
    print(f"{'two runs without':<36} CPU {again['cpu'] / without['cpu']:5.3f} times")


if __name__ == "__main__":
    main()
