"""Tables in which a person, or this program, says what is heard where in a recording: Audacity's labels, Raven's
selection table, our own CSV of events.

A row is a stretch of a file and its label. What a row lacks is said with its line, and the other rows hold.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Literal

from pace_edge.arguments import check_path
from pace_edge.errors import UsageError
from pace_edge.walk import readable_suffixes

Kind = Literal["Audacity labels", "Raven selection table", "CSV of events"]
USUAL_COLUMNS = (
    "label", "annotation", "common name", "species", "species code", "class", "sound", "call type", "type", "tag",
)  # fmt: skip
_BEGIN, _END, _OFFSET = "begin time (s)", "end time (s)", "file offset (s)"
_WITH_FILE = re.compile(r"(?P<label>.*\S)\s+\[(?P<file>[^\[\]]+)\]")  # as our own Audacity labels have it


@dataclass(frozen=True)
class Row:
    """`line` is counted from 1. `file`: as the row names it, "": it names none. `from_s` and `to_s` are seconds of that
    file; both are equal for a label that is a point."""

    line: int
    label: str
    from_s: float
    to_s: float
    file: str = ""

    @property
    def is_point(self) -> bool:
        return self.from_s == self.to_s


@dataclass(frozen=True)
class LabelTable:
    """`wrong`: what cannot be read, by line."""

    path: Path
    kind: Kind
    rows: tuple[Row, ...]
    wrong: dict[int, str]

    def audio_of(self, row: Row, given: Path | None) -> Path:
        """The recording that this row is about: the `given` one, else the one that it names, else the one beside the
        table that has its name. Raises UsageError."""
        if given is not None:
            return given
        return self._named(row.file) if row.file else self._beside()

    def check_given(self, given: Path | None) -> None:
        """One recording cannot be that of rows which name several. Raises UsageError."""
        named = {row.file for row in self.rows if row.file}
        if given is not None and len(named) > 1:
            raise UsageError(
                f"the rows of {self.path} name {len(named)} recordings", expected="rows of one",
                got=", ".join(sorted(named)[:5]), do="Leave --file out: they are found by their names.",
            )  # fmt: skip

    def _named(self, file: str) -> Path:
        """Relative to the table; a path of another machine is that file beside the table."""
        places = [self.path.parent / file, self.path.parent / PureWindowsPath(file).name]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            raise UsageError(f"there is no recording {file}", do="Put it beside the table, or give it with --file.")
        return found

    def _beside(self) -> Path:
        """Raven's `a.Table.1.selections.txt` is about a.wav, as `a.txt` is."""
        name = self.path.name
        while "." in name:
            name = name.rpartition(".")[0]
            found = [
                path for path in sorted(self.path.parent.iterdir())
                if path.stem == name and path.suffix.lower() in readable_suffixes() and path.is_file()
            ] if name else []  # fmt: skip
            if len(found) == 1:
                return found[0]
            if found:
                raise UsageError(
                    f"several recordings have the name of {self.path}", got=", ".join(path.name for path in found),
                    do="Say which with --file.",
                )  # fmt: skip
        raise UsageError(
            f"no recording beside {self.path} has its name", expected=f"such as {self.path.with_suffix('.wav').name}",
            do="Give it with --file.",
        )  # fmt: skip


def read_table(path: str | Path, *, label_column: str | None = None) -> LabelTable:
    """The rows of a table. `label_column`: the heading over the labels, where it is none of the usual ones. Raises
    UsageError for a file that is no such table."""
    check_path("path", path)
    try:
        return _read_table(Path(path), label_column)
    except csv.Error as error:
        raise UsageError(f"{path} is no table of labels ({error})", do="Export it again.") from None


def _read_table(path: Path, label_column: str | None) -> LabelTable:
    lines = re.split(r"\r\n|\r|\n", _text(path))  # a label may hold what str.splitlines takes for an end
    first = next((line for line in lines if line.strip()), "")
    heading = [field.strip().lower() for field in first.split("\t")]
    wrong: dict[int, str] = {}
    if _BEGIN in heading:
        kind: Kind = "Raven selection table"
        rows = _raven(path, lines, wrong, label_column)
    elif "\t" in first and _is_time(heading[0]) and _is_time(heading[1]):
        kind = "Audacity labels"
        if label_column is not None:
            raise UsageError("Audacity's labels have no headings", do="Leave --label-column out.")
        rows = _audacity(lines, wrong)
    elif {"start_s", "end_s"} <= {field.strip().lower() for field in next(csv.reader([first]), [])}:
        kind = "CSV of events"
        rows = _events(path, lines, wrong, label_column)
    else:
        raise UsageError(
            f"{path} is no table of labels", expected="Audacity's labels, a Raven selection table, or a CSV with the "
            "headings start_s, end_s and label", got=repr(first[:80]) if first else "no line", do="Export it again.",
        )  # fmt: skip
    found = LabelTable(path, kind, tuple(_checked(rows, wrong)), wrong)
    if not found.rows and not wrong:
        raise UsageError(f"{path} has no rows", expected="at least one labelled stretch", do="Nothing was learned.")
    return found


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the table {path}: {error.strerror}", do="Check the path.") from None
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text in UTF-8", do="Save the table as UTF-8; nothing was learned.") from None


def _audacity(lines: Sequence[str], wrong: dict[int, str]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("\\"):  # the frequencies of the label before it
            continue
        start, _, rest = line.partition("\t")
        end, _, label = rest.partition("\t")
        file = ""
        if (named := _WITH_FILE.fullmatch(label.strip())) and named["file"].lower().endswith(readable_suffixes()):
            label, file = named["label"], named["file"]
        yield from _row(number, label, start, end, file, wrong)


def _raven(path: Path, lines: Sequence[str], wrong: dict[int, str], label_column: str | None) -> Iterator[Row]:
    reader = _Columns(path, lines, "\t", label_column)
    by_offset = reader.has(_OFFSET) and (reader.has("begin path") or reader.has("begin file"))
    seen: set[tuple[str, ...]] = set()
    files: set[str] = set()
    for number, fields in reader:
        selection = (fields.get("selection", str(number)), fields[_BEGIN], fields.get(_END, ""))
        if selection in seen:  # once for each view
            continue
        seen.add(selection)
        file = fields.get("begin path", "") or fields.get("begin file", "")
        begin, end = fields[_BEGIN], fields.get(_END, "")
        if by_offset and fields.get(_OFFSET) and _is_time(begin) and _is_time(end):
            begin, end = fields[_OFFSET], str(_seconds(fields[_OFFSET]) + _seconds(end) - _seconds(begin))
        elif file:
            files.add(file)
        if len(files) > 1:
            raise UsageError(
                f"the times of {path} run on over several files", expected="a column File Offset (s)",
                do="Add that measurement in Raven and save the table again; nothing was learned.",
            )  # fmt: skip
        yield from _row(number, fields[reader.label], begin, end, file, wrong)


def _events(path: Path, lines: Sequence[str], wrong: dict[int, str], label_column: str | None) -> Iterator[Row]:
    reader = _Columns(path, lines, ",", label_column)
    for number, fields in reader:
        source = fields.get("source", "")
        file = fields.get("file", "") or (source.removeprefix("file ") if source.startswith("file ") else "")
        yield from _row(number, fields[reader.label], fields["start_s"], fields["end_s"], file, wrong)


class _Columns:
    """A table with headings, row by row: (line, heading in lower case: field). `label`: the heading over the labels."""

    def __init__(self, path: Path, lines: Sequence[str], delimiter: str, label_column: str | None) -> None:
        text = io.StringIO("\n".join(lines))
        unquoted = delimiter == "\t"
        self._reader = csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE if unquoted else csv.QUOTE_MINIMAL)
        self._headings = next(([f.strip() for f in row] for row in self._reader if any(f.strip() for f in row)), [])
        lower = [heading.lower() for heading in self._headings]
        wanted = USUAL_COLUMNS if label_column is None else (label_column.strip().lower(),)
        found = next((column for column in wanted if column in lower), None)
        if found is None:
            raise UsageError(
                f"{path} has no column " + (f"'{label_column}'" if label_column else "of labels"),
                expected=f"one of its columns: {', '.join(self._headings)}",
                do="Say which holds the labels with --label-column NAME.",
            )  # fmt: skip
        self.label, self._lower = found, lower

    def has(self, heading: str) -> bool:
        return heading in self._lower

    def __iter__(self) -> Iterator[tuple[int, dict[str, str]]]:
        for row in self._reader:
            if any(field.strip() for field in row):
                padded = [*(field.strip() for field in row), *[""] * (len(self._lower) - len(row))]
                yield self._reader.line_num, dict(zip(self._lower, padded, strict=False))


def _row(number: int, label: str, start: str, end: str, file: str, wrong: dict[int, str]) -> Iterator[Row]:
    if not _is_time(start) or not _is_time(end):
        wrong[number] = f"'{start}' to '{end}' is no stretch in seconds"
    else:
        yield Row(number, label.strip(), _seconds(start), _seconds(end), file.strip())


def _checked(rows: Iterator[Row], wrong: dict[int, str]) -> Iterator[Row]:
    for row in rows:
        if not row.label:
            wrong[row.line] = "it has no label"
        elif row.from_s < 0:
            wrong[row.line] = f"it begins at {row.from_s:g} s"
        elif row.to_s < row.from_s:
            wrong[row.line] = f"the stretch from {row.from_s:g} to {row.to_s:g} s ends before it begins"
        else:
            yield row


def _is_time(text: str) -> bool:
    try:
        return math.isfinite(_seconds(text))
    except ValueError:
        return False


def _seconds(text: str) -> float:
    return float(text.strip().replace(",", "."))  # as some languages write it
