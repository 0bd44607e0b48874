"""Everything that is heard is a line: an object for programs, words for people."""

import io
import json

import numpy as np
import pytest

from pace_edge.journal import Example
from streams.heard import Gap, SourceState, Window, as_record
from streams.sinks.lines import Lines, as_json, in_words
from tests.streams.sinks.given import event

EVERYTHING = [
    Window(0.0, 2.0, "Türklingel", 0.9, -20.0, "attic"),
    event(state="start"),
    event(state="update"),
    event(state="end"),
    Gap(1.0, 2.5, "attic"),
    Gap(1.0, 1.0, "attic"),
    SourceState("attic", "gone", "unplugged\nat noon", 5.0),
    Example(7, 5.0, "bell", "file x", np.zeros((1, 3))),
]


def test_json_lines_are_the_records_of_everything_one_a_line():
    stream = io.StringIO()
    sink = Lines(stream, as_json)
    for heard in EVERYTHING:
        sink.write(heard)
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [as_record(heard) for heard in EVERYTHING]
    assert "Türklingel" in stream.getvalue()
    assert sink.counts().written == len(EVERYTHING)
    sink.close()
    assert not stream.closed


@pytest.mark.parametrize("words", [
    "Türklingel", "dog is heard", "dog goes on for 2.5 s", "dog ended after 2.5 s", "1.5 s of sound is missing",
    "some sound is missing", "attic is gone: unplugged at noon", "learned 'bell' from file x",
])  # fmt: skip
def test_each_kind_has_its_words_on_one_line(words):
    stream = io.StringIO()
    sink = Lines(stream, in_words)
    for heard in EVERYTHING:
        sink.write(heard)
    assert len(stream.getvalue().splitlines()) == len(EVERYTHING)
    assert words in stream.getvalue()


@pytest.mark.parametrize(("cause", "words"), [
    ("machine", "1.5 s of sound was lost: this machine is too slow for the model"),
    ("source", "1.5 s of sound is missing: the source was away"),
    ("system", "1.5 s of sound was lost by the sound system, before it came to pace-edge"),
    ("unknown", "1.5 s of sound is missing"),
])  # fmt: skip
def test_lost_sound_is_told_with_the_cause_that_it_was(cause, words):
    assert in_words(Gap(1.0, 2.5, "attic", cause)) == words


def test_each_line_is_there_before_the_next_is_heard(tmp_path):
    with (tmp_path / "lines").open("w") as stream:
        Lines(stream, as_json).write(EVERYTHING[1])
        assert json.loads((tmp_path / "lines").read_text())["label"] == "dog"


def test_a_reader_that_has_gone_ends_the_program_like_any_other():
    class Gone(io.StringIO):
        def flush(self):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Lines(Gone(), as_json).write(EVERYTHING[0])


def test_words_for_every_kind():
    assert all(in_words(heard).isprintable() for heard in EVERYTHING)
