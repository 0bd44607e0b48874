"""Clips from disk, decoded when they are needed and in other processes if wished: never a whole data set in memory.

Worker processes are forked from a small server that was started afresh, not from this process: a fork of it would copy
the locks of torch's and the decoders' threads as they stand, and may wait for one of them for ever. A process started
afresh has to import torch; the server does that once, for the workers of every later call. Batches come back in shared
memory: through a pipe, one whose worker is killed while it writes would be waited for for ever.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from pace_edge.adapt.data import Clip
from pace_edge.adapt.watch import Watch
from pace_edge.audio import read_audio, stream_audio
from pace_edge.errors import AudioError, PaceEdgeError

AHEAD = 2  # batches that each worker has in hand or ready
SHOWN = 3  # unreadable clips that an error tells of
CHECK_BLOCK_S = 10
FEEDER_S = 10.0  # for a thread that has been told to end


class ClipPCM(Dataset[torch.Tensor]):
    """Clip i as float32 [samples], cut or padded with silence around its middle to `seconds`; AudioError if it cannot
    be read. Nothing is kept."""

    def __init__(self, clips: Sequence[Clip], *, rate_hz: int, seconds: float) -> None:
        self.paths = [clip.path for clip in clips]
        self.rate_hz = rate_hz
        self.samples = round(seconds * rate_hz)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> torch.Tensor:
        wave = read_audio(self.paths[i], self.rate_hz)
        spare = len(wave) - self.samples
        if spare > 0:
            wave = wave[spare // 2 : spare // 2 + self.samples]
        pcm = torch.zeros(self.samples)
        pcm[max(0, -spare // 2) :][: len(wave)] = torch.from_numpy(wave)
        return pcm


def batches(
    clips: Sequence[Clip], rows: Sequence[torch.Tensor], *, rate_hz: int, seconds: float, workers: int = 0,
    pin: bool = False,
) -> Iterator[torch.Tensor]:  # fmt: skip
    """The clips of each of `rows` (indices, int64 [b]) as `ClipPCM` gives them, float32 [b, samples], in that order.

    `workers` processes decode ahead, `AHEAD` batches each and no more; 0 decodes here. `pin` gives page-locked memory,
    which an accelerator copies from while it computes; there must be one. Raises the error of an unreadable clip when
    its batch is due. The processes end with the iterator, also one that is dropped half-way.
    """
    processes: dict[str, Any] = {}
    if workers := min(workers, len(rows)):
        processes = {"prefetch_factor": AHEAD, "multiprocessing_context": afresh(__name__)}
    loader: DataLoader = DataLoader(
        _Batches(ClipPCM(clips, rate_hz=rate_hz, seconds=seconds)),
        sampler=_Lists(rows),
        batch_size=None,  # the sampler's items are the batches
        collate_fn=_as_it_is,
        pin_memory=pin,
        generator=torch.Generator(),  # it draws a seed for workers, which must not come from the caller's generator
        num_workers=workers,
        **processes,
    )
    with hidden_main():
        iterator = iter(loader)
    try:
        while (batch := _next(iterator)) is not None:
            if isinstance(batch, _Failure):
                raise batch.error()
            yield batch
    finally:
        feeders = [queue._thread for queue in getattr(iterator, "_index_queues", ())]
        del iterator  # ends the workers now, though a traceback may hold on to this frame
        for feeder in filter(None, feeders):  # the program's end would stop one between two steps of tidying up
            feeder.join(FEEDER_S)


@dataclass(frozen=True)
class _Failure:
    """An error on its way between processes: pickled itself, it would be built a second time from its own message."""

    kind: type[PaceEdgeError]
    message: str

    @classmethod
    def of(cls, error: PaceEdgeError) -> _Failure:
        return cls(type(error), str(error))

    def error(self) -> PaceEdgeError:
        return self.kind.__new__(self.kind, self.message)


class _Batches(Dataset["torch.Tensor | _Failure"]):
    """A batch for a list of indices, [b, samples]."""

    def __init__(self, pcm: ClipPCM) -> None:
        self.pcm = pcm

    def __getitem__(self, indices: list[int]) -> torch.Tensor | _Failure:
        batch = torch.empty(len(indices), self.pcm.samples)
        try:
            if get_worker_info():
                _share(batch)
            for row, i in zip(batch, indices, strict=True):
                row.copy_(self.pcm[i])
        except PaceEdgeError as error:
            return _Failure.of(error)
        return batch


def _share(batch: torch.Tensor) -> None:
    """Here and not when it is sent: that is done by a thread, which would drop the batch and say nothing."""
    try:
        batch.share_memory_()
    except RuntimeError as error:
        raise PaceEdgeError(
            f"there is no shared memory for a batch of clips ({error})", expected=f"{batch.nbytes / 1e6:.2g} MB",
            do="Use fewer workers, or give the container more (docker run --shm-size).",
        ) from error  # fmt: skip


@dataclass(frozen=True)
class _Lists:
    rows: Sequence[torch.Tensor]

    def __iter__(self) -> Iterator[list[int]]:
        return (indices.tolist() for indices in self.rows)


def _as_it_is(batch):
    return batch


def _next(iterator: Iterator) -> torch.Tensor | _Failure | None:
    try:
        return next(iterator, None)
    except (RuntimeError, EOFError, ConnectionError, FileNotFoundError) as error:  # the last three: of its socket
        if isinstance(error, RuntimeError) and not str(error).startswith("DataLoader worker (pid"):
            raise
    return _Failure.of(
        PaceEdgeError("a process that decodes clips has died", do="If memory ran out, use fewer workers.")
    )


def afresh(module: str) -> Any:
    """How processes that run functions of `module` are started: see above."""
    if "forkserver" not in multiprocessing.get_all_start_methods():  # Windows
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context


@contextmanager
def hidden_main() -> Iterator[None]:
    """A process that is started imports the main script again, in case what it was given is from there. Ours is not;
    and a script without `if __name__ == "__main__"` would start over in every worker."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def check_clips(clips: Sequence[Clip], *, rate_hz: int, skip_unreadable: bool, watch: Watch) -> list[Clip]:
    """Decodes every clip once, in bounded memory; the readable ones, in order.

    Raises PaceEdgeError if any cannot be read; with `skip_unreadable` only if none of a class can, and `watch` is told
    of each that is left out.
    """
    readable, faults = [], []
    watch.begin("reading every clip once", len(clips))
    for clip in clips:
        watch.step()
        try:
            for _ in stream_audio(clip.path, rate_hz, CHECK_BLOCK_S * rate_hz):
                pass
            readable.append(clip)
        except AudioError as error:
            faults.append(str(error))
            if skip_unreadable:
                watch.say(f"left out: {error}")
    if faults and not skip_unreadable:
        shown = [f"({i}) {fault}" for i, fault in enumerate(faults[:SHOWN], 1)]
        more = [f"And {len(faults) - SHOWN} more."] if len(faults) > SHOWN else []
        raise PaceEdgeError(
            f"{len(faults)} of {len(clips)} clips cannot be read: {' '.join(shown + more).rstrip('.')}",
            do="--skip-unreadable leaves them out.",
        )
    left = Counter(clip.label for clip in readable)
    for label, n in Counter(clip.label for clip in clips).items():
        if not left[label]:
            raise PaceEdgeError(
                f"class '{label}' has no readable clip", expected="at least one", got=f"{n} unreadable",
                do="Export its clips again, or take the class away.",
            )  # fmt: skip
    return readable
