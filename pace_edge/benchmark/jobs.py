"""Runs in processes of their own, some at a time: the memory that is measured is the run's, and one that dies takes no
other with it. A process ends with the one that started it, however that ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from pace_edge.adapt.device import choose_device
from pace_edge.adapt.loading import afresh, hidden_main
from pace_edge.adapt.machine import Machine
from pace_edge.benchmark.records import Record
from pace_edge.benchmark.running import Job, run_job
from pace_edge.errors import PaceEdgeError


@dataclass(frozen=True)
class Failed:
    """Why a run gave no record: a sentence, and for a fault in a method's code where it was."""

    job: Job
    reason: str
    traceback: str = ""


def run_jobs(jobs: Sequence[Job], at_once: int, device: str) -> Iterator[tuple[Job, Record | Failed]]:
    """Every job, in about their order, `at_once` at a time, each with one thread if that is more than one. When the
    iterator is closed or interrupted the processes end, and what they were at is lost."""
    context, waiting = afresh(__name__), list(reversed(jobs))
    running: dict[Any, tuple[BaseProcess, Job]] = {}  # by the end of the pipe that its result comes from
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                job = waiting.pop()
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(job, device, at_once > 1, theirs), daemon=False)
                with hidden_main():
                    process.start()
                theirs.close()
                running[ours] = (process, job)
            for ours in wait(list(running)):
                process, job = running.pop(ours)
                yield job, _result(ours, process, job)
    finally:
        for process, _ in running.values():
            process.terminate()
            process.join()


def _result(ours: Any, process: BaseProcess, job: Job) -> Record | Failed:
    try:
        result = ours.recv()
    except EOFError:
        process.join()
        code = process.exitcode or 0
        how = f"by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"with exit code {code}"
        hint = " Memory may have run out: fewer --jobs." if code == -signal.SIGKILL else ""
        return Failed(job, f"its process ended {how}.{hint}")
    finally:
        ours.close()
    process.join()
    return result


def _work(job: Job, device: str, one_thread: bool, to: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that started this ends it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if one_thread:
        torch.set_num_threads(1)
    to.send(attempt(job, Machine(device=choose_device(device), precision=job.precision)))


def attempt(job: Job, machine: Machine) -> Record | Failed:
    """The job's record, or why there is none: also for a fault in the code of a method, which may be anybody's."""
    try:
        return run_job(job, machine)
    except PaceEdgeError as error:
        return Failed(job, str(error))
    except Exception as error:
        return Failed(job, f"{type(error).__name__}: {error}", traceback.format_exc())


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
