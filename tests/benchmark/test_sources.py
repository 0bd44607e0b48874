"""A method is one of ours by name, or somebody's file; a mistake in either is one clear line."""

import pytest

from pace_edge.benchmark.method import Entry
from pace_edge.benchmark.methods import METHODS
from pace_edge.benchmark.sources import find_method
from pace_edge.errors import PaceEdgeError, UsageError

FILE = """
from dataclasses import dataclass

from pace_edge.benchmark.method import Cost, Entry
import beside

@dataclass
class Mine:
    task: object

ENTRY = Entry(Mine, "Nobody 2026", joint=True)
NUMBER = 5
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.path", __import__("sys").path[:])
    (tmp_path / "beside.py").write_text("")
    (tmp_path / "mine.py").write_text(FILE)
    return tmp_path / "mine.py"


def test_ours_are_found_by_name():
    found = find_method("NCM")
    assert (found.name, found.entry, found.source) == ("NCM", METHODS["NCM"], "pace-edge")
    assert find_method("PACE").source == "pace-edge, revision 2"


def test_a_class_in_a_file_is_a_method_and_its_file_is_recorded(file):
    found = find_method(f"{file}:Mine")
    assert (found.name, found.entry.joint, found.entry.trains) == ("Mine", False, True)
    assert found.source.startswith("mine.py sha256:")
    file.write_text(FILE + "\n")
    assert find_method(f"{file}:Mine").source != found.source


def test_an_entry_in_a_file_says_more_of_it(file):
    found = find_method(f"{file}:ENTRY")
    assert isinstance(found.entry, Entry)
    assert (found.name, found.entry.joint, found.entry.paper) == ("ENTRY", True, "Nobody 2026")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("nothing", "no method 'nothing': expected FILE.py:NAME or one of .*NCM; "),
        ("mine.txt:Mine", "no method 'mine.txt:Mine'"),
        ("absent.py:Mine", r"no file absent\.py"),
        ("{}:Other", r"mine\.py has no 'Other'"),
        ("{}:NUMBER", r"'NUMBER' in .*mine\.py is no method"),
        ("{}:NCM", "has a method 'NCM' of its own"),
    ],
)
def test_what_is_not_there_is_a_usage_error(file, said, reason):
    with pytest.raises(UsageError, match=reason):
        find_method(said.format(file))


def test_a_file_that_fails_says_how(file):
    file.write_text("import nothing_of_this_name\n")
    with pytest.raises(PaceEdgeError, match=r"mine\.py cannot be loaded \(ModuleNotFoundError: .*nothing_of_this_name"):
        find_method(f"{file}:Mine")
