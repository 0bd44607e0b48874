"""A set of tones, a small transformer, and a record: what the benchmark's tests run on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pace_edge.adapt.loading import batches
from pace_edge.adapt.machine import Machine
from pace_edge.adapt.sessions import Session, plan_sessions
from pace_edge.benchmark.method import Cost, Task
from pace_edge.benchmark.programme import Place, Programme, run_benchmark
from pace_edge.benchmark.records import Record
from pace_edge.benchmark.sets import find_set
from tests.adapt.small import small_encoder

SECONDS = 0.5


def task_of(**changes) -> Task:
    """A task on the small transformer, whose embeddings are computed each time."""
    encoder = small_encoder()

    def embed(clips):
        (pcm,) = batches(clips, [torch.arange(len(clips))], rate_hz=encoder.rate_hz, seconds=SECONDS)
        with torch.no_grad():
            return encoder(pcm).numpy()

    told = {"backbone": encoder, "embed": embed, "seconds": SECONDS, "epochs": 2, "classes": 4, "M": 64, **changes}
    return Task(**told)


def sessions_in(clips, *, order=0, per_session=2) -> list[Session]:
    return plan_sessions(clips, classes_per_session=per_session, test_fold=1, order_seed=order)


class Always:
    """Calls everything by the first class it learned."""

    def __init__(self, task: Task) -> None:
        self.seen: list[Session] = []
        self.asked: list[list] = []
        self.details = {"sessions": 0}

    def learn(self, session: Session) -> None:
        self.seen.append(session)
        self.details["sessions"] += 1

    def call(self, clips):
        self.asked.append(list(clips))
        return [self.seen[0].labels[0]] * len(clips)

    def cost(self) -> Cost:
        return Cost(3, 5)


def record(**changes) -> Record:
    told = {
        "set": "tones", "backbone": "small", "method": "NCM", "order": 0, "fold": 1, "seconds": 0.5, "epochs": 2,
        "M": 64, "sessions": [["a", "b"], ["c", "ä, b"]], "accuracies": [1.0, 0.5], "matrix": [[1.0], [0.25, 0.75]],
        "macro_accuracy": 0.5, "clips_train": 12, "clips_test": 4, "train_seconds": [0.1, 0.2], "test_seconds": 0.1,
        "embed_seconds_per_clip": 0.01, "embedded_clips_train": 12, "peak_memory_bytes": 10**8,
        "gpu_peak_memory_bytes": None, "trainable_parameters": 0, "stored_bytes": 512, "details": {"n_frozen": 1},
        "device": "cpu", "versions": {"python": "3.11"}, "command": "pace-edge benchmark run", "at_unix_s": 1.0,
        "backbone_sha256": "0" * 64, "set_sha256": "1" * 64,
    }  # fmt: skip
    return Record(**{**told, **changes})


def programme_of(folder: Path, *, methods=("NCM",), orders=(0,), **changes) -> Programme:
    from dataclasses import replace

    own = replace(find_set(str(folder)), seconds=SECONDS, epochs=1)
    return Programme(sets=[own], methods=methods, backbones=["small"], orders=orders, M=64, **changes)


def run_here(folder: Path, output: Path, *, jobs=0, processes=None, **changes):
    """The programme in this process, where "small" is a backbone."""
    place = Place(data=folder, output=output, device="cpu", jobs=jobs)
    return run_benchmark(programme_of(folder, **changes), place, command="pace-edge benchmark run ...")


def cpu() -> Machine:
    return Machine(device=torch.device("cpu"))


def rows(n: int, width: int = 3) -> np.ndarray:
    return np.arange(n * width, dtype=np.float32).reshape(n, width)
