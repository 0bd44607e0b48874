"""Teaching and taking back, over the API. All of it is done at the desk, one thing after the other."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.requests import Request

from pace_edge.audio import stream_audio
from pace_edge.errors import AudioError, LearningError
from streams.teaching.change import Change
from streams.teaching.teach import LONGEST_S, Lesson, Teacher
from streams.web.asked import Correct, Forget, Learn, OneExample, OneLabel, Rename, SoundQuery, Teach, Undo, WhatItIs
from streams.web.desk import BusyError

if TYPE_CHECKING:
    from streams.listening.listener import Listener
    from streams.web.app import Context

UPLOADED = "an uploaded recording"


def label_of(asked: WhatItIs, teacher: Teacher) -> str:
    return teacher.background if asked.background else asked.label or ""


def lesson_record(lesson: Lesson) -> dict[str, Any]:
    return {**asdict(lesson), "words": lesson.in_words()}


def change_record(change: Change) -> dict[str, Any]:
    return {**asdict(change), "words": change.in_words()}


async def learn(context: Context, asked: Learn, _request: Request) -> dict[str, Any]:
    """What was just heard here, by this listener: another one's may be in the same journal."""
    listener, tape = context.listener, context.tape
    remembered = {**listener.ended(), **listener.sessions()}

    def cut(source: str, start_s: float, end_s: float) -> np.ndarray | None:
        """The sound of a stretch, as the model heard it, if it is to be kept."""
        if not asked.keep_audio or (span := tape.span(source)) is None:
            return None
        first, last = max(span.begin, round(start_s * tape.rate_hz)), min(span.end, round(end_s * tape.rate_hz))
        clip = tape.cut(source, first, last)
        return np.clip(clip * np.float32(10 ** (listener.options.gain_db / 20)), -1.0, 1.0)

    insist = {"force": asked.force, "new_class": asked.new_class}

    def work(teacher: Teacher) -> Lesson:
        label, source, here = label_of(asked, teacher), asked.source, _meant(listener, asked.source)
        if asked.start_s is not None and asked.end_s is not None:
            source = source or context.hub.loudest()
            return teacher.learn_heard_range(
                label, remembered.get(source, ""), asked.start_s, asked.end_s, name=source, sound_of=cut, **insist
            )
        if asked.last_s is not None:
            return teacher.learn_heard(label, asked.last_s, source=source, sessions=here, sound_of=cut, **insist)
        return teacher.learn_last_sound(label, source=source, sessions=here, sound_of=cut, **insist)

    return lesson_record(await context.desk.do(work))


async def last_sound(context: Context, asked: SoundQuery, _request: Request) -> dict[str, Any]:
    """Nothing is taught."""

    def work(teacher: Teacher) -> dict[str, Any]:
        try:
            sound, later = teacher.last_sound(sessions=_meant(context.listener, asked.source))
        except LearningError as error:
            return {"sound": None, "words": error.what}
        found = {
            "source": sound.stream.source, "start_s": round(sound.start_s, 4), "end_s": round(sound.end_s, 4),
            "duration_s": round(sound.duration_s, 4), "at_unix_s": sound.at_unix_s if sound.stream.live else None,
            "ago_s": round(sound.ago_s, 2), "level_dbfs": round(sound.level_dbfs, 2), "called": sound.called,
            "later": [one.in_words() for one in later],
        }  # fmt: skip
        return {"sound": found, "words": sound.in_words()}

    return await context.desk.do(work)


def _meant(listener: Listener, source: str | None) -> set[str]:
    """The streams in which a sound may be meant: this source's, also if it has just ended; else all that are heard, or
    where nothing is, those that have just ended."""
    heard, ended = listener.sessions(), listener.ended()
    if source is None:
        return set((heard or ended).values())
    remembered = {**ended, **heard}
    if source not in remembered:
        there = ", ".join(remembered) or "none yet"
        raise LearningError(f"'{source}' is not heard", expected=f"a source: {there}", do="Nothing was learned.")
    return {remembered[source]}


async def learn_file(context: Context, asked: Teach, request: Request) -> dict[str, Any]:
    """The body goes into a file that has no name of the request's, and is read by libsndfile alone."""
    if context.uploads.locked():
        raise BusyError
    async with context.uploads:
        return await _learn_file(context, asked, request)


async def _learn_file(context: Context, asked: Teach, request: Request) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="pace-edge-") as folder:
        path = Path(folder) / "upload"
        with path.open("wb") as file:
            async for piece in request.stream():
                file.write(piece)

        def work(teacher: Teacher) -> Lesson:
            clip = _uploaded(path, teacher.rate_hz)
            return teacher.learn_clip(
                label_of(asked, teacher), clip, source=UPLOADED, keep_audio=True, force=asked.force,
                new_class=asked.new_class,
            )  # fmt: skip

        return lesson_record(await context.desk.do(work))


def _uploaded(path: Path, rate_hz: int) -> np.ndarray:
    """float32 [samples]; of a recording that is too long for one sound only so much that this can be told."""
    most, blocks = round(LONGEST_S * rate_hz), []
    try:
        for block in stream_audio(path, rate_hz, rate_hz, ffmpeg=False):
            blocks.append(block)
            if sum(map(len, blocks)) > most:
                break
    except AudioError:
        raise AudioError(
            f"{UPLOADED} cannot be read as audio", expected="a whole wav, flac, ogg, opus or mp3 file",
            do="Convert it, for example to wav; nothing was learned.",
        ) from None  # fmt: skip
    return np.concatenate(blocks)


async def correct(context: Context, asked: Correct, _request: Request) -> dict[str, Any]:
    return await _change(
        context, lambda t: t.correct(
            asked.event or "", label_of(asked, t), example=asked.example, new_class=asked.new_class
        )
    )  # fmt: skip


async def remove(context: Context, asked: OneExample, _request: Request) -> dict[str, Any]:
    return await _change(context, lambda teacher: teacher.remove(asked.example))


async def undo(context: Context, asked: Undo, _request: Request) -> dict[str, Any]:
    return await _change(context, lambda teacher: teacher.undo(asked.steps, newest=asked.id))


async def forget(context: Context, asked: Forget, _request: Request) -> dict[str, Any]:
    return await _change(context, lambda teacher: teacher.forget(asked.label, purge=asked.purge))


async def hide(context: Context, asked: OneLabel, _request: Request) -> dict[str, Any]:
    return await _change(context, lambda teacher: teacher.hide(asked.label))


async def unhide(context: Context, asked: OneLabel, _request: Request) -> dict[str, Any]:
    return await _change(context, lambda teacher: teacher.unhide(asked.label))


async def rename(context: Context, asked: Rename, _request: Request) -> dict[str, Any]:
    return await _change(
        context, lambda teacher: teacher.rename(asked.label, asked.new_label, new_class=asked.new_class)
    )


async def _change(context: Context, work: Callable[[Teacher], Change]) -> dict[str, Any]:
    changed = change_record(await context.desk.do(work))
    context.tell_state()
    return changed
