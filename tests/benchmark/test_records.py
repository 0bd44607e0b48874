"""A record of a run is never lost and never half there."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from pace_edge.benchmark.records import RUNS, append_record, read_records
from pace_edge.errors import PaceEdgeError
from tests.benchmark.small import record


def test_records_come_back_as_they_were_in_their_order(tmp_path):
    ours = [record(order=i, gpu_peak_memory_bytes=i or None) for i in range(3)]
    for one in ours:
        append_record(one, tmp_path)
    assert read_records(tmp_path) == read_records(tmp_path / RUNS) == ours


def test_a_line_says_what_follows_from_the_matrix_too(tmp_path):
    append_record(record(), tmp_path)
    line = json.loads((tmp_path / RUNS).read_text())
    assert line["schema"] == 1
    assert (line["incremental_average"], line["forgetting"], line["backward_transfer"]) == (0.75, 0.75, -0.75)
    assert record().accuracy == 0.5


def test_where_nothing_was_run_there_are_no_records(tmp_path):
    assert read_records(tmp_path) == read_records(tmp_path / "nowhere") == []


def test_a_last_line_that_is_not_whole_is_passed_over_and_then_cut_off(tmp_path):
    append_record(record(), tmp_path)
    with (tmp_path / RUNS).open("ab") as file:
        file.write(record(order=1).line().encode()[:100])
    assert read_records(tmp_path) == [record()]
    append_record(record(order=2), tmp_path)
    assert read_records(tmp_path) == [record(), record(order=2)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "AttributeError"),
        ('{"schema": 1}', "KeyError"),
        (record().line().replace('"accuracies": [1.0, 0.5]', '"accuracies": [1.0]'), "2 sessions, 1 accuracies"),
        (record().line().replace("[0.25, 0.75]", "[0.25, 1.75]"), "not shares"),
        (record().line().replace("[0.25, 0.75]", "[0.25, NaN]"), "not shares"),
    ],
)
def test_a_whole_line_that_is_no_record_is_named(tmp_path, line, reason):
    append_record(record(), tmp_path)
    with (tmp_path / RUNS).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(PaceEdgeError, match=rf"line 2 of .*runs\.jsonl is no record of a run \(.*{reason}.*run again"):
        read_records(tmp_path)


def test_a_record_of_another_version_is_not_guessed_at(tmp_path):
    (tmp_path / RUNS).write_text(record().line().replace('"schema": 1', '"schema": 2') + "\n")
    with pytest.raises(PaceEdgeError, match="of another version: expected schema 1, got 2"):
        read_records(tmp_path)


def test_several_may_add_at_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: append_record(record(order=i), tmp_path), range(40)))
    assert sorted(one.order for one in read_records(tmp_path)) == list(range(40))


def test_a_file_that_cannot_be_read_or_added_to_says_so(tmp_path):
    (tmp_path / RUNS).mkdir()
    with pytest.raises(PaceEdgeError, match=r"cannot read .*runs\.jsonl"):
        read_records(tmp_path)
    with pytest.raises(PaceEdgeError, match=r"a finished run cannot be added to .*runs\.jsonl"):
        append_record(record(), tmp_path)
