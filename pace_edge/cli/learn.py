"""pace-edge learn"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pace_edge.cli import options
from pace_edge.config import HEARD_KEPT_S
from pace_edge.errors import PaceEdgeError, UsageError

if TYPE_CHECKING:
    from streams.sources.source import Source
    from streams.teaching.teach import Lesson, Teacher

JUST_HEARD_S = 5.0
RECORDED_S = 5.0


class Seconds(click.ParamType):
    """A number of seconds, also written as 5s."""

    name = "SECONDS"

    def __init__(self, most: float) -> None:
        self.most = most

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = float(str(value).strip().removesuffix("s"))
        except ValueError:
            self.fail(f"{value!r} is not a number of seconds, such as 5 or 5s")
        if not 0 < seconds <= self.most:
            self.fail(f"{value} is not above 0 and at most {self.most:g} seconds")
        return seconds


class Moment(click.ParamType):
    """Seconds from the beginning of a file: 12.5, 12.5s, 1:02.5 or 1:00:02.5."""

    name = "SECONDS"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        parts = str(value).strip().removesuffix("s").split(":")
        try:
            seconds = [float(part) for part in parts]
        except ValueError:
            seconds = []
        if not 1 <= len(seconds) <= 3 or not all(0 <= part < math.inf for part in seconds):
            self.fail(f"{value!r} is no moment of a file, such as 12.5 or 1:02.5")
        return sum(part * 60**i for i, part in enumerate(reversed(seconds)))


@click.command()
@click.option("--label", help="What the sound is; a new name makes a new class.")
@click.option("--background", is_flag=True, help="Instead of a label: it is nothing to be announced.")
@click.option("--file", "files", multiple=True, type=click.Path(path_type=Path),
              help="Teach from an audio file; several are several examples.")  # fmt: skip
@click.option("--from", "from_s", type=Moment(), metavar="SECONDS", help="Of --file, from here on: 12.5 or 1:02.5.")
@click.option("--to", "to_s", type=Moment(), metavar="SECONDS", help="Of --file, up to here.")
@click.option("--labels", "table", type=click.Path(path_type=Path),
              help="Teach every row of an Audacity label file, a Raven selection table or a CSV of events; "
                   "the recording is --file, or found by its name.")  # fmt: skip
@click.option("--label-column", metavar="NAME", help="Of --labels, the heading over the labels.")
@click.option("--folder", type=click.Path(path_type=Path),
              help="Teach from every audio file in a folder; without --label, each subfolder is a label.")  # fmt: skip
@click.option("--last", type=Seconds(HEARD_KEPT_S), metavar="SECONDS",
              help="Teach from what a listener heard in the last seconds. Default: the last sound of the last minute, "
              f"whole; with --background, the last {JUST_HEARD_S:g} s.")  # fmt: skip
@click.option("--at", metavar="TIME",
              help="Teach from a moment of the last minute: seconds of the stream, or a time: 14:03:22.")  # fmt: skip
@click.option("--source", metavar="NAME",
              help="What this source heard. Default: the source that heard the sound loudest.")  # fmt: skip
@click.option("--force", is_flag=True,
              help="Teach also silence, a clipped sound, or what the model calls background.")  # fmt: skip
@options.new_class
@click.option("--from-mic", is_flag=True, help=f"Record from the microphone; {RECORDED_S:g} s without --seconds.")
@click.option("--seconds", type=Seconds(600), metavar="N",
              help="Record so long from the microphone, and teach from it.")  # fmt: skip
@click.option("--input", metavar="DEVICE", help="The microphone for --seconds; default: the configured source.")
@click.option("--keep-audio", is_flag=True, help="Keep a copy of the recording, for relearn.")
@options.place
@options.as_json
def learn(
    label: str | None, background: bool, files: tuple[Path, ...], from_s: float | None,
    to_s: float | None, table: Path | None, label_column: str | None, folder: Path | None,
    last: float | None, at: str | None, source: str | None, force: bool, new_class: bool, from_mic: bool,
    seconds: float | None, input: str | None, keep_audio: bool, as_json: bool, **where: Any,
) -> None:  # fmt: skip
    """Teach a sound.

    Without --last, --at, --file, --folder, --labels or --seconds: the last sound that a listener heard in the last
    minute. It is known from the next window on, by a listener that is running too.
    """
    ways = {
        "--labels": table, "--file": () if table is not None else files, "--folder": folder, "--last": last, "--at": at,
        "--seconds": seconds or from_mic,
    }  # fmt: skip
    chosen = [way for way, given in ways.items() if given]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} exclude each other", do="Give one of them.")
    if label is not None and background:
        raise UsageError("--label and --background exclude each other", do="Give one of them.")
    if (from_s is not None or to_s is not None) and (table is not None or len(files) != 1):
        raise UsageError("--from and --to go with one --file", do="Name the file that they are of.")
    if label_column is not None and table is None:
        raise UsageError("--label-column goes with --labels", do="Name the table, or leave it out.")
    if table is not None and (label is not None or background):
        raise UsageError("with --labels the labels are those of its rows", do="Leave --label and --background out.")
    if table is not None and len(files) > 1:
        raise UsageError("--labels goes with one --file", got=f"{len(files)}", do="Leave --file out or name one.")
    if label is None and not background and folder is None and table is None:
        raise UsageError("there is no label", expected="--label NAME, or --background", do="Say what the sound is.")
    if input is not None and chosen != ["--seconds"]:
        raise UsageError("--input goes with --seconds", do="Add --seconds N, or leave --input out.")
    if (keep_audio and chosen and chosen[0] in ("--last", "--at")) or (keep_audio and not chosen):
        raise UsageError("of what was just heard no audio is kept", do="Leave --keep-audio out.")
    if source is not None and chosen and chosen[0] not in ("--last", "--at"):
        raise UsageError("--source goes with what was just heard", do="Leave it out; --input names a microphone.")
    moment = _moment(at) if at is not None else (None, None)
    from pace_edge.label_check import tidied_label
    from streams.teaching.clip_folder import clips_of_folder
    from streams.teaching.teach import Teacher

    if label is not None:
        label = tidied_label(label)  # before a recording, not after it
    with Teacher(**where) as teacher:
        if background:
            label = teacher.background
        elif label is not None:  # asked before a recording, not after it
            label = options.as_meant(lambda one, new: teacher.taught_label(one, new_class=new), label, new_class)
        how = {"force": force, "new_class": label is not None or new_class}
        lessons: Iterator[Lesson]
        if table is not None:
            rows = teacher.table_lessons(
                table, files[0] if files else None, label_column=label_column, keep_audio=keep_audio, **how
            )
            lessons = _from_rows(rows)
        elif from_s is not None or to_s is not None:
            lessons = iter([teacher.learn_file(label or "", files[0], from_s, to_s, keep_audio=keep_audio, **how)])
        elif files or folder is not None:
            clips = [(label or "", file) for file in files]
            if folder is not None:
                found = clips_of_folder(folder, label)
                clips = list(found.clips)
                if found.skipped:
                    click.echo(found.skipped, err=True)
            if label is None:
                clips = _as_meant(teacher, clips, new_class)
            lessons = _from_files(teacher, clips, keep_audio, force)
        elif seconds or from_mic:
            microphone, gain_db = _microphone(input, teacher.rate_hz, where["config"])
            seconds = seconds or RECORDED_S
            click.echo(f"recording {seconds:g} s from {microphone.name} ...", err=True)
            lesson = teacher.learn_recording(
                label or "", microphone, seconds, gain_db=gain_db, keep_audio=keep_audio, **how
            )
            lessons = iter([lesson])
        else:
            lessons = iter([_just_heard(teacher, label or "", last, moment, background, source=source, **how)])
        unmet = teacher.unmet()
        for lesson in lessons:
            if as_json or not sys.stdout.isatty():
                click.echo(json.dumps({"type": "lesson", **asdict(lesson), "warnings": unmet}, ensure_ascii=False))
            click.echo(lesson.in_words(), err=True)
        options.say_warnings([*teacher.warnings(), *unmet])


def _microphone(input: str | None, rate_hz: int, config: Path | None) -> tuple[Source, float]:
    """The microphone that is named, else the one that a listener is set to hear, with the gain that is set."""
    from streams.configuration.configure import configure
    from streams.sources.source import open_source

    settings = configure(file=config).settings
    if input is None and len(settings.sources) > 1:
        names = ", ".join(one.name or one.input or "the default microphone" for one in settings.sources)
        raise UsageError("several sources are set", expected=f"--input with one of {names}", do="Name the microphone.")
    one = settings.sources[0] if input is None and settings.sources else None
    channel = one.channel if one else None
    source = open_source(one.input if one else input, rate_hz=rate_hz, realtime=True, restart=False, channel=channel)
    return source, settings.windows.gain_db


def _just_heard(
    teacher: Teacher, label: str, last: float | None, moment: tuple[float | None, float | None], background: bool, *,
    source: str | None, force: bool, new_class: bool,
) -> Lesson:  # fmt: skip
    """For background nobody waits for a sound: it is what is there."""
    at_s, at_unix_s = moment
    how: dict[str, Any] = {"source": source, "force": force, "new_class": new_class}
    if at_s is not None or at_unix_s is not None:
        return teacher.learn_heard_at(label, at_s=at_s, at_unix_s=at_unix_s, **how)
    if last is not None or background:
        return teacher.learn_heard(label, last or JUST_HEARD_S, **how)
    return teacher.learn_last_sound(label, **how)


def _taught_label(teacher: Teacher, beside: list[str], label: str, new_class: bool) -> str:
    return teacher.taught_label(label, new_class=new_class, beside=beside)


def _as_meant(teacher: Teacher, clips: list[tuple[str, Path]], new_class: bool) -> list[tuple[str, Path]]:
    """The labels of a folder, each asked about once, before anything is taught."""
    meant: dict[str, str] = {}
    for label in dict.fromkeys(label for label, _ in clips):
        taught_label = partial(_taught_label, teacher, list(meant.values()))
        meant[label] = options.as_meant(taught_label, label, new_class)
    return [(meant[label], path) for label, path in clips]


def _from_files(teacher: Teacher, clips: list[tuple[str, Path]], keep_audio: bool, force: bool) -> Iterator[Lesson]:
    """Of several files the good ones are learned, and those that are not are named at the end."""
    failed = []
    for label, path in clips:
        try:
            yield teacher.learn_file(label, path, keep_audio=keep_audio, force=force, new_class=True)
        except PaceEdgeError as error:
            if len(clips) == 1:
                raise
            failed.append(str(error))
    for line in failed:
        click.echo(f"pace-edge: {line}", err=True)
    if failed:
        do = "The others were." if len(failed) < len(clips) else "Nothing was learned."
        raise PaceEdgeError(f"{len(failed)} of the files could not be learned", do=do)


def _from_rows(rows: Iterator[Lesson | str]) -> Iterator[Lesson]:
    """Of a table's rows the good ones are learned, and those that are not are named at the end."""
    learned, failed = 0, []
    for row in rows:
        if isinstance(row, str):
            failed.append(row)
        else:
            learned += 1
            yield row
    for line in failed:
        click.echo(f"pace-edge: {line}", err=True)
    if failed:
        do = "The others were." if learned else "Nothing was learned."
        raise PaceEdgeError(f"{len(failed)} of {learned + len(failed)} rows could not be learned", do=do)


def _moment(at: str) -> tuple[float | None, float | None]:
    """Seconds of the stream, or a time of the clock: today's, if it has no date, or yesterday's where that is yet to
    come."""
    try:
        return float(at.removesuffix("s")), None
    except ValueError:
        pass
    try:
        today = datetime.now().date().isoformat()
        moment = datetime.fromisoformat(at if "-" in at else f"{today}T{at}")
        if "-" not in at and moment > datetime.now() + timedelta(hours=12):  # it was before midnight
            moment -= timedelta(days=1)
    except ValueError:
        raise UsageError(
            f"--at {at} is no time", expected="seconds of the stream, such as 12.5, or a time, such as 14:03:22",
            do="Nothing was learned.",
        ) from None  # fmt: skip
    return None, moment.timestamp()
