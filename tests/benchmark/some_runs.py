"""Runs that never ran, for tests of what is made of runs: every number follows from the arguments."""

import json
import zlib
from pathlib import Path

import numpy as np

from pace_edge.benchmark.records import Record
from pace_edge.benchmark.report_runs import RUNS


def some_run(
    method="PACE", order=0, *, last=0.8, set="esc10", backbone="whisper-base:last", T=5, joint=False, **changes
):
    """T sessions of two classes; accuracy falls from 1 to `last` in a line, and so does each session's own."""
    names = [f"class {c}" for c in np.random.default_rng(order).permutation(2 * T)]
    sessions = [names] if joint else [names[2 * t : 2 * t + 2] for t in range(T)]
    falling = np.linspace(last if joint else 1.0, last, len(sessions)).tolist()
    values = {
        "set": set, "backbone": backbone, "method": method, "order": order, "fold": 1, "seconds": 5.0, "epochs": 10,
        "M": 2048, "sessions": sessions, "accuracies": falling,
        "matrix": [[falling[t - j] for j in range(t + 1)] for t in range(len(sessions))],
        "macro_accuracy": last, "clips_train": 320, "clips_test": 80, "train_seconds": [0.5] * len(sessions),
        "test_seconds": 0.25, "embed_seconds_per_clip": 0.01, "embedded_clips_train": 320, "peak_memory_bytes": 10**9,
        "gpu_peak_memory_bytes": None, "trainable_parameters": 0, "stored_bytes": 2_000_000, "details": {},
        "device": "cpu", "versions": {"pace-edge": "0.1.0", "torch": "2.13.0"},
        "command": "pace-edge benchmark run --data data --output runs", "at_unix_s": 1.79e9 + order,
        "backbone_sha256": _checksum(backbone), "set_sha256": _checksum(set),
    }  # fmt: skip
    return Record(**values | changes)


def _checksum(text):
    return f"{zlib.crc32(text.encode()):08x}" * 8


def written(folder: Path, runs: list[Record], name=RUNS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(run.line() + "\n" for run in runs), encoding="utf-8")
    return folder / name


def as_json(**changes) -> str:
    """A line of the file, with keys changed; those that are ... are left out."""
    said = json.loads(some_run().line()) | changes
    return json.dumps({key: value for key, value in said.items() if value is not ...})
