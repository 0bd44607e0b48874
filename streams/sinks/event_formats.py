"""The lines in which other programs read events: CSV, Audacity's labels, Raven's selection table.

An event is a line once it has ended. Times are seconds of the stream, as those programs lay them beside a recording of
it; a listener that is started again counts from 0 again. The CSV and Raven also have the clock's time, empty for a
recording whose time is not known.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath

from streams.heard import Event
from streams.sinks.sink import identity


@dataclass(frozen=True)
class LineFormat:
    """`header` is the first line of the file, or empty; `line` is what an event becomes, given the line before it.
    `older`: the formats of earlier versions, in which their files go on."""

    name: str
    header: str
    line: Callable[[Event, str], str]
    fields: int
    older: tuple[LineFormat, ...] = ()

    def of_file(self, first: str) -> LineFormat | None:
        """The version of this format in which a file that begins with this line goes on; None: it is another's."""
        return next((one for one in (self, *self.older) if one.is_ours(first)), None)

    def is_ours(self, first: str) -> bool:
        """Whether a file that begins with this line, or with what a power cut left of one, is of this format."""
        whole, first = first.endswith("\n"), first.rstrip("\r\n")
        if self.header:
            return first == self.header if whole else self.header.startswith(first)
        *parts, last = first.split("\t")
        if whole:
            return not first or (len(parts) + 1 == self.fields and all(map(_is_number, parts[:2])))
        return all(map(_is_number, parts[:2])) and (len(parts) >= 2 or last in ("", "-") or _is_number(last))


_CSV = ("id", "source", "label", "start_s", "end_s", "duration_s", "score", "level_dbfs", "at_unix_s", "at_utc",
        "file")  # fmt: skip
_RAVEN = (
    "Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)",
    "Label", "Score", "Level (dBFS)", "Source", "Begin UTC", "Begin Path", "Begin File", "File Offset (s)",
)  # fmt: skip
_BREAKS = re.compile("[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_WITHOUT_FILE = {"CSV": 10, "Raven": 12}  # columns of the first version


def csv_events() -> LineFormat:
    """Comma-separated, quoted where needed, with a header of names and units. `file` is the recording's whole path."""

    def fields(event: Event) -> tuple[str, ...]:
        times = (f"{value:.3f}" for value in (event.start_s, event.end_s, event.duration_s))
        return (
            identity(event), event.source, event.label, *times, f"{event.score:.4f}", f"{event.level_dbfs:.1f}",
            "" if event.at_unix_s is None else f"{event.at_unix_s:.3f}", utc(event.at_unix_s), event.file or "",
        )  # fmt: skip

    def version(columns: int, *older: LineFormat) -> LineFormat:
        def line(event: Event, before: str) -> str:
            return _csv_line(*fields(event)[:columns])

        return LineFormat("CSV", _csv_line(*_CSV[:columns]), line, columns, older)

    return version(len(_CSV), version(_WITHOUT_FILE["CSV"]))


def audacity_labels(*, with_file: bool = False) -> LineFormat:
    """Start and end in seconds and the label, with tabs: File > Import > Labels. `with_file`: of a recording its name
    stands behind the label, as `doorbell [a.wav]`; without, all events are taken for one recording's."""

    def line(event: Event, before: str) -> str:
        label = f"{event.label} [{PurePath(event.file).name}]" if with_file and event.file else event.label
        return f"{event.start_s:.6f}\t{event.end_s:.6f}\t{_plain(label)}"

    return LineFormat("Audacity labels", "", line, 3)


def raven_selections(rate_hz: int) -> LineFormat:
    """Numbered selections over the whole band, 0 to `rate_hz` / 2, with the label and more as annotation columns, and
    the recording in Raven's own columns for it, empty for a live source."""

    def fields(event: Event, before: str) -> tuple[str, ...]:
        number = before.partition("\t")[0]
        path = event.file or ""
        return (
            str(int(number) + 1 if number.isdecimal() else 1), "Spectrogram 1", "1", f"{event.start_s:.6f}",
            f"{event.end_s:.6f}", "0", f"{rate_hz / 2:g}", _plain(event.label), f"{event.score:.4f}",
            f"{event.level_dbfs:.1f}", _plain(event.source), utc(event.at_unix_s), _plain(path),
            _plain(PurePath(path).name), f"{event.start_s:.6f}" if path else "",
        )  # fmt: skip

    def version(columns: int, *older: LineFormat) -> LineFormat:
        def line(event: Event, before: str) -> str:
            return "\t".join(fields(event, before)[:columns])

        return LineFormat("Raven selection table", "\t".join(_RAVEN[:columns]), line, columns, older)

    return version(len(_RAVEN), version(_WITHOUT_FILE["Raven"]))


def utc(at_unix_s: float | None) -> str:
    """Such as 2026-11-25T18:27:03.120Z; empty where the time is not known."""
    if at_unix_s is None:
        return ""
    return datetime.fromtimestamp(at_unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _csv_line(*fields: str) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([_plain(field) for field in fields])
    return line.getvalue()


def _plain(text: str) -> str:
    """On one line, without tabs; its spaces stay, by which a file's name is found again."""
    return _BREAKS.sub(" ", text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
