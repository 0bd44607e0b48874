"""A microphone that is pulled out and put back many times: does the stream return each time, and what is lost?

python -m benchmarks.unplug --times 20

It needs PulseAudio (`make test` installs it) and takes about ten seconds a time.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from streams.sources.microphone import open_microphone
from tests.virtual_microphone import VirtualMicrophone

RATE_HZ = 16000
PLAYED_S = 1.0
GIVE_UP_S = 120.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, help="how often it is pulled out (default 20)")
    parser.add_argument("--away", type=float, default=3.0, metavar="SECONDS", help="for how long (default 3)")
    words = parser.parse_args()
    if missing := VirtualMicrophone.missing():
        sys.exit(f"there is no virtual microphone: apt-get install {' '.join(missing)}")
    with VirtualMicrophone() as microphone, tempfile.TemporaryDirectory() as folder:
        os.environ.update(microphone.env)
        noise = np.random.default_rng(0).integers(1, 8000, round(PLAYED_S * RATE_HZ), dtype=np.int16)
        soundfile.write(Path(folder) / "noise.wav", noise, RATE_HZ)
        _measure(microphone, Path(folder) / "noise.wav", noise.astype(np.float32) / 32768, words.times, words.away)


def _measure(microphone: VirtualMicrophone, path: Path, noise: np.ndarray, times: int, away_s: float) -> None:
    gone, back, exact, memory = [], [], 0, []
    with open_microphone(None, rate_hz=RATE_HZ, news_s=0) as source:
        chunks, given, begin_s = iter(source), 0, 0.0

        def read_until(state: str, tell: list[np.ndarray] | None = None, samples: int = 0) -> None:
            """Read on until the source is (un)well, and then so many samples."""
            nonlocal given, begin_s
            give_up, wanted = time.monotonic() + GIVE_UP_S, given + samples
            while (source.health.state == "healthy") != (state == "healthy") or given < wanted:
                if time.monotonic() > give_up:
                    sys.exit(f"the stream did not return within {GIVE_UP_S:g} s: {source.health}")
                chunk = next(chunks)
                begin_s = begin_s or time.monotonic() - len(chunk) / RATE_HZ
                given += len(chunk)
                if tell is not None:
                    tell.append(chunk)

        read_until("healthy", samples=RATE_HZ)
        for time_round in range(1, times + 1):
            start = time.monotonic()
            microphone.pull_out()
            read_until("away")
            gone.append(time.monotonic() - start)
            while time.monotonic() < start + away_s:
                next(chunks)
            start = time.monotonic()
            microphone.plug_in()
            read_until("healthy")
            back.append(time.monotonic() - start)
            heard: list[np.ndarray] = []
            player = microphone.play(path, wait=False)
            read_until("healthy", heard, 5 * len(noise))
            player.wait()
            exact += _begins_with(np.concatenate(heard), noise)
            memory.append(_memory_mb())
            behind_s = time.monotonic() - begin_s - (given + source.dropped) / RATE_HZ
            print(f"{time_round:3d}: noticed after {gone[-1]:.2f} s, back {back[-1]:.2f} s after it was plugged in, "
                  f"{exact} of {time_round} clips exact, stream {1000 * behind_s:+.0f} ms behind the clock, "
                  f"{memory[-1]:.0f} MB", flush=True)  # fmt: skip
    print(f"returned {len(back)} of {times} times; noticed after {statistics.median(gone):.2f} s (median), back after "
          f"{statistics.median(back):.2f} s (median; longest {max(back):.2f} s); memory {memory[0]:.1f} to "
          f"{memory[-1]:.1f} MB; {source.dropped / RATE_HZ:.1f} s were counted as lost")  # fmt: skip


def _begins_with(heard: np.ndarray, clip: np.ndarray) -> bool:
    """From its first sound on, the clip sample for sample."""
    first = np.flatnonzero(heard)
    return bool(first.size) and np.array_equal(heard[first[0] : first[0] + len(clip)], clip)


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
