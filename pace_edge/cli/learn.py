"""pace-edge learn"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pace_edge.cli import options
from pace_edge.config import HEARD_KEPT_S
from pace_edge.errors import UsageError

if TYPE_CHECKING:
    from streams.teach import Lesson

JUST_HEARD_S = 5.0


@click.command()
@options.model
@click.option("--label", required=True, help="What the sound is; a new name makes a new class.")
@click.option("--file", type=click.Path(path_type=Path), help="Teach from an audio file.")
@click.option("--last", type=click.FloatRange(min=0, min_open=True, max=HEARD_KEPT_S), metavar="SECONDS",
              help=f"Teach from what a listener heard last; the default, with {JUST_HEARD_S:g} s.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True, max=600), metavar="N",
              help="Record so long from the microphone, and teach from it.")  # fmt: skip
@click.option("--input", metavar="DEVICE", help="The microphone for --seconds.")
@options.journal
@options.as_json
def learn(
    model: Path, label: str, file: Path | None, last: float | None, seconds: float | None, input: str | None,
    journal: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Teach a sound.

    It is known from the next window on, by a listener that is running too.
    """
    if sum(choice is not None for choice in (file, last, seconds)) > 1:
        raise UsageError("--file, --last and --seconds exclude each other", do="Give one of them.")
    if input is not None and seconds is None:
        raise UsageError("--input goes with --seconds", do="Add --seconds N, or leave --input out.")
    from pace_edge.journal import checked_label
    from streams.teach import Teacher

    checked_label(label)  # before a recording, not after it
    with Teacher(model, journal=journal) as teacher:
        if file is not None:
            lesson = teacher.learn_file(label, file)
        elif seconds is not None:
            from streams.sources import open_source

            source = open_source(input, rate_hz=teacher.rate_hz, realtime=True, restart=False)
            click.echo(f"recording {seconds:g} s from {source.name} ...", err=True)
            lesson = teacher.learn_recording(label, source, seconds)
        else:
            lesson = teacher.learn_heard(label, last or JUST_HEARD_S)
    if as_json or not sys.stdout.isatty():
        click.echo(json.dumps({"type": "lesson", **asdict(lesson)}, ensure_ascii=False))
    _explain(lesson)


def _explain(lesson: Lesson) -> None:
    (was, was_score), (now, now_score) = lesson.before, lesson.after
    kind = "new class" if lesson.is_new_class else "class"
    words = [
        f"{kind} '{lesson.label}' has {lesson.examples} example{'s' * (lesson.examples != 1)}",
        f"this sound ({lesson.source}) was called '{was}' ({was_score:.2f}) and is now '{now}' ({now_score:.2f})",
    ]
    if quiet := lesson.windows_heard - lesson.windows:
        words.append(f"{quiet} of {lesson.windows_heard} windows were too quiet beside the rest and left out")
    click.echo("; ".join(words), err=True)
