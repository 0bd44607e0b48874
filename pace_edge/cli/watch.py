"""Following an adaptation on stderr: bars on a terminal, a line for each epoch elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

import click

from pace_edge.adapt.watch import Watch

if TYPE_CHECKING:
    from rich.console import Console


class Lines(Watch):
    """For a log file: each stage and each epoch is a line."""

    def begin(self, stage: str, steps: int) -> None:
        self.stage = stage

    def epoch(self, epoch: int, epochs: int, loss: float, held_out: float | None) -> None:
        click.echo(f"{self.stage}: epoch {epoch}/{epochs}, {in_words(loss, held_out)}", err=True)

    def say(self, sentence: str) -> None:
        click.echo(sentence, err=True)


class Bar(Watch):
    """One bar for the stage that is going on, with the time left; how each stage ended stays above it."""

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[now]}"),
        )  # fmt: skip
        self._progress = Progress(*columns, console=console or Console(stderr=True), transient=True)
        self._task = self._progress.add_task("starting", total=None, now="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def begin(self, stage: str, steps: int) -> None:
        self._stage = stage
        self._progress.reset(self._task, total=steps, description=stage, now="")

    def step(self) -> None:
        self._progress.advance(self._task)

    def epoch(self, epoch: int, epochs: int, loss: float, held_out: float | None) -> None:
        self._progress.update(self._task, now=f"epoch {epoch}/{epochs}, {in_words(loss, held_out)}")
        if epoch == epochs:
            self.say(f"{self._stage}: {in_words(loss, held_out)}")

    def say(self, sentence: str) -> None:
        self._progress.console.print(sentence, markup=False, highlight=False)


def in_words(loss: float, held_out: float | None) -> str:
    called_right = "" if held_out is None else f", {100 * held_out:.1f} % of the test clips right"
    return f"loss {loss:.3f}{called_right}"


def watching(first: bool = True) -> Watch:
    """What fits where stderr goes; silent for a process that is not the first."""
    if not first:
        return Watch()
    return Bar() if sys.stderr.isatty() else Lines()
