"""The authors' code beside ours: where it is missing a person is told so, and any share that differs is counted."""

import pytest

from benchmarks import authors_code
from pace_edge.benchmark.records import append_record
from pace_edge.errors import UsageError
from tests.benchmark.small import record, task_of


@pytest.mark.parametrize(
    ("method", "variable"), [("TheirNCM", "PILOT"), ("TheirRanPAC", "PILOT"), ("TheirSLDA", "DEEP_SLDA")]
)
def test_a_missing_repository_is_named_with_what_to_do(method, variable, monkeypatch):
    monkeypatch.setenv(variable, "/nowhere")
    with pytest.raises(UsageError, match=rf"{variable} names no folder.*/nowhere.*export {variable}=FOLDER"):
        getattr(authors_code, method)(task_of())


def test_shares_that_differ_are_counted_beside_our_method(tmp_path, monkeypatch, capsys):
    ours = record(method="NCM")
    matrix = [list(row) for row in ours.matrix]
    matrix[-1][0] = 1.0 - matrix[-1][0]
    for one in (ours, record(method="TheirNCM"), record(method="SLDA"), record(method="TheirSLDA", matrix=matrix)):
        append_record(one, tmp_path)
    monkeypatch.setattr("sys.argv", ["authors_code", str(tmp_path)])
    authors_code.main()
    ncm, slda = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert (ncm[5], ncm[7]) == ("TheirNCM", "0") and (slda[5], slda[7]) == ("TheirSLDA", "1")
