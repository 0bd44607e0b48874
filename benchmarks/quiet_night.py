"""What a listener costs: a quiet night with and without the gate, BLAS threads, the front end, and a week's memory.

python -m benchmarks.quiet_night [--hours 168]

CPU time of one process for so much sound, fed as fast as it goes. It depends on the machine; the ratios are meant.
Measured on a shared 2-core machine: the gate leaves 0.9 % of a quiet night's CPU; BLAS on two threads takes 1.8 times
that of one; the voice detector alone costs as much as the starter, behind the gate next to nothing; resident memory is
283.5 MB after 28 hours of sound and after 112.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from pace_edge.audio import read_audio
from pace_edge.config import DEMO_RECORDING, STARTER_MODEL
from pace_edge.model_file import read_model
from streams.listening.learner import open_journal
from streams.listening.listener import Listener
from streams.listening.options import Options

CHUNK_S = 0.1
NIGHT_DBFS = -65.0  # a bedroom through an ordinary microphone


def night(seconds: float, rate_hz: int) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(round(seconds * rate_hz))
    return (10 ** (NIGHT_DBFS / 20) * noise).astype(np.float32)


def cpu_s(listener: Listener, sound: np.ndarray) -> float:
    """CPU seconds of this process for `sound`, in a microphone's chunks."""
    chunk = round(CHUNK_S * listener.rate_hz)
    started = time.process_time()
    for i in range(0, len(sound), chunk):
        for _ in listener.feed(sound[i : i + chunk]):
            pass
    return time.process_time() - started


def measure(seconds: float, options: Options, sound: np.ndarray | None = None) -> dict[str, float]:
    model = read_model(STARTER_MODEL)
    sound = night(seconds, model.info.rate_hz) if sound is None else sound
    with tempfile.TemporaryDirectory() as folder, open_journal(model, Path(folder) / "journal") as journal:
        listener = Listener(model, journal, options)
        cpu_s(listener, sound[: 4 * model.info.rate_hz])  # warm
        listener.counters.inference_s = 0.0
        cpu = cpu_s(listener, sound)
    return {"cpu_s": cpu, "sound_s": len(sound) / model.info.rate_hz, "inference_s": listener.counters.inference_s}


def in_a_process(name: str, blas_threads: int, seconds: float, **options: object) -> float:
    """Per cent of one core, in a process of its own: BLAS reads its threads once, when NumPy loads."""
    words = [sys.executable, "-m", "benchmarks.quiet_night", "--one", json.dumps({"seconds": seconds, **options})]
    done = subprocess.run(
        words, env=os.environ | {"OPENBLAS_NUM_THREADS": str(blas_threads)}, stdout=subprocess.PIPE, check=True
    )
    result = json.loads(done.stdout)
    share = 100 * result["cpu_s"] / result["sound_s"]
    print(f"{name:<44} {share:7.2f} % of one core", flush=True)
    return share


def week(hours: float) -> None:
    """Resident memory while the same sound goes through the loop for so many hours of the stream."""
    model = read_model(STARTER_MODEL)
    demo = read_audio(DEMO_RECORDING, model.info.rate_hz)
    minute = np.concatenate([demo, night(60 - len(demo) / model.info.rate_hz, model.info.rate_hz)])
    options = Options(gate_dbfs=-50.0, hop_s=60.0, unknown=True, update_s=1.0)  # a window a minute: the loop is meant
    with tempfile.TemporaryDirectory() as folder, open_journal(model, Path(folder) / "journal") as journal:
        listener = Listener(model, journal, options)
        for minutes in range(round(60 * hours)):
            for _ in listener.feed(minute):
                pass
            if minutes % max(1, round(10 * hours)) == 0:
                print(f"{minutes / 60:6.1f} h  {resident_mb():7.1f} MB", flush=True)
    print(f"{hours:6.1f} h  {resident_mb():7.1f} MB; {listener.counters}", flush=True)


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of sound for each number")
    parser.add_argument("--hours", type=float, default=0.0, help="of sound for the memory; 0: not measured")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        asked = json.loads(args.one)
        print(json.dumps(measure(asked.pop("seconds"), Options(**asked))))
        return
    off = in_a_process("a quiet night, no gate", 1, args.seconds)
    on = in_a_process("a quiet night, gate at -50 dBFS", 1, 10 * args.seconds, gate_dbfs=-50.0)
    print(f"{'gate on / off':<44} {on / off:7.4f}")
    in_a_process("no gate, BLAS on 2 threads", 2, args.seconds)
    in_a_process("no gate, speech only", 1, args.seconds, speech="only")
    in_a_process("gate and speech only", 1, 10 * args.seconds, gate_dbfs=-50.0, speech="only")
    if args.hours:
        week(args.hours)


if __name__ == "__main__":
    main()
