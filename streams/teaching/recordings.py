"""What of a recording is taught: a file or a stretch of it, and the rows of a table of labels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pace_edge.errors import PaceEdgeError
from pace_edge.stretch import check_stretch, in_words, read_stretch, stretch_around
from streams.teaching.label_tables import LabelTable


@dataclass(frozen=True)
class Recording:
    """`clip`: PCM float32 [samples] at the model's rate; `source`: what it is, in words; `audio`: the path and checksum
    of the file that holds it, and the seconds of it, 0 and 0 where it is all of it."""

    clip: np.ndarray
    source: str
    audio: tuple[str, str]
    span_s: tuple[float, float] = (0.0, 0.0)


def read_recording(
    path: str | Path, rate_hz: int, *, from_s: float | None, to_s: float | None, longest_s: float
) -> Recording:
    """A file, or a stretch of it in seconds. Raises AudioError, and UsageError for a stretch that is none."""
    clip = read_stretch(path, rate_hz, from_s=from_s, to_s=to_s, longest_s=longest_s)
    name = str(Path(path).resolve()).encode("utf-8", "backslashreplace").decode()  # a name need not be text
    with Path(path).open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    stretch = in_words(from_s, to_s)
    if stretch:
        begin_s = from_s or 0.0
        return Recording(clip, f"file {name}, {stretch}", (name, checksum), (begin_s, begin_s + len(clip) / rate_hz))
    return Recording(clip, f"file {name}", (name, checksum))


@dataclass(frozen=True)
class Stretch:
    """One row of a table, found: `line` is the row's."""

    line: int
    label: str
    path: Path
    from_s: float
    to_s: float


def stretches(table: LabelTable, audio: Path | None, *, window_s: float) -> Iterator[Stretch | tuple[int, str]]:
    """Each row with its recording, or its line and why it has none. Of a label that is a point, `window_s` around it.
    Raises UsageError where `audio` is given and the rows are about several."""
    table.check_given(audio)
    yield from table.wrong.items()
    for row in table.rows:
        try:
            path = table.audio_of(row, audio)
            from_s, to_s = stretch_around(path, row.from_s, window_s) if row.is_point else (row.from_s, row.to_s)
            check_stretch(from_s, to_s)
        except PaceEdgeError as error:
            yield row.line, str(error)
        else:
            yield Stretch(row.line, row.label, path, from_s, to_s)
