"""The lines in which other programs read events: CSV, Audacity's labels, Raven's selection table.

An event is a line once it has ended. Times are seconds of the stream, as those programs lay them beside a recording of
it; a listener that is started again counts from 0 again. The CSV and Raven also have the clock's time, empty for a
recording whose time is not known.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from streams.heard import Event
from streams.sinks.sink import identity


@dataclass(frozen=True)
class LineFormat:
    """`header` is the first line of the file, or empty; `line` is what an event becomes, given the line before it."""

    name: str
    header: str
    line: Callable[[Event, str], str]
    fields: int

    def is_ours(self, first: str) -> bool:
        """Whether a file that begins with this line, or with what a power cut left of one, is of this format."""
        whole, first = first.endswith("\n"), first.rstrip("\r\n")
        if self.header:
            return first == self.header if whole else self.header.startswith(first)
        parts = first.split("\t")
        return not first or ((len(parts) == self.fields or not whole) and all(_is_number(part) for part in parts[:2]))


_CSV = ("id", "source", "label", "start_s", "end_s", "duration_s", "score", "level_dbfs", "at_unix_s", "at_utc")
_RAVEN = (
    "Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)",
    "Label", "Score", "Level (dBFS)", "Source", "Begin UTC",
)  # fmt: skip


def csv_events() -> LineFormat:
    """Comma-separated, quoted where needed, with a header of names and units."""

    def line(event: Event, before: str) -> str:
        times = (f"{value:.3f}" for value in (event.start_s, event.end_s, event.duration_s))
        return _csv_line(
            identity(event), event.source, event.label, *times, f"{event.score:.4f}", f"{event.level_dbfs:.1f}",
            "" if event.at_unix_s is None else f"{event.at_unix_s:.3f}", utc(event.at_unix_s),
        )  # fmt: skip

    return LineFormat("CSV", _csv_line(*_CSV), line, len(_CSV))


def audacity_labels() -> LineFormat:
    """Start and end in seconds and the label, with tabs: File > Import > Labels."""

    def line(event: Event, before: str) -> str:
        return f"{event.start_s:.6f}\t{event.end_s:.6f}\t{_plain(event.label)}"

    return LineFormat("Audacity labels", "", line, 3)


def raven_selections(rate_hz: int) -> LineFormat:
    """Numbered selections over the whole band, 0 to `rate_hz` / 2, with the label and more as annotation columns."""

    def line(event: Event, before: str) -> str:
        number = before.partition("\t")[0]
        return "\t".join((
            str(int(number) + 1 if number.isdecimal() else 1), "Spectrogram 1", "1", f"{event.start_s:.6f}",
            f"{event.end_s:.6f}", "0", f"{rate_hz / 2:g}", _plain(event.label), f"{event.score:.4f}",
            f"{event.level_dbfs:.1f}", _plain(event.source), utc(event.at_unix_s),
        ))  # fmt: skip

    return LineFormat("Raven selection table", "\t".join(_RAVEN), line, len(_RAVEN))


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
    """On one line, without tabs."""
    return " ".join(text.split())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
