"""A sentence is one line; its time is shown where nobody else writes it down."""

import re

import pytest

from streams.words import speaker


@pytest.fixture
def log(tmp_path):
    with (tmp_path / "log").open("w+") as file:
        yield file


def said(log):
    log.seek(0)
    return log.read()


def test_a_sentence_is_one_line_with_the_time(log):
    speaker(stream=log)("no\nmicrophone  here")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d no microphone here\n", said(log))


def test_systemds_journal_has_its_own_time(log, monkeypatch, tmp_path):
    status = (tmp_path / "log").stat()
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    speaker(stream=log)("words")
    assert said(log) == "words\n"


def test_the_journal_of_another_program_is_none_of_ours(log, monkeypatch):
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")  # inherited, but standard error was sent to a file
    speaker(stream=log)("words")
    assert said(log) != "words\n"


@pytest.mark.parametrize(("shown", "length"), [("never", 6), ("always", 26)])
def test_a_person_can_choose(log, shown, length):
    speaker(shown, log)("words")
    assert len(said(log)) == length
