"""A programme of known sounds, and what `pace-edge listen` makes of it: found, missed, invented, lost, and its cost.

python -m benchmarks.programme --data ../shared/data [--hours 2] [--minutes 10]

Half of the hours play in a quiet room, half between unknown sounds, from files as fast as they can be read. Then the
minutes play in the quiet room into a virtual microphone while another process uses one core. The sounds are a fold of
ESC-10 and of Speech Commands that the classifier has not heard. DATA holds `esc10`, `speech_commands_v2_test12` and
`urbansound8k_part`. Nothing is set: the listener is as it ships. Needs PulseAudio (`make test` installs it) and
`pip install .[train]`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.matching import Announced, Matched, match
from benchmarks.programme_sound import RATE_HZ, Programme, known_clips, make_programme, marks, unknown_clips
from benchmarks.unheard import starter_without
from pace_edge.adapt.starter import STARTER
from tests.virtual_microphone import VirtualMicrophone

FOLD = 5
AN_HOUR = 8  # of each class: all of them in a fold of ESC-10
QUIET, STRANGE = "quiet room", "unknown sounds"
BUSY = "while True: pass"
SETTLE_S = 4.0  # before a player starts, and after it has ended


@dataclass
class Run:
    """What a listener wrote, with the time each line came; `cpu_s` and `memory_mb` as they were, every LOOK lines."""

    records: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    cpu_s: list[tuple[float, float]] = field(default_factory=list)  # (seconds of the stream, CPU seconds)
    memory_mb: list[float] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [record for _, record in self.records if record["type"] == kind]


@dataclass(frozen=True)
class Result:
    programme: Programme
    matched: Matched
    longest_s: float  # of the events
    unended: int
    lost_samples: int
    gaps: int
    stretched_ms: float  # how much longer the programme was heard than it was played
    share_percent: float  # of one core
    memory_mb: tuple[float, float]
    late_ms: np.ndarray  # of each window's line, more than the quickest


LOOK = 20


def hear(words: Sequence[str], model: Path, home: Path, *, env: dict[str, str], player: list[str] | None = None) -> Run:
    """Run `pace-edge listen` until its input ends, or with a `player` until that has been heard."""
    env = {**env, "PACE_EDGE_HOME": str(home)}
    command = [sys.executable, "-m", "pace_edge", "listen", "--json", "--model", str(model), *words]
    run = Run()
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout is not None
        playing: threading.Thread | None = None
        for line in listener.stdout:
            run.records.append((time.time(), json.loads(line)))
            if player and playing is None:  # it listens
                playing = threading.Thread(target=_play, args=(player, env, listener))
                playing.start()
            if len(run.records) % LOOK == 1 and run.records[-1][1]["type"] == "window":
                _look(run, listener.pid)
        if playing:
            playing.join()
    if listener.returncode:
        sys.exit(f"pace-edge listen exited with {listener.returncode}")
    return run


def _look(run: Run, pid: int) -> None:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()  # from the third of proc(5) on
    cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    run.cpu_s.append((run.records[-1][1]["end_s"], cpu_s))
    run.memory_mb.append(int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6)


def _play(player: list[str], env: dict[str, str], listener: subprocess.Popen[str]) -> None:
    time.sleep(SETTLE_S)
    subprocess.run(player, env=env, check=True)
    time.sleep(SETTLE_S)
    listener.terminate()


def judge(programme: Programme, run: Run) -> Result:
    windows, events = run.of("window"), run.of("event")
    begin_s, end_s = marks([(w["start_s"], w["end_s"], w["level_dbfs"]) for w in windows])
    true_begin_s, true_end_s = programme.marks_s
    shift_s = begin_s - true_begin_s
    starts = [Announced(e["label"], e["end_s"] - shift_s) for e in events if e["state"] == "start"]
    ends = [e for e in events if e["state"] == "end"]
    came = [(at, r["end_s"]) for at, r in run.records if r["type"] == "window"]
    late_s = np.array([at - end for at, end in came])
    (first_s, first_cpu), (last_s, last_cpu) = run.cpu_s[0], run.cpu_s[-1]
    return Result(
        programme, match(programme.played, starts, window_s=STARTER.window_s),
        max((e["duration_s"] for e in ends), default=0.0), len(starts) - len(ends),
        sum(round((gap["end_s"] - gap["start_s"]) * RATE_HZ) for gap in run.of("gap")), len(run.of("gap")),
        1000 * ((end_s - begin_s) - (true_end_s - true_begin_s)), 100 * (last_cpu - first_cpu) / (last_s - first_s),
        (run.memory_mb[0], run.memory_mb[-1]), 1000 * (late_s - late_s.min()),
    )  # fmt: skip


def table(results: dict[str, Result]) -> str:
    """Each class: of the sounds played found, given another name, and the name given where it was wrong."""
    labels = sorted({sound.label for result in results.values() for sound in result.programme.played})
    heads = [f"{name}: {what}" for name in results for what in ("found", "wrong name", "invented")]
    rows = [["class", *heads, "delay, median; p95 (s)"]]
    for label in [*labels, "all"]:
        row, delays = [label], []
        for result in results.values():
            mine = [s for s in zip(result.programme.played, result.matched.delay_s, strict=True)
                    if label in (s[0].label, "all")]  # fmt: skip
            found = [delay for _, delay in mine if delay is not None]
            delays += found
            wrong = result.matched.wrong
            invented = [one for _, one in wrong if label in (one.label, "all")]
            invented += [one for one in result.matched.nowhere if label in (one.label, "all")]
            row += [f"{len(found)} of {len(mine)}", str(sum(label in (s.label, "all") for s, _ in wrong)),
                    str(len(invented))]  # fmt: skip
        row.append(f"{np.median(delays):.2f}; {np.percentile(delays, 95):.2f}" if delays else "")
        rows.append(row)
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def in_words(name: str, result: Result, *, live: bool) -> str:
    programme, matched = result.programme, result.matched
    strange = match(programme.unknown, matched.nowhere, window_s=STARTER.window_s)
    nowhere = Counter([f"{sound.label} as {one.label}" for sound, one in strange.wrong])
    nowhere += Counter(f"nothing as {one.label}" for one in strange.nowhere)
    confused = Counter(f"{sound.label} as {one.label}" for sound, one in matched.wrong)
    an_hour = 3600 * len(matched.nowhere) / programme.pauses_s
    lines = [
        f"{name}: {programme.seconds / 60:g} min, {len(programme.played)} sounds, {len(programme.unknown)} unknown",
        f"announced where no known sound was: {len(matched.nowhere)}, {an_hour:.1f} an hour of pauses "
        f"({_counted(nowhere)})",
        f"wrong names: {len(matched.wrong)} ({_counted(confused)}); announced again: {len(matched.again)}",
        f"longest event {result.longest_s:.1f} s; events without an end: {result.unended}",
        f"gaps {result.gaps}, lost samples {result.lost_samples}; heard {result.stretched_ms:+.0f} ms longer than "
        "played",
        f"{result.share_percent:.1f} % of one core; memory {result.memory_mb[0]:.1f} MB at "
        f"the start, {result.memory_mb[1]:.1f} MB at the end",
    ]
    if live:
        lines.append("a window's line came later than the quickest by " + "; ".join(
            f"{what} {value:.0f} ms" for what, value in (
                ("median", np.median(result.late_ms)), ("p95", np.percentile(result.late_ms, 95)),
                ("longest", result.late_ms.max()))))  # fmt: skip
    return "\n- ".join(lines)


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{label} {n}" for label, n in counter.most_common()) or "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "pace-edge-programme")
    parser.add_argument("--hours", type=float, default=2.0, help="from files (default 2; 0: none)")
    parser.add_argument("--minutes", type=float, default=10.0, help="through a microphone (default 10; 0: none)")
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    model = starter_without(FOLD, args.data, args.cache)
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        results: dict[str, Result] = {}

        def made(name: str, seconds: float, seed: int, *, strange: bool = False) -> Programme:
            sounds = known_clips(args.data, FOLD, max(1, math.ceil(AN_HOUR * seconds / 3600)), seed=seed)
            unknown = unknown_clips(args.data) if strange else []
            return make_programme(room / f"{name}.flac", sounds, unknown, seconds=seconds, seed=seed)

        def from_file(seed: int, name: str) -> Result:
            programme = made(name, 1800 * args.hours, seed, strange=name == STRANGE)
            words = ["--no-realtime", "--input", str(programme.path)]
            return judge(programme, hear(words, model, room / name, env=dict(os.environ)))

        if args.hours:
            with ThreadPoolExecutor(2) as pool:
                results.update(zip((QUIET, STRANGE), pool.map(from_file, (0, 1), (QUIET, STRANGE)), strict=True))
        for name, result in results.items():
            print(f"\n{in_words(name, result, live=False)}", flush=True)
        if args.minutes:
            name = "microphone"
            programme = made(name, 60 * args.minutes, 2)
            with VirtualMicrophone() as microphone, subprocess.Popen([sys.executable, "-c", BUSY]) as busy:
                try:
                    player = ["paplay", str(programme.path)]
                    results[name] = judge(programme, hear([], model, room / name, env=microphone.env, player=player))
                finally:
                    busy.kill()
            print(f"\n{in_words(name, results[name], live=True)}", flush=True)
        print(f"\n{table(results)}")


if __name__ == "__main__":
    main()
