"""Clips: the sound of each event as a FLAC file, kept only when asked, in a folder of limited size.

The listening loop hands over the sound with `push`, and the reports like any sink's with `write`. The last seconds of
each source stay in memory; an event's clip is cut out of them when the event ends or has become as long as allowed.
"""

from __future__ import annotations

import io
import json
import re
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np

from pace_edge.errors import SinkError
from pace_edge.files import write_whole
from streams.heard import Event, Heard
from streams.sinks.reports import Reports
from streams.sinks.sink import Classes, Counts, NamesNow, event_record, identity, unchanged

_OURS = re.compile(r"(\d{8}T\d{6}\.\d{3}Z|time-unknown_\d+\.\ds)_[^/]*_[0-9a-f]{8}\.flac")
_UNFINISHED = re.compile(_OURS.pattern + r".*\.part")
_AFTER_S = 0.5  # behind a sound's end, where it fades away
_LATE_S = 15.0  # an event is announced so long after its start at most: window, hops to confirm it
_SOURCES = 16


@dataclass
class _Tape:
    """The last seconds of one source: (stream position of the first sample, int16 samples), in order."""

    pieces: deque[tuple[int, np.ndarray]] = field(default_factory=deque)
    cutting: dict[str, Event] = field(default_factory=dict)  # events that go on, by id

    @property
    def end(self) -> int:
        return self.pieces[-1][0] + len(self.pieces[-1][1]) if self.pieces else 0


class ClipKeeper:
    """A sink that keeps clips in `folder`, together at most `keep_mb` MB: those written first go first, and only files
    that it named itself. A clip begins `before_s` seconds before its event, ends half a second behind it and
    has at most `longest_s` seconds.

    `labels`: only of these classes, unless empty; `names_now` says what these are called now. In memory: `before_s` +
    `longest_s` + 15 s of each source, 32 kB a second at 16 kHz. Clips are not promised: what cannot be written is
    counted and said. Raises SinkError.
    """

    def __init__(
        self, folder: Path, reports: Reports, *, rate_hz: int, before_s: float = 2.0, longest_s: float = 30.0,
        keep_mb: float = 500.0, labels: Collection[str] = (), names_now: NamesNow = unchanged, name: str = "clips",
    ) -> None:  # fmt: skip
        self.name = name
        self._folder, self._reports, self._rate_hz = folder, reports, rate_hz
        self._before, self._longest = round(before_s * rate_hz), round(longest_s * rate_hz)
        self._keep_bytes, self._classes = keep_mb * 1e6, Classes(labels, names_now)
        self._room = self._before + self._longest + round(_LATE_S * rate_hz)
        self._tapes: dict[str, _Tape] = {}
        self._counts = Counts()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.iterdir():
                if _UNFINISHED.fullmatch(path.name):  # of a listener that was killed
                    path.unlink()
        except OSError as error:
            raise SinkError(
                f"clips cannot be kept in {folder}: {error.strerror}", do="Name a folder that is writable."
            ) from error

    def push(self, source: str, chunk: np.ndarray, *, start_s: float) -> None:
        """float32 mono [samples] in -1..1 at `rate_hz`; `start_s`: the first one's time in the stream, as in events."""
        if not len(chunk):
            return
        if source not in self._tapes and len(self._tapes) >= _SOURCES:
            del self._tapes[next(iter(self._tapes))]
        tape = self._tapes.setdefault(source, _Tape())
        start = round(start_s * self._rate_hz)
        if start < tape.end - 1:  # the source began again
            self._cut_all(tape)
            tape.pieces.clear()
        tape.pieces.append((start, np.round(np.clip(chunk, -1.0, 1.0) * 32767).astype(np.int16)))
        while tape.pieces[0][0] + len(tape.pieces[0][1]) < tape.end - self._room:
            tape.pieces.popleft()
        for event in list(tape.cutting.values()):
            if tape.end >= self._first(event) + self._longest:
                self._cut(tape, event)

    def write(self, heard: Heard) -> None:
        if not isinstance(heard, Event) or not self._classes.take(heard.label):
            return
        tape = self._tapes.get(heard.source)
        if tape is None:
            return
        if heard.state == "start":
            tape.cutting[identity(heard)] = heard
        elif heard.state == "end" and identity(heard) in tape.cutting:
            self._cut(tape, heard)

    def counts(self) -> Counts:
        return self._counts

    def close(self) -> None:
        for tape in self._tapes.values():
            self._cut_all(tape)

    def _cut_all(self, tape: _Tape) -> None:
        for event in list(tape.cutting.values()):
            self._cut(tape, event)

    def _first(self, event: Event) -> int:
        return round(event.start_s * self._rate_hz) - self._before

    def _cut(self, tape: _Tape, event: Event) -> None:
        """Write the event's clip; lost sound within it is silence."""
        begun = tape.cutting.pop(identity(event))
        first = max(self._first(event), tape.pieces[0][0], 0)
        end = tape.end if event.state != "end" else min(tape.end, round((event.end_s + _AFTER_S) * self._rate_hz))
        samples = np.zeros(max(0, min(end - first, self._longest)), np.int16)
        for start, piece in tape.pieces:
            low, high = max(start, first), min(start + len(piece), first + len(samples))
            if low < high:
                samples[low - first : high - first] = piece[low - start : high - start]
        if not len(samples):
            return
        try:
            self._keep(clip_name(begun), _flac(samples, self._rate_hz, event))
        except OSError as error:
            self._counts.failed += 1
            self._reports.trouble(
                self.name, f"{self.name}: a clip of {event.label} could not be written to {self._folder}: {error}"
            )
        else:
            self._counts.written += 1
            self._reports.over(self.name, f"{self.name} are written again.")

    def _keep(self, name: str, content: bytes) -> None:
        """Make room first, so that the folder never grows beyond its size."""
        if len(content) > self._keep_bytes:
            raise OSError(f"it is larger than the {self._keep_bytes / 1e6:g} MB for all clips")
        ours = [(path.stat(), path) for path in self._folder.glob("*.flac") if _is_ours(path)]
        used = sum(stat.st_size for stat, _ in ours)
        for stat, path in sorted(ours, key=lambda one: (one[0].st_mtime_ns, one[1].name)):
            if used + len(content) <= self._keep_bytes:
                break
            path.unlink(missing_ok=True)
            used -= stat.st_size
        write_whole(self._folder / name, content)


def clip_name(event: Event) -> str:
    """Such as 20261125T182703.120Z_dog_1f0c9a2b.flac: sorted by time, safe on any file system, different for each. Of a
    recording whose time is not known: time-unknown_000012.5s_dog_1f0c9a2b.flac, with the stream's seconds."""
    label = re.sub(r"[^\w-]+", "-", event.label).encode()[:60].decode(errors="ignore").strip("-") or "sound"
    if event.at_unix_s is None:
        when = f"time-unknown_{event.start_s:08.1f}s"
    else:
        at = datetime.fromtimestamp(event.at_unix_s, UTC)
        when = f"{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03d}Z"
    return f"{when}_{label}_{_digest(identity(event))}.flac"


def kept_clips(folder: Path | None, ids: Iterable[str]) -> dict[str, Path]:
    """The clips of these events that are in the folder, by the events' ids. No id is ever taken for a file's name."""
    if folder is None or not folder.is_dir():
        return {}
    ours = {path.stem.rpartition("_")[2]: path for path in folder.glob("*.flac") if _is_ours(path)}
    return {id: ours[digest] for id in ids if (digest := _digest(id)) in ours}


def _digest(id: str) -> str:
    return sha256(id.encode()).hexdigest()[:8]


def _is_ours(path: Path) -> bool:
    return _OURS.fullmatch(path.name) is not None and path.is_file() and not path.is_symlink()


def _flac(samples: np.ndarray, rate_hz: int, event: Event) -> bytes:
    """With the label as its title and the event's record as its comment."""
    import soundfile

    content = io.BytesIO()
    with soundfile.SoundFile(content, "w", rate_hz, 1, "PCM_16", format="FLAC") as file:
        file.title = event.label
        file.comment = json.dumps(event_record(event), ensure_ascii=False)
        file.write(samples)
    return content.getvalue()
