"""The whole benchmark: methods x sets x backbones x orders, each run once, its record kept as soon as it is over.

On disk, in the output folder:
    runs.jsonl                a line for each finished run (records.py)
    plans/SET-orderN.txt      the classes of each session: drawn from the order's seed the first time, and kept to
    embeddings/               those of the pretrained backbones (features.py)
Interrupted, the same command goes on: a run with a record is not made again, whatever else is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

import torch

from pace_edge.adapt.backbone import Backbone, backbone_sha256
from pace_edge.adapt.backbones import open_backbone
from pace_edge.adapt.device import Precision, choose_device
from pace_edge.adapt.machine import Machine
from pace_edge.adapt.processes import Processes
from pace_edge.adapt.watch import Watch
from pace_edge.benchmark.jobs import Failed, attempt, run_jobs
from pace_edge.benchmark.manifests import sha256_of
from pace_edge.benchmark.plans import kept_plan
from pace_edge.benchmark.records import Key, Record, append_record, read_records
from pace_edge.benchmark.running import Job, Material, features_of
from pace_edge.benchmark.sets import DataSet, read_set, set_sha256
from pace_edge.benchmark.sources import Found, find_method
from pace_edge.errors import PaceEdgeError


@dataclass(frozen=True, kw_only=True)
class Programme:
    """What is to be run. `weights`: a backbone's name to its file, for those that are not to be fetched."""

    sets: Sequence[DataSet]
    methods: Sequence[str]  # names, or FILE.py:NAME
    backbones: Sequence[str]
    weights: Mapping[str, Path] = field(default_factory=dict)
    orders: Sequence[int] = (0, 1, 2)
    folds: Sequence[int] = (1,)
    M: int = 2048
    precision: Precision = "float32"


@dataclass
class Outcome:
    """What came of it: how many runs there were to make and were made; and why not, for each set that is not here and
    for whatever else could not be run."""

    wanted: int = 0
    made: int = 0
    absent: dict[str, str] = field(default_factory=dict)  # a set's name to the reason
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the audio lies, where the results go, and how it is computed."""

    data: Path
    output: Path
    cache: Path | None = None  # of embeddings; None: in the output folder
    device: str = "auto"
    jobs: int = 1  # runs at a time, each in a process of its own; 0: one after the other in this process
    processes: Processes = field(default_factory=Processes)
    watch: Watch = field(default_factory=Watch)


def run_benchmark(
    programme: Programme, place: Place, *, command: str = "", done: Callable[[Record], None] = lambda record: None
) -> Outcome:
    """Make every run that has no record yet; `done` is told of each. What cannot be run is told of in the outcome and
    stops nothing else. Raises UsageError for a method that is not there, and PaceEdgeError where the output folder
    cannot be written or holds runs that were made otherwise."""
    try:
        place.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PaceEdgeError(
            f"cannot write to {place.output}: {error.strerror}", do="Choose another --output."
        ) from None
    methods = [find_method(said) for said in programme.methods]
    records = {record.key: record for record in read_records(place.output)}
    outcome, clock = Outcome(), Clock(place)
    groups: list[list[Job]] = []
    for one in programme.sets:
        try:
            materials = list(_materials(one, programme, place, outcome))
        except PaceEdgeError as error:
            outcome.absent[one.name] = str(error)
            continue
        for material in materials:
            try:
                jobs = list(_jobs(material, one, methods, programme, place, command))
            except PaceEdgeError as error:  # a plan or a fold that does not fit the clips
                outcome.failed.append(f"{one.name}: {error}")
                continue
            groups.append([job for job in jobs if not _is_known(job, records)])
    _all_meet(place.processes)  # all have read what there is before any of them adds to it
    outcome.wanted = clock.left = sum(map(len, groups))
    for group in filter(None, groups):
        try:
            _fill(group[0].material, place)
        except PaceEdgeError as error:
            outcome.failed.append(f"{group[0].material.set}, {group[0].material.backbone}: {error}")
            clock.left -= len(group)
            continue
        place.watch.begin(f"{group[0].material.set}, {group[0].material.backbone}", len(group))
        with closing(_results(group, place)) as results:  # whatever happens, its processes end
            for job, result in results:
                if isinstance(result, Failed):
                    outcome.failed.append(f"{', '.join(map(str, job.key[:3]))}, order {job.order}: {result.reason}")
                    place.watch.say(outcome.failed[-1] + ("\n" + result.traceback if result.traceback else ""))
                elif place.processes.is_first or not job.together:
                    append_record(result, place.output)
                    done(result)
                    outcome.made += 1
                place.watch.step()
                place.watch.say(clock.says(job, result))
    made = torch.tensor(outcome.made)
    place.processes.sum_(made)
    outcome.made = int(made)
    return outcome


def _materials(one: DataSet, programme: Programme, place: Place, outcome: Outcome) -> Iterable[Material]:
    clips = read_set(one, place.data)
    try:
        checksums = [sha256_of(clip.path) for clip in clips]
    except OSError as error:
        raise PaceEdgeError(
            f"a clip of the set {one.name} cannot be read: {error}", do="Bring the whole set."
        ) from None
    for name in programme.backbones:
        weights = programme.weights.get(name) or programme.weights.get(name.partition(":")[0])
        try:
            backbone = _opened(name, weights, place.processes)
            backbone.check_seconds(one.seconds)
        except PaceEdgeError as error:
            outcome.failed.append(f"{one.name}, {name}: {error}")
            continue
        yield Material(
            set=one.name, clips=tuple(clips), checksums=tuple(checksums), set_sha256=set_sha256(clips, checksums),
            seconds=one.seconds, epochs=one.epochs, fine=one.fine, backbone=name, weights=weights,
            backbone_sha256=backbone_sha256(backbone), cache=place.cache or place.output / "embeddings",
        )  # fmt: skip


def _opened(name: str, weights: Path | None, processes: Processes) -> Backbone:
    """The first process goes first: it may have to download the weights."""
    if not processes.is_first:
        _all_meet(processes)
    try:
        return open_backbone(name, weights=weights)
    finally:
        if processes.is_first:
            _all_meet(processes)


def _all_meet(processes: Processes) -> None:
    processes.sum_(torch.zeros(1))


def _jobs(
    material: Material, one: DataSet, methods: Sequence[Found], programme: Programme, place: Place, command: str
) -> Iterable[Job]:
    for order in programme.orders:
        for fold in programme.folds:
            sessions = kept_plan(
                one, material.clips, order, fold, place.output / "plans", writes=place.processes.is_first
            )
            for said, found in zip(programme.methods, methods, strict=True):
                yield Job(
                    material=material, method=said, label=found.name, source=found.source,
                    together=found.entry.together, sessions=sessions, order=order, fold=fold, M=programme.M,
                    precision=programme.precision, command=command,
                )  # fmt: skip


def _is_known(job: Job, records: Mapping[Key, Record]) -> bool:
    """Whether the run is made. Raises PaceEdgeError for one made otherwise: the two could not stand in one table."""
    record = records.get(job.key)
    if record is None:
        return False
    m = job.material
    now = {
        "seconds": m.seconds, "epochs": m.epochs, "M": job.M, "backbone_sha256": m.backbone_sha256,
        "set_sha256": m.set_sha256, "source": job.source,
        "classes": sorted(label for session in job.sessions for label in session),
    }  # fmt: skip
    before = {name: getattr(record, name) for name in now if name != "classes"}
    before["classes"] = sorted(label for session in record.sessions for label in session)
    for name, value in now.items():
        if before[name] != value:
            raise PaceEdgeError(
                f"the output folder has a run of {', '.join(map(str, job.key[:3]))}, order {job.order}, with another "
                f"{name}", expected=str(before[name])[:60], got=str(value)[:60],
                do="Choose another --output, or take its line out of runs.jsonl.",
            )  # fmt: skip
    return True


def _fill(material: Material, place: Place) -> None:
    """All embeddings of the pretrained backbone, so that no run has to compute them."""
    backbone = open_backbone(material.backbone, weights=material.weights)
    device = choose_device(place.device)
    features_of(material, backbone).fill(Machine(device=device, processes=place.processes, watch=place.watch))


def _results(group: Sequence[Job], place: Place) -> Generator[tuple[Job, Record | Failed]]:
    """In processes of their own; where torchrun started several of us, in these: some runs by all together, of the
    others each process takes its share."""
    if place.processes.world == 1 and place.jobs:
        yield from run_jobs(group, place.jobs, place.device)
        return
    device = choose_device(place.device)
    for job in (job for job in group if job.together):
        yield job, attempt(job, Machine(device=device, precision=job.precision, processes=place.processes))
    alone = [job for job in group if not job.together]
    for job in alone[place.processes.rank :: place.processes.world]:
        yield job, attempt(job, Machine(device=device, precision=job.precision))


@dataclass
class Clock:
    """How far it is, and how long it may take yet: by the mean time of a run so far."""

    place: Place
    left: int = 0
    began: float = field(default_factory=time.monotonic)
    took_s: list[float] = field(default_factory=list)

    def says(self, job: Job, result: Record | Failed) -> str:
        self.left -= 1
        what = f"{job.material.set}, {job.material.backbone}, {job.label}, order {job.order}"
        if isinstance(result, Failed):
            return f"{what}: no result; {self._left()}"
        self.took_s.append(sum(result.train_seconds) + result.test_seconds)
        at_once = max(self.place.jobs, 1)
        minutes = fmean(self.took_s) * self.left / at_once / 60
        return (
            f"{what}: {100 * result.accuracy:.1f} % after the last session, {self.took_s[-1]:.0f} s; "
            f"{self._left()}, about {minutes:.0f} min"
        )

    def _left(self) -> str:
        return f"{self.left} run{'s' * (self.left != 1)} left"
