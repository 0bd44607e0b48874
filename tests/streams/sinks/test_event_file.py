"""Files of events are read back as written, go on after a restart, mend a torn line, and outlive a full disk."""

import csv
import shutil
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pace_edge.errors import SinkError
from streams.heard import Gap, Window
from streams.sinks import event_file
from streams.sinks.event_file import EventFile
from streams.sinks.event_formats import audacity_labels, csv_events, raven_selections
from tests.streams.sinks.given import AT, Said, event

FORMATS = {"csv": csv_events(), "audacity": audacity_labels(), "raven": raven_selections(16000)}
each_format = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)


def write(path, format, *events, said=None):
    sink = EventFile(path, format, (Said() if said is None else said).reports)
    for one in events:
        sink.write(one)
    sink.close()
    return sink.counts()


def rows(path, format):
    """As another program reads it: a list of the fields of each event."""
    with path.open(newline="") as file:
        lines = list(csv.reader(file) if format.name == "CSV" else csv.reader(file, "excel-tab"))
    return lines[1:] if format.header else lines


def read(path):
    """Each row by its headings."""
    with path.open(newline="") as file:
        first = file.readline()
        file.seek(0)
        return list(csv.DictReader(file, dialect="excel-tab" if "\t" in first else "excel"))


def test_csv_has_every_field_with_its_unit_and_is_read_back(tmp_path):
    path = tmp_path / "new folder" / "events.csv"
    write(path, csv_events(), event(label='bell, "front"'), event(2, source="two\tlines\nlong"))
    with path.open(newline="") as file:
        first, second = csv.DictReader(file)
    assert first == {
        "id": "id-1", "source": "attic", "label": 'bell, "front"', "start_s": "1.000", "end_s": "3.500",
        "duration_s": "2.500", "score": "0.9000", "level_dbfs": "-12.0", "at_unix_s": f"{AT + 1:.3f}",
        "at_utc": "2026-09-21T14:13:21.000Z", "file": "",
    }  # fmt: skip
    assert second["source"] == "two lines long"


@pytest.mark.parametrize(("format", "column"), [(csv_events(), "at_utc"), (raven_selections(16000), "Begin UTC")])
def test_the_time_of_a_recording_that_has_none_is_empty(tmp_path, format, column):
    write(tmp_path / "file", format, event(at_unix_s=None))
    (row,) = read(tmp_path / "file")
    assert row[column] == ""
    assert f"{AT + 1:.3f}" not in (tmp_path / "file").read_text()


def test_every_row_says_which_recording_it_is_of(tmp_path):
    path = "/home/pi/rec, 1/a  b\u00a0c.wav"  # as it is: by this name it is found again
    heard = [event(1, file=path), event(2)]
    write(tmp_path / "csv", csv_events(), *heard)
    write(tmp_path / "raven", raven_selections(16000), *heard)
    assert [row["file"] for row in read(tmp_path / "csv")] == [path, ""]
    columns = ("Begin Path", "Begin File", "File Offset (s)", "Begin Time (s)")
    assert [tuple(row[column] for column in columns) for row in read(tmp_path / "raven")] == [
        (path, "a  b\u00a0c.wav", "1.000000", "1.000000"), ("", "", "", "2.000000"),
    ]  # fmt: skip


@pytest.mark.parametrize(("several", "label"), [(True, "dog [a  b.wav]"), (False, "dog")])
def test_audacitys_labels_name_the_recording_where_there_are_several(tmp_path, several, label):
    write(tmp_path / "labels", audacity_labels(with_file=several), event(1, file="/home/pi/a  b.wav"), event(2))
    assert [row[2] for row in rows(tmp_path / "labels", audacity_labels())] == [label, "dog"]


@pytest.mark.parametrize("format", [csv_events(), raven_selections(16000)], ids=["csv", "raven"])
def test_a_file_that_an_older_version_began_goes_on_in_its_columns(tmp_path, format):
    (old,) = format.older
    write(tmp_path / "file", old, event(1))
    before = (tmp_path / "file").read_bytes()
    write(tmp_path / "file", format, event(2, file="/home/pi/a.wav"))
    after = (tmp_path / "file").read_bytes()
    assert after.startswith(before)
    assert [len(row) for row in rows(tmp_path / "file", format)] == [old.fields] * 2
    assert "file" not in read(tmp_path / "file")[0]
    assert b"a.wav" not in after
    (tmp_path / "file").rename(tmp_path / "old")
    write(tmp_path / "file", format, event(3, file="/home/pi/a.wav"))
    assert [len(row) for row in rows(tmp_path / "file", format)] == [format.fields]


def test_audacity_labels_are_start_end_and_label(tmp_path):
    write(tmp_path / "labels.txt", audacity_labels(), event(), event(2, label="a\tb"))
    assert (tmp_path / "labels.txt").read_text() == "1.000000\t3.500000\tdog\n2.000000\t4.500000\ta b\n"


def test_a_raven_table_has_its_columns_and_numbers_go_on_after_a_restart(tmp_path):
    path = tmp_path / "table.txt"
    for number in (1, 2, 3):
        write(path, raven_selections(16000), event(number))
    with path.open() as file:
        selections = list(csv.DictReader(file, dialect="excel-tab"))
    assert [one["Selection"] for one in selections] == ["1", "2", "3"]
    assert list(selections[0])[:7] == [
        "Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)",
    ]  # fmt: skip
    assert selections[1] | {"Begin Time (s)": "2.000000", "High Freq (Hz)": "8000", "Label": "dog"} == selections[1]


@each_format
def test_only_events_that_have_ended_are_written_one_header_once_each_line_at_once(tmp_path, format):
    path = tmp_path / "file"
    sink = EventFile(path, format, Said().reports)
    for heard in (Window(0, 1, "dog", 1, -20), Gap(0, 1), event(state="start"), event(state="update")):
        sink.write(heard)
    assert path.read_text() == ""
    sink.write(event())
    assert len(rows(path, format)) == 1
    sink.close()
    write(path, format, event(2))
    assert len(rows(path, format)) == 2


@each_format
@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 400), zeros=st.integers(0, 3))
@example(cut=9, zeros=0)  # right behind a tab
def test_wherever_a_power_cut_tore_the_file_whole_lines_stay_and_the_next_is_whole(
    tmp_path_factory, format, cut, zeros
):
    path, said = tmp_path_factory.mktemp("torn") / "file", Said()
    write(path, format, event(1), event(2))
    whole = path.read_bytes()
    torn = whole[: min(cut, len(whole))]
    path.write_bytes(torn + b"\0" * zeros)
    write(path, format, event(3), said=said)
    kept = torn[: torn.rfind(b"\n") + 1]
    after = path.read_bytes()
    assert after.startswith(kept)
    assert b"\0" not in after
    found = rows(path, format)
    assert all(len(row) == format.fields for row in found)
    assert len(found) == max(0, kept.count(b"\n") - bool(format.header)) + 1
    assert said.has("half-written") == (kept != torn or zeros > 0)


@each_format
@pytest.mark.parametrize("content", ["my,own,table\n1,2,3\n", "a letter without an end", "x\ty\tz\n"])
def test_a_file_of_another_kind_is_refused_and_stays_as_it_is(tmp_path, format, content):
    path = tmp_path / "mine.txt"
    path.write_text(content)
    with pytest.raises(
        SinkError, match=f"mine.txt is no {format.name} of ours. Name another file; nothing was changed"
    ):
        EventFile(path, format, Said().reports)
    assert path.read_text() == content


def test_a_path_that_cannot_be_written_is_said_at_the_start(tmp_path):
    with pytest.raises(SinkError, match="cannot be written: Is a directory"):
        EventFile(tmp_path, csv_events(), Said().reports)
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match=r"cannot be written: (Not a directory|File exists)"):
        EventFile(tmp_path / "file" / "events.csv", csv_events(), Said().reports)


def test_a_disk_that_was_full_gets_every_event_in_order_when_it_has_room(tmp_path, monkeypatch):
    """The file is a real one on a device that is always full; then the path leads to one with room."""
    full, path, said = Path("/dev/full"), tmp_path / "events.csv", Said()
    sink = EventFile(path, csv_events(), said.reports)
    monkeypatch.setattr(sink._backlog, "_retry_s", 0.0)
    path.unlink()
    path.symlink_to(full)
    for number in (1, 2):
        sink.write(event(number))
    assert said.has("cannot be written ([Errno 28] No space left on device); waiting in memory: 1.")
    assert (sink.counts().written, sink.counts().waiting) == (0, 2)
    path.unlink()
    sink.write(Window(0, 1, "dog", 1, -20))  # anything heard is an occasion
    assert said.has("is written again")
    assert [row[0] for row in rows(path, csv_events())] == ["id-1", "id-2"]
    assert (sink.counts().written, sink.counts().waiting) == (2, 0)


def test_what_a_full_disk_took_of_a_line_is_taken_back(tmp_path, monkeypatch):
    path = tmp_path / "events.csv"
    write(path, csv_events(), event(1))
    before = path.read_bytes()
    sink = EventFile(path, csv_events(), Said().reports)
    open_file = Path.open

    class AlmostFull:
        def __init__(self, file):
            self._file = file

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            self._file.close()

        def __getattr__(self, name):
            return getattr(self._file, name)

        def write(self, data):
            return self._file.write(data[:10])

    monkeypatch.setattr(event_file.Path, "open", lambda *a, **k: AlmostFull(open_file(*a, **k)))
    sink.write(event(2))
    monkeypatch.undo()
    assert path.read_bytes() == before
    sink.close()
    assert len(rows(path, csv_events())) == 2


def test_a_file_that_is_moved_away_or_whose_folder_vanishes_begins_anew(tmp_path):
    path = tmp_path / "logs" / "events.csv"
    sink = EventFile(path, csv_events(), Said().reports)
    sink.write(event(1))
    shutil.move(path, tmp_path / "old.csv")
    sink.write(event(2))
    shutil.rmtree(path.parent)
    sink.write(event(3))
    assert [row[0] for row in rows(tmp_path / "old.csv", csv_events())] == ["id-1"]
    assert [row[0] for row in rows(path, csv_events())] == ["id-3"]
