"""One run: a set, a backbone, a method and an order of the classes in, a record out."""

from __future__ import annotations

import platform
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.backbones import open_backbone
from pace_edge.adapt.data import Clip
from pace_edge.adapt.device import Precision, out_of_memory_named
from pace_edge.adapt.machine import Machine
from pace_edge.adapt.sessions import sessions_of
from pace_edge.benchmark.features import Features, identity_of
from pace_edge.benchmark.learning import checked_details, joined, learn_and_test
from pace_edge.benchmark.method import Task
from pace_edge.benchmark.records import Key, Record
from pace_edge.benchmark.sources import find_method


@dataclass(frozen=True, kw_only=True)
class Material:
    """A set's clips, and a backbone by name, for runs in any process."""

    set: str
    clips: tuple[Clip, ...]
    checksums: tuple[str, ...]  # of the clips' content
    set_sha256: str
    seconds: float
    epochs: int
    fine: bool
    backbone: str
    weights: Path | None
    backbone_sha256: str
    cache: Path  # of embeddings


@dataclass(frozen=True, kw_only=True)
class Job:
    """A run that is to be made."""

    material: Material
    method: str  # its name, or FILE.py:NAME
    label: str  # what it is called in the record
    source: str
    together: bool  # by all processes of a torchrun
    sessions: tuple[tuple[str, ...], ...]
    order: int
    fold: int
    M: int
    precision: Precision
    command: str

    @property
    def key(self) -> Key:
        return (self.material.set, self.material.backbone, self.label, self.order, self.fold)


def run_job(job: Job, machine: Machine) -> Record:
    """The whole run. Raises PaceEdgeError."""
    material = job.material
    entry = find_method(job.method).entry
    backbone = open_backbone(material.backbone, weights=material.weights).eval().requires_grad_(False)
    backbone.to(machine.device)
    embed = features_of(material, backbone).embed(machine)
    task = Task(
        backbone=backbone, embed=embed, seconds=material.seconds, epochs=material.epochs,
        classes=sum(map(len, job.sessions)), M=job.M, seed=job.order, fine=material.fine, machine=machine,
    )  # fmt: skip
    sessions = sessions_of(material.clips, job.sessions, job.fold)
    if entry.joint:
        sessions = joined(sessions)
    torch.manual_seed(job.order)  # for methods that draw without a generator
    np.random.seed(job.order)
    if machine.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(machine.device)
    with out_of_memory_named():
        method = entry.make(task)
        learned = learn_and_test(method, sessions, lambda: embed.asked_for)
        cost = method.cost()
    return Record(
        set=material.set, backbone=material.backbone, method=job.label, order=job.order, fold=job.fold,
        seconds=material.seconds, epochs=material.epochs, M=job.M, sessions=[list(one.labels) for one in sessions],
        accuracies=learned.accuracies, matrix=learned.matrix, macro_accuracy=learned.macro_accuracy,
        clips_train=sum(len(one.train) for one in sessions), clips_test=sum(len(one.test) for one in sessions),
        train_seconds=learned.train_seconds, test_seconds=learned.test_seconds,
        embed_seconds_per_clip=embed.seconds_per_clip, embedded_clips_train=learned.embedded_clips_train,
        peak_memory_bytes=peak_memory_bytes(),
        gpu_peak_memory_bytes=(
            torch.cuda.max_memory_allocated(machine.device) if machine.device.type == "cuda" else None
        ),
        trainable_parameters=cost.trainable_parameters, stored_bytes=cost.stored_bytes, details=checked_details(method),
        device=device_name(machine), versions=versions(), command=job.command, at_unix_s=time.time(),
        backbone_sha256=material.backbone_sha256, set_sha256=material.set_sha256, source=job.source,
    )  # fmt: skip


def features_of(material: Material, backbone: Backbone) -> Features:
    """Where the material's embeddings are kept or computed."""
    identity = identity_of(backbone, material.backbone_sha256)
    return Features(
        backbone, identity, material.clips, material.checksums, material.seconds, material.cache
    )  # fmt: skip


def peak_memory_bytes() -> int:
    """The most memory that this process ever had, resident; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def device_name(machine: Machine) -> str:
    """Such as "NVIDIA H100 80GB HBM3, bf16" or "cpu: x86_64, 1 thread"; the precision where it is not float32."""
    threads = torch.get_num_threads()
    name = f"cpu: {platform.machine()}, {threads} thread{'s' * (threads > 1)}"
    if machine.device.type == "cuda":
        name = torch.cuda.get_device_name(machine.device)
    return name if machine.precision == "float32" else f"{name}, {machine.precision}"


def versions() -> dict[str, str]:
    return {
        "pace-edge": version("pace-edge"), "python": platform.python_version(), "torch": torch.__version__,
        "numpy": np.__version__,
    }  # fmt: skip
