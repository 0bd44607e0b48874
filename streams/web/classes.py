"""The classes over the API: how well each is known, and from what examples."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from pace_edge.kept_audio import LARGEST_BYTES, is_kept_name, recording_path
from pace_edge.operations import Operation
from streams.teaching.examples import TaughtExample, examples_of
from streams.teaching.labels import count_labels
from streams.teaching.teach import Teacher
from streams.web.asked import ExampleQuery, OneLabel
from streams.web.guard import RefusedError, refusal

if TYPE_CHECKING:
    from streams.web.app import Context


async def labels(context: Context, _asked: None, _request: Request) -> dict[str, Any]:
    ears = context.listener.ears

    rule = context.listener.rule(await context.taught())
    counted = await context.desk.do(lambda teacher: count_labels(teacher.learner, rule))
    return {
        "labels": [
            {**asdict(one), "background": one.label == ears.info.background,
             "threshold": rule.thresholds.get(one.label, rule.threshold)}
            for one in counted
        ]
    }  # fmt: skip


async def label(context: Context, asked: OneLabel, _request: Request) -> dict[str, Any]:
    def work(teacher: Teacher) -> dict[str, Any]:
        learner = teacher.learner
        if asked.label not in learner.state.labels:
            raise teacher.no_class(asked.label)
        found = examples_of(learner, asked.label)
        return {
            "label": asked.label,
            "examples": [_example_record(one, learner.journal.clips) for one in found.examples],
            "confused_with": found.confused_with,
            "map": {"points": [asdict(point) for point in found.points], "share": round(found.share, 4)},
        }

    return await context.desk.do(work)


def _example_record(example: TaughtExample, clips: Path) -> dict[str, Any]:
    operation = example.operation
    return {
        "id": operation.id, "at_unix_s": operation.at_unix_s, "source": operation.source, "windows": operation.windows,
        "plays": recording_of(operation, clips) is not None,
        "left_out": asdict(example.left_out) if example.left_out else None, "odd": example.odd, "why": example.why,
    }  # fmt: skip


def recording_of(operation: Operation, clips: Path) -> Path | None:
    """The file that holds an example's sound, as the journal names it; None: there is none any more. Where another
    device's journal names a file by its whole path, it is none of this machine's."""
    path = recording_path(clips, operation.audio)
    if operation.target and not is_kept_name(operation.audio):
        return None
    return path if path and path.is_file() and path.stat().st_size <= LARGEST_BYTES else None


async def example_audio(context: Context, asked: ExampleQuery, _request: Request) -> Response:
    """Only what is still, byte for byte, the recording that was taught: a path in the journal opens no other file."""

    def work(teacher: Teacher) -> Path | None:
        learner = teacher.learner
        operations: Mapping[int, Operation] = {o.id: o for o in learner.operations if o.id in learner.state.examples}
        if asked.id not in operations:
            return None
        path = recording_of(operations[asked.id], learner.journal.clips)
        if path is None or sha256(path.read_bytes()).hexdigest() != operations[asked.id].audio_sha256:
            return None
        return path

    path = await context.desk.do(work)
    if path is None:
        return refusal(RefusedError(404, f"No sound is kept of example {asked.id}."))
    kind = mimetypes.guess_type(path.name)[0] or ""
    return FileResponse(path, media_type=kind if kind.startswith(("audio/", "video/")) else "application/octet-stream")
