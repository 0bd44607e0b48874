"""Moments in which a person teaches what was just heard, played to the product: what was taught right, refused rightly,
and taught wrong.

python -m benchmarks.taught_moments [--seed 0] [--only N ...] [--data ../shared/data]

Evenings of one listener each, two side by side, on virtual microphones in a room that is never silent: something rings,
a person walks to a terminal and types. Each moment is judged by where the sound truly was at which microphone, which
the benchmark knows from recordings of its own, never by what the product says of it. It takes about a quarter of an
hour, needs PulseAudio (`make test` installs it), and ends with exit code 1 where anything was taught wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.moments_evening import (
    AGAIN,
    NOT_KNOWN,
    REFUSED,
    REFUSED_WRONGLY,
    TAUGHT,
    WRONG,
    Evening,
    NotAnnouncedError,
    Outcome,
)  # fmt: skip
from benchmarks.moments_room import VoidError
from benchmarks.moments_scenes import EVENINGS, recordings
from tests.virtual_microphone import VirtualMicrophone

SIDE_BY_SIDE = 2
NOT_JUDGED = "not judged"
NICENESS = -10


@dataclass(frozen=True)
class Row:
    number: int
    words: str
    expected: str
    outcome: Outcome


def play(evening: Evening, first: int, only: set[int], folder: Path, seed: int, data: Path | None) -> list[Row]:
    """The moments of an evening, the first of which has this number; up to the last of `only`, if that is given."""
    rows = []
    last = max(only & set(range(first, first + len(evening.moments))), default=0)
    folder.mkdir()
    try:
        evening.begin(folder, seed, data)
        for number, moment in enumerate(evening.moments, first):
            if only and number > last:
                break
            outcome = Outcome(NOT_JUDGED, "")
            for _ in range(AGAIN):
                try:
                    outcome = moment.play(evening)
                    break
                except VoidError as error:
                    print(f"{number:2d} is played again: {error}", flush=True)
                    outcome = Outcome(NOT_JUDGED, str(error))
                except NotAnnouncedError:
                    outcome = Outcome(NOT_KNOWN, "there is nothing to correct")
                    break
            rows.append(Row(number, f"{evening.name}: {moment.words}", moment.expected, outcome))
            print(f"{number:2d} {rows[-1].words}: {outcome.verdict}: {outcome.words}", flush=True)
        for event in evening.announced_from_noise():
            words = f"{evening.name}: '{event['label']}' is announced where nothing was, at {event['start_s']:.1f} s"
            rows.append(Row(0, words, "nothing", Outcome(WRONG, "")))
            print(words, flush=True)
    finally:
        evening.end()
    return rows


def report(rows: list[Row]) -> str:
    lines = ["| | moment | expected | got | taught | truly |", "|---|---|---|---|---|---|"]
    for row in sorted(rows, key=lambda row: row.number):
        got = row.outcome.verdict if row.outcome.verdict != row.expected else "so"
        lines.append(
            f"| {row.number or ''} | {row.words} | {row.expected} | {got} | {row.outcome.taught} | {row.outcome.true} |"
        )
    counts = Counter(row.outcome.verdict for row in rows)
    lines += ["", ", ".join(f"{what} {counts[what]}" for what in (TAUGHT, REFUSED, WRONG, REFUSED_WRONGLY))]
    lines.append(f"taught right, but not announced when it came again: {counts[NOT_KNOWN]}; not judged, since the "
                 f"machine was too busy: {counts[NOT_JUDGED]}")  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="of levels, pauses and noise (default 0)")
    parser.add_argument("--only", type=int, nargs="+", default=[], metavar="N", help="evenings of these, up to them")
    parser.add_argument("--data", type=Path, help="a folder with esc10 and urbansound8k_part: six clips more")
    args = parser.parse_args()
    if missing := VirtualMicrophone.missing():
        sys.exit(f"there is no virtual microphone: apt-get install {' '.join(missing)}")
    first, evenings = 1, []
    for evening in [*EVENINGS, *([recordings] if args.data else [])]:
        evenings.append((first, evening))
        first += len(evening.moments)
    with suppress(PermissionError):  # so that other programs spoil less of what is heard
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    only = set(args.only)
    chosen = [(n, e) for n, e in evenings if not only or only & set(range(n, n + len(e.moments)))]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        played = [pool.submit(play, e, n, only, Path(folder) / str(n), args.seed + n, args.data) for n, e in chosen]
        rows = [row for future in played for row in future.result()]
    print(f"\n{report(rows)}")
    sys.exit(1 if any(row.outcome.verdict == WRONG for row in rows) else 0)


if __name__ == "__main__":
    main()
