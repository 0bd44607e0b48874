"""What `pace-edge listen` tells of recordings: when they were made, and nothing that it does not know."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from pace_edge.cli import cli
from pace_edge.errors import UsageError
from tests.synthetic import RATE_HZ, hiss, tone

FIVE, TEN_IN_2020 = 1767243600, 1588665600  # 2026-01-01T05:00:00Z, 2020-05-05T10:00:00+02:00


@pytest.fixture
def recording(tmp_path):
    """A folder with a recording in which a known sound is heard from 1 s on, named as a recorder names it."""
    rng = np.random.default_rng(4)
    folder = tmp_path / "recordings"
    folder.mkdir()
    path = folder / "20260101_050000Z.WAV"
    sound = np.concatenate([hiss(1, rng=rng), tone(300, 3, rng=rng), hiss(1, rng=rng)])
    soundfile.write(path, sound, RATE_HZ, format="WAV")
    return path


def listen(model, *words):
    done = CliRunner().invoke(cli, ["listen", "--model", str(model), "--no-realtime", "--json", *map(str, words)])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def starts(heard):
    return [one for one in heard if one["type"] == "event" and one["state"] == "start"]


def test_an_event_of_a_recording_has_the_recordings_time(small_model, state_folder, recording):
    (start,) = starts(listen(small_model, "--input", recording))
    assert start["at_unix_s"] == pytest.approx(FIVE + start["start_s"], abs=1e-3)
    assert start["heard_unix_s"] != start["at_unix_s"]


def test_a_person_may_say_when_it_was_made(small_model, state_folder, recording):
    (start,) = starts(listen(small_model, "--input", recording, "--recorded-at", "2020-05-05T10:00:00+02:00"))
    assert start["at_unix_s"] == pytest.approx(TEN_IN_2020 + start["start_s"], abs=1e-3)
    config = recording.parent / "config.toml"
    config.write_text(f"[[sources]]\ninput = '{recording}'\nrecorded_at = 2020-05-05T10:00:00+02:00\n")
    (start,) = starts(listen(small_model, "--config", config))
    assert start["at_unix_s"] == pytest.approx(TEN_IN_2020 + start["start_s"], abs=1e-3)


@pytest.mark.parametrize("name", ["csv", "raven", "audacity"])
def test_what_was_heard_of_a_folder_can_be_taught_again(small_model, state_folder, recording, tmp_path, name):
    shutil.copy(recording, recording.parent / "b.wav")
    table = recording.parent / f"heard.{name}"
    listen(small_model, "--input", recording.parent, "--set", f"outputs.{name}={table}")
    done = CliRunner().invoke(cli, ["learn", "--model", str(small_model), "--labels", str(table), "--force"])
    assert done.exit_code == 0, done.output
    lessons = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [recording.name in lessons[0]["source"], "b.wav" in lessons[1]["source"]] == [True, True]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_folder_with_names_that_are_no_text_is_heard_by_every_output(small_model, state_folder, recording, tmp_path):
    """In a process of its own, whose standard output takes UTF-8 alone."""
    shutil.copy(recording, os.fsencode(recording.parent) + b"/caf\xe9.wav")
    (recording.parent / "notes.txt").write_text("dear diary")
    outputs = [f"outputs.{name}={tmp_path / name}" for name in ("csv", "audacity", "raven")]
    settings = [*outputs, "outputs.history.keep=true", f"outputs.clips.folder={tmp_path / 'clips'}"]
    words = ["--no-realtime", "--json", *(word for setting in settings for word in ("--set", setting))]
    done = subprocess.run(
        [sys.executable, "-m", "pace_edge", "listen", "--model", small_model, "--input", recording.parent, *words],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    heard = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [start["source"].rpartition("/")[2] for start in starts(heard)] == [recording.name, "caf\\udce9.wav"]
    assert "skipped: 1 (notes.txt: no sound)" in done.stderr.decode()
    for name in ("csv", "raven", "audacity"):
        assert "caf\\udce9.wav" in (tmp_path / name).read_text()
    assert len(list((tmp_path / "clips").iterdir())) == 2
    listed = CliRunner().invoke(cli, ["history", "--json"])
    assert {json.loads(line)["at_unix_s"] is None for line in listed.stdout.splitlines()} == {True, False}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_file_whose_name_is_no_text_is_taught(small_model, state_folder, recording):
    bad = os.fsencode(recording.parent) + b"/caf\xe9.wav"
    shutil.copy(recording, bad)
    for words in (["--file", os.fsdecode(bad)], ["--folder", str(recording.parent)]):
        done = CliRunner().invoke(cli, ["learn", "--model", str(small_model), "--label", "bell", "--force", *words])
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize(("words", "said"), [
    (["--input", "a.wav", "--recorded-at", "noon"],
     "--recorded-at: the setting sources[0].recorded_at is wrong: expected one such as 2026-01-01T05:00:00, or"),
    (["--recorded-at", "2026-01-01T05:00"], "--recorded-at is of one recording: expected one --input FILE, got 0"),
    (["--input", "a.wav", "--input", "b.wav", "--recorded-at", "2026-01-01"], "got 2 of them"),
])  # fmt: skip
def test_a_time_that_cannot_be_is_a_usage_error(small_model, state_folder, words, said):
    done = CliRunner().invoke(cli, ["listen", "--model", str(small_model), *words])
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)
