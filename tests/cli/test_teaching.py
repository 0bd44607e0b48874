"""Every teaching verb as a person types it: JSON on stdout, words on stderr; with and without a listener."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from pace_edge import journal_file
from pace_edge.audio import level_dbfs
from pace_edge.cli import cli
from pace_edge.errors import PaceEdgeError, UsageError
from pace_edge.model_file import read_model
from pace_edge.rates import THRESHOLDS, Counts, class_keys
from streams.configuration.place import journal_path
from streams.listening.learner import Learner, open_journal
from streams.listening.listener import Listener
from tests.synthetic import RATE_HZ, hiss, tone
from tests.waiting import PATIENCE_S


@pytest.fixture
def sounds(tmp_path, monkeypatch):
    rng = np.random.default_rng(13)
    for name, hz in (("ring", 900), ("ring2", 910), ("folder/a/1", 150), ("folder/a/2", 155), ("folder/b/1", 1800)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / f"{name}.wav", tone(hz, 1, rng=rng), RATE_HZ)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def do(small_model, sounds):
    """Run a verb in this process: its JSON, line by line, and its words."""

    def run(*words):
        result = CliRunner().invoke(cli, [*map(str, words), "--model", str(small_model)])
        if result.exception:
            raise result.exception
        return [json.loads(line) for line in result.stdout.splitlines() if line.startswith(("{", "["))], result.stderr

    return run


def taught(do):
    (counted,), _ = do("labels", "--json")
    return {one["label"]: one["taught"] for one in counted if one["taught"]}


@pytest.fixture
def heard(small_model, sounds):
    """A listener was here, and announced a low sound."""
    model, rng = read_model(small_model), np.random.default_rng(1)
    with open_journal(model) as journal:
        list(Listener(model, journal).feed(np.concatenate([tone(300, 3, rng=rng), hiss(3, rng=rng)])))


def test_several_files_and_folders_are_several_examples(do):
    lessons, words = do("learn", "--label", "bell", "--file", "ring.wav", "--file", "ring2.wav")
    assert [lesson["examples"] for lesson in lessons] == [1, 2]
    assert lessons[0]["effect"]["checked"] == 0
    assert "the other classes' own examples score" in words
    do("learn", "--folder", "folder")
    assert taught(do) == {"bell": 2, "a": 2, "b": 1}


def test_of_several_files_the_bad_ones_are_named_and_the_good_ones_learned(do, sounds):
    (sounds / "bad.wav").write_text("no sound")
    with pytest.raises(PaceEdgeError, match="1 of the files could not be learned"):
        do("learn", "--label", "bell", "--file", "bad.wav", "--file", "ring.wav")
    assert taught(do) == {"bell": 1}


def test_where_no_file_can_be_learned_none_is_said_to_be(do, sounds):
    for name in ("bad.wav", "worse.wav"):
        (sounds / name).write_text("no sound")
    with pytest.raises(PaceEdgeError, match=r"2 of the files could not be learned\. Nothing was learned"):
        do("learn", "--label", "bell", "--file", "bad.wav", "--file", "worse.wav")


def test_what_is_recorded_is_recorded_from_the_source_that_is_set_with_its_gain(do, sounds):
    (sounds / "config.toml").write_text('windows.gain_db = -6\n[[sources]]\ninput = "ring.wav"\n')
    config = ["--config", str(sounds / "config.toml")]
    ((lesson,), _) = do("learn", "--label", "bell", "--seconds", "1", *config)
    assert lesson["source"] == "file ring.wav"
    plain = level_dbfs(soundfile.read(sounds / "ring.wav")[0])
    assert lesson["level_dbfs"] == pytest.approx(plain - 6, abs=1)
    (sounds / "config.toml").write_text('[[sources]]\ninput = "ring.wav"\n[[sources]]\ninput = "ring2.wav"\n')
    with pytest.raises(UsageError, match=r"several sources are set: expected --input with one of ring.wav, ring2.wav"):
        do("learn", "--label", "bell", "--seconds", "1", *config)


@pytest.mark.parametrize("way", [["--last", "50s"], ["--at", "1.5"], []])
def test_what_was_heard_is_taught_in_each_way(do, heard, way):
    ((lesson,), _) = do("learn", "--label", "hum", *way)
    assert lesson["source"].startswith("heard")


def test_what_is_not_to_be_announced_is_taught_without_a_name(do, heard):
    do("learn", "--background", "--last", "50")
    assert taught(do) == {"background": 1}


def test_the_verbs_follow_one_another(do, heard):
    do("learn", "--label", "bell", "--file", "ring.wav")
    ((change,), words) = do("forget", "--example", "1")
    assert change["did"] == "example 1 of 'bell' is taken back exactly"
    do("undo")
    ((change,), words) = do("correct", "--label", "kettle")
    assert re.fullmatch(r"the 'low' of \d\d:\d\d:\d\d is an example of 'kettle' now", change["did"])
    assert "'kettle' has 1 example" in words
    assert taught(do) == {"bell": 1, "kettle": 1}
    do("undo")
    assert taught(do) == {"bell": 1}
    do("rename", "bell", "Klingel")
    do("correct", "--example", "1", "--label", "Glocke")
    assert taught(do) == {"Glocke": 1}
    do("undo", "--steps", "2")
    assert taught(do) == {"bell": 1}
    do("hide", "low")
    ((listed,), _) = do("labels", "--json")
    assert [one["label"] for one in listed if one["hidden"]] == ["low"]
    do("unhide", "low")
    do("forget", "low")
    ((listed,), _) = do("labels", "--json")
    assert [one["label"] for one in listed] == ["high", "background", "bell"]
    do("forget", "bell", "--purge")
    ((change,), _) = do("reset", "--yes")
    copy = change["did"].partition("a copy is ")[2].partition(":")[0]
    do("learn", "--label", "bell", "--file", "ring.wav")
    ((change,), _) = do("merge", copy)
    assert "0 taught examples" in change["did"]
    assert taught(do) == {"bell": 1}


def test_labels_say_how_often_each_is_announced_here_by_the_threshold_that_is_set(small_model, state_folder):
    state_folder.mkdir(exist_ok=True)
    (state_folder / "config.toml").write_text("[events]\nthresholds = { low = 0.6 }\n")
    with open_journal(small_model) as journal:
        key = class_keys(Learner(read_model(small_model), journal).state)["low"]
        journal.count({key: Counts(170.0, tuple(1.0 if at >= 0.59 else 30.0 for at in THRESHOLDS))})
    found = CliRunner().invoke(cli, ["labels", "--model", str(small_model)])
    assert "here about 1 a week (1 in 170 h)" in next(line for line in found.stdout.splitlines() if "low" in line)
    assert "1 of 3 classes were heard for too short a time" in found.stderr


def test_labels_are_a_table_for_people(small_model, do):
    for name in ("ring.wav", "ring2.wav"):
        do("learn", "--label", "bell", "--file", name)
    out = CliRunner().invoke(cli, ["labels", "--model", str(small_model)]).stdout.splitlines()
    assert out[0].split() == ["class", "built", "in", "taught", "right", "score", "more"]
    assert out[-1].split()[:4] == ["bell", "0", "2", "2/2"]
    out = CliRunner().invoke(cli, ["labels", "--examples", "--model", str(small_model)]).stdout.splitlines()
    assert [line.split()[:2] for line in out] == [["1", "bell"], ["2", "bell"]]


def test_health_is_a_line_for_each_that_was_heard(small_model, heard):
    out = CliRunner().invoke(cli, ["labels", "--health", "--model", str(small_model)]).stdout
    assert out.startswith("the room, 11 windows: strangeness")


def test_a_damaged_journal_is_named_checked_and_repaired(small_model, do, sounds):
    do("learn", "--label", "bell", "--file", "ring.wav", "--file", "ring2.wav")
    ((said,), _) = do("journal", "--check", "--json")
    assert said["damaged"] == []
    path = journal_path(read_model(small_model))
    with open_journal(read_model(small_model)) as journal:
        (first,) = journal._db.execute("SELECT windows FROM embeddings WHERE operation = 1").fetchone()
    content = path.read_bytes()
    path.write_bytes(content.replace(first, bytes(len(first))))
    assert path.read_bytes() != content
    _, words = do("labels")
    assert "operation 1 (learn 'bell' from file" in words
    assert "is damaged and left out" in words
    with pytest.raises(PaceEdgeError, match=r"damaged in 1 places.*--repair"):
        do("journal", "--check")
    do("journal", "--repair", "new.sqlite")
    ((counted,), words) = do("labels", "--json", "--journal", "new.sqlite")
    assert counted[-1]["taught"] == 1
    assert "damaged" not in words


def test_a_purge_that_cannot_finish_says_so_and_is_finished_later(small_model, do, monkeypatch):
    monkeypatch.setattr(journal_file, "WAIT_S", 0.1)
    do("learn", "--label", "bell", "--file", "ring.wav", "--keep-audio")
    path = journal_path(read_model(small_model))
    (kept,) = path.parent.rglob("*.flac")
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM operations").fetchone()
    with pytest.raises(PaceEdgeError, match=r"cannot come back, but traces.*pace-edge journal --shrink"):
        do("forget", "bell", "--purge")
    assert not kept.exists()
    assert taught(do) == {}
    with pytest.raises(PaceEdgeError, match="traces"):
        do("journal", "--shrink")
    reader.close()
    _, words = do("journal", "--shrink")
    assert "nothing that was erased is left" in words


def test_a_new_model_is_taught_what_the_old_one_was(small_model, do, sounds):
    do("learn", "--label", "bell", "--file", "ring.wav", "--keep-audio")
    new = sounds / "new.onnx"
    new.write_bytes(small_model.read_bytes())
    import onnx

    model = onnx.load(new)
    model.doc_string = "another file"
    onnx.save(model, new)
    result = CliRunner().invoke(cli, ["relearn", "--model", str(new), "--json"])
    assert json.loads(result.stdout)["learned"] == 1
    counted = json.loads(CliRunner().invoke(cli, ["labels", "--model", str(new), "--json"]).stdout)
    assert counted[-1]["taught"] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["learn", "--label", "x", "--background"], "--label and --background exclude each other"),
        (["learn", "--label", "x", "--file", "ring.wav", "--from-mic"], "--file and --seconds exclude each other"),
        (["learn", "--label", "x", "--at", "noon"], "--at noon is no time"),
        (["learn", "--label", "x", "--last", "soon"], "not a number of seconds"),
        (["learn", "--label", "x", "--last", "0"], "not above 0"),
        (["learn", "--label", "x", "--keep-audio"], "no audio is kept"),
        (["learn", "--folder", "absent"], "there is no folder absent"),
        (["learn", "--folder", "folder/a"], "there are no audio files in the subfolders"),
        (["correct", "last", "--example", "1", "--label", "x"], "exclude each other"),
        (["correct", "--label", "x"], "no event is remembered"),
        (["correct", "", "--label", "x"], "no event '' is remembered"),
        (["undo"], "not so much to undo"),
        (["forget"], "forget takes a LABEL or --example ID"),
        (["forget", "low", "--example", "1"], "forget takes a LABEL or --example ID"),
        (["forget", "--example", "1", "--purge"], "--purge erases a whole label"),
        (["forget", "--example", "1"], "no example 1 counts"),
        (["forget", "dog"], "no class is called 'dog'"),
        (["forget", "background"], "not to be announced"),
        (["rename", "low", " "], "label cannot be used"),
        (["merge", "absent"], "there is no journal absent"),
        (["merge", "ring.wav"], "is no journal"),
        (["reset"], "Add --yes"),
        (["relearn", "absent"], "there is no journal absent"),
        (["journal"], "there is not one thing to do"),
        (["journal", "--check", "--shrink"], "there is not one thing to do"),
        (["journal", "--check"], "there is no journal"),
        (["labels", "--health", "--examples"], "exclude each other"),
    ],
)
def test_a_mistake_is_said_in_one_line_and_changes_nothing(do, small_model, words, message):
    with pytest.raises((PaceEdgeError, SystemExit)) as caught:
        do(*words)
    if isinstance(caught.value, PaceEdgeError):
        assert message in str(caught.value)
    else:
        assert message in CliRunner().invoke(cli, [*words, "--model", str(small_model)]).stderr
    with open_journal(read_model(small_model)) as journal:
        assert journal.operations() == []


def test_a_running_listener_takes_up_every_operation(small_model, do, sounds):
    rng = np.random.default_rng(2)
    process = subprocess.Popen(
        [sys.executable, "-m", "pace_edge", "listen", "--model", small_model, "--input", "-"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip

    def hear(seconds, hz=900):
        process.stdin.write((32767 * tone(hz, seconds, rng=rng)).astype("<i2").tobytes())
        process.stdin.flush()
        line = process.stdout.readline()
        assert line, process.stderr.read().decode()
        return json.loads(line)

    hear(2)
    deadline = time.monotonic() + PATIENCE_S
    do("learn", "--label", "bell", "--file", "ring.wav")
    while hear(0.5)["label"] != "bell":  # what is in the pipe was cut into windows before
        assert time.monotonic() < deadline
    do("rename", "bell", "Klingel")
    while hear(0.5)["label"] != "Klingel":
        assert time.monotonic() < deadline
    do("undo", "--steps", "2")
    while hear(0.5)["label"] in ("bell", "Klingel"):
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=PATIENCE_S)
    assert b"learned 'bell' from file" in words
    assert b"done: rename 'bell' to 'Klingel'" in words
    assert b"done: undo operation" in words


def test_a_stretch_of_a_file_is_taught(do, sounds):
    rng = np.random.default_rng(3)
    soundfile.write("long.wav", np.concatenate([tone(300, 2, rng=rng), tone(900, 2, rng=rng)]), RATE_HZ)
    ((lesson,), _) = do("learn", "--label", "bell", "--file", "long.wav", "--from", "2", "--to", "0:04")
    assert (lesson["source"], lesson["windows"]) == (f"file {sounds / 'long.wav'}, 2 to 4 s", 3)
    ((lesson,), words) = do("learn", "--label", "bell", "--file", "long.wav", "--from", "3s")
    assert lesson["known"]  # most of it is in the first stretch
    assert "is example 1 of 'bell' already" in words
    ((lesson,), _) = do("learn", "--label", "bell", "--file", "long.wav", "--to", "1s")
    ((lesson,), _) = do("learn", "--label", "bell", "--file", "long.wav", "--from", "1.9s")
    assert lesson["source"].endswith("1.9 to the end")
    for words, said in (
        (["--file", "long.wav", "--from", "4", "--to", "2"], "ends before it begins"),
        (["--file", "long.wav", "--to", "9"], "ends at 4.00 s"),
        (["--file", "long.wav", "--file", "ring.wav", "--to", "1"], "go with one --file"),
        (["--last", "3", "--to", "1"], "go with one --file"),
    ):
        with pytest.raises(PaceEdgeError, match=said):
            do("learn", "--label", "bell", *words)
    with pytest.raises(SystemExit):
        do("learn", "--label", "bell", "--file", "long.wav", "--from", "soon")
    assert taught(do) == {"bell": 2}


def test_a_table_of_labels_is_taught_and_its_bad_rows_are_named(do, sounds, capsys):
    (sounds / "ring.txt").write_text("0\t1\tbell\n5\t6\tbell\n0.7\t1\tphone\n")
    with pytest.raises(PaceEdgeError, match=r"1 of 3 rows could not be learned. The others were"):
        do("learn", "--labels", "ring.txt")
    assert taught(do) == {"bell": 1, "phone": 1}
    (sounds / "other.txt").write_text("0\t1\tbell2\n")
    ((lesson,), _) = do("learn", "--labels", "other.txt", "--file", "ring2.wav")
    assert lesson["label"] == "bell2"
    for words in (["--label", "x"], ["--background"], ["--folder", "folder"], ["--file", "a.wav", "--file", "b.wav"]):
        with pytest.raises(UsageError):
            do("learn", "--labels", "ring.txt", *words)
    with pytest.raises(UsageError, match="goes with --labels"):
        do("learn", "--label", "bell", "--file", "ring.wav", "--label-column", "Species")
