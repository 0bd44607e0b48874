"""The tables of Audacity, Raven and our own sinks are read row by row, and a bad row is named by its line."""

import numpy as np
import pytest
import soundfile

from pace_edge.errors import UsageError
from streams.heard import Event
from streams.listening.listen import listen
from streams.sinks.event_file import EventFile
from streams.sinks.event_formats import audacity_labels, csv_events, raven_selections
from streams.sinks.reports import Reports
from streams.teaching.label_tables import Row, read_table
from streams.teaching.teach import Teacher
from tests.synthetic import RATE_HZ, hiss, tone

RAVEN = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tBegin Path\tFile Offset (s)"
    "\tAnnotation\n"
    "1\tSpectrogram 1\t1\t1.5\t2.5\t0\t8000\tC:\\rec\\a.wav\t1.5\twren\n"
    "1\tWaveform 1\t1\t1.5\t2.5\t0\t8000\tC:\\rec\\a.wav\t1.5\twren\n"
    "2\tSpectrogram 1\t1\t63.0\t64.5\t0\t8000\tsub/b.wav\t3.0\ttree pipit\n"
)


def written(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def test_audacity_labels_with_their_frequencies_and_points(tmp_path):
    path = written(tmp_path / "a.txt", "1.500000\t2.250000\tdoorbell\r\n\\\t300.0\t4000.0\r\n3,5\t3,5\tTür auf\r\n")
    table = read_table(path)
    assert table.kind == "Audacity labels"
    assert table.rows == (Row(1, "doorbell", 1.5, 2.25), Row(3, "Tür auf", 3.5, 3.5))
    assert [row.is_point for row in table.rows] == [False, True]


def test_an_audacity_label_that_says_its_file(tmp_path):
    table = read_table(written(tmp_path / "a.txt", "1\t2\tdoorbell [a b.wav]\n1\t2\tphone [old]\n"))
    assert [(row.label, row.file) for row in table.rows] == [("doorbell", "a b.wav"), ("phone [old]", "")]


def test_a_raven_table_gives_each_selection_once_at_its_place_in_its_file(tmp_path):
    table = read_table(written(tmp_path / "t.txt", RAVEN))
    assert table.kind == "Raven selection table"
    assert table.rows == (
        Row(2, "wren", 1.5, 2.5, "C:\\rec\\a.wav"), Row(4, "tree pipit", 3.0, 4.5, "sub/b.wav"),
    )  # fmt: skip


def test_a_raven_table_over_several_files_without_offsets_is_refused(tmp_path):
    text = RAVEN.replace("File Offset (s)", "Delta Time (s)")
    with pytest.raises(UsageError, match=r"run on over several files: expected a column File Offset \(s\)"):
        read_table(written(tmp_path / "t.txt", text))


def test_the_column_of_labels_is_the_named_one_or_the_first_of_the_usual(tmp_path):
    text = "Begin Time (s)\tEnd Time (s)\tSpecies\tLabel\tMine\n0\t1\twren\tbird\tx\n"
    path = written(tmp_path / "t.txt", text)
    assert read_table(path).rows[0].label == "bird"
    assert read_table(path, label_column="mine").rows[0].label == "x"
    with pytest.raises(UsageError, match=r"no column 'Kind': expected one of its columns: Begin Time \(s\), .*Mine"):
        read_table(path, label_column="Kind")
    with pytest.raises(UsageError, match=r"no column of labels: .*--label-column NAME"):
        read_table(written(tmp_path / "u.txt", "Begin Time (s)\tEnd Time (s)\tWhat\n0\t1\twren\n"))


def test_our_own_csv_of_events(tmp_path):
    rows = ['1,file a.wav,"bell, door",1.0,2.5,a.wav', "2,USB,phone,3,4,", "3,file b.wav,x,5,6,"]
    text = "\n".join(["id,source,label,start_s,end_s,file", *rows])
    table = read_table(written(tmp_path / "heard.csv", text))
    assert table.kind == "CSV of events"
    assert [(row.label, row.from_s, row.to_s, row.file) for row in table.rows] == [
        ("bell, door", 1.0, 2.5, "a.wav"), ("phone", 3.0, 4.0, ""), ("x", 5.0, 6.0, "b.wav"),
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_the_table(tmp_path, encoding):
    (row,) = read_table(written(tmp_path / "a.txt", "1\t2\tTür\n", encoding)).rows
    assert row == Row(1, "Tür", 1.0, 2.0)


def test_bad_rows_are_named_by_line_and_the_others_hold(tmp_path):
    table = read_table(
        written(tmp_path / "a.txt", "1\t2\tbell\n\nx\t3\tbell\n5\t4\tbell\n6\t7\t \n-1\t2\tbell\n8\t9\tphone")
    )
    assert [(row.line, row.label) for row in table.rows] == [(1, "bell"), (7, "phone")]
    assert table.wrong == {
        3: "'x' to '3' is no stretch in seconds",
        4: "the stretch from 5 to 4 s ends before it begins",
        5: "it has no label",
        6: "it begins at -1 s",
    }


@pytest.mark.parametrize("text", ["", "dear diary\n", "a,b,c\n1,2,3\n", '"' + "x" * 200_000 + "\n"])
def test_what_is_no_table_is_refused_in_a_sentence(tmp_path, text):
    with pytest.raises(UsageError, match="is no table of labels") as caught:
        read_table(written(tmp_path / "a.txt", text))
    assert len(str(caught.value)) < 500


def test_a_table_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read the table .*none.txt: No such file"):
        read_table(tmp_path / "none.txt")
    with pytest.raises(UsageError, match="is no text in UTF-8"):
        read_table(written(tmp_path / "a.txt", "1\t2\tTür\n", "latin-1"))
    with pytest.raises(UsageError, match="has no rows"):
        read_table(written(tmp_path / "b.txt", "label,start_s,end_s\n"))


@pytest.mark.parametrize("table", ["a.txt", "a.Table.1.selections.txt"])
def test_the_recording_is_the_given_one_else_the_named_one_else_that_beside_the_table(tmp_path, table):
    for name in ("a.wav", "b.wav", "other.wav"):
        (tmp_path / name).touch()
    path = written(tmp_path / table, "1\t2\tbell\n1\t2\tphone [b.wav]\n1\t2\tdog [gone.wav]\n")
    found = read_table(path)
    first, second, third = found.rows
    assert found.audio_of(first, None) == tmp_path / "a.wav"
    assert found.audio_of(second, None) == tmp_path / "b.wav"
    assert found.audio_of(first, tmp_path / "other.wav") == tmp_path / "other.wav"
    with pytest.raises(UsageError, match=r"there is no recording gone.wav.*beside the table"):
        found.audio_of(third, None)
    with pytest.raises(UsageError, match=r"name 2 recordings: expected rows of one, got b.wav, gone.wav"):
        found.check_given(tmp_path / "other.wav")
    (tmp_path / "a.flac").touch()
    with pytest.raises(UsageError, match=r"several recordings have the name of .*a.flac, a.wav.*--file"):
        found.audio_of(first, None)
    for name in ("a.flac", "a.wav"):
        (tmp_path / name).unlink()
    with pytest.raises(UsageError, match=r"no recording beside .* has its name: .*--file"):
        found.audio_of(first, None)


def test_a_path_of_another_machine_is_that_file_beside_the_table(tmp_path):
    (tmp_path / "a.wav").touch()
    table = read_table(written(tmp_path / "t.txt", RAVEN))
    assert table.audio_of(table.rows[0], None) == tmp_path / "a.wav"


@pytest.mark.parametrize("kind", ["csv", "raven", "audacity"])
def test_the_events_that_our_own_sinks_write_can_be_taught_again(small_model, tmp_path, kind):
    rng = np.random.default_rng(5)
    for name, hz in (("a.wav", 300), ("b.flac", 2500)):
        sound = np.concatenate([hiss(2, rng=rng), tone(hz, 2.27, rng=rng)])  # it ends in the midst of a hop
        soundfile.write(tmp_path / name, sound, RATE_HZ)
    formats = {"csv": csv_events(), "raven": raven_selections(RATE_HZ), "audacity": audacity_labels(with_file=True)}
    path, events = tmp_path / f"heard.{kind}", []
    sink = EventFile(path, formats[kind], Reports(print))
    for heard in listen(small_model, tmp_path, realtime=False):
        sink.write(heard)
        events += [heard] if isinstance(heard, Event) and heard.state == "end" else []
    sink.close()
    table = read_table(path)
    assert [row.label for row in table.rows] == ["low", "high"] == [event.label for event in events]
    for row, event in zip(table.rows, events, strict=True):
        assert str(table.audio_of(row, None)) == event.file
        assert (row.from_s, row.to_s) == pytest.approx((event.start_s, event.end_s), abs=1e-3)
    with Teacher(small_model) as teacher:
        done = teacher.learn_table(path)
        assert (len(done.lessons), done.refused) == (2, ())
        assert [lesson.after[0] for lesson in done.lessons] == ["low", "high"]
