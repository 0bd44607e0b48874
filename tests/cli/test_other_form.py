"""On a terminal a person is asked whether the class that there is was meant; elsewhere it is refused."""

import json
import os
import pty
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from pace_edge.model_file import read_model
from streams.listening.learner import open_journal
from streams.teaching.teach import Teacher
from tests.synthetic import RATE_HZ, tone


@pytest.fixture
def model(small_model):
    """Its journal has two examples, of 'dog_bark' and of 'cat'."""
    with Teacher(small_model) as teacher:
        for hz, label in ((900, "dog_bark"), (150, "cat")):
            sound = tone(hz, 1, rng=np.random.default_rng(hz))
            teacher.learn_clip(label, sound, source="test")
    return small_model


def at_a_terminal(model, *words, answer):
    """What a person sees, and what becomes of the examples, by their ids."""
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    process = subprocess.Popen(
        [sys.executable, "-m", "pace_edge", *words, "--model", model], stdin=theirs, stderr=theirs,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    os.close(theirs)
    assert process.wait(timeout=300) == 0, os.read(ours, 10000)
    process.stdout.close()
    seen = os.read(ours, 10000).decode()
    os.close(ours)
    listed = subprocess.run(
        [sys.executable, "-m", "pace_edge", "labels", "--examples", "--json", "--model", model],
        capture_output=True, check=True, timeout=300,
    )  # fmt: skip
    return seen, {one["id"]: one["label"] for one in json.loads(listed.stdout)}


@pytest.fixture
def folder(tmp_path):
    """A folder of clips for each label: two of them differ in form only, and one from a class."""
    for hz, label in ((1500, "Dog bark"), (2000, "siren"), (2600, "SIREN")):
        (tmp_path / "clips" / label).mkdir(parents=True)
        sound = tone(hz, 1, rng=np.random.default_rng(hz))
        soundfile.write(tmp_path / "clips" / label / "1.wav", sound, RATE_HZ)
    return str(tmp_path / "clips")


CORRECT = ("correct", "--example", "2", "--label", "Dog bark")
RENAME = ("rename", "cat", "Dog bark")


@pytest.mark.parametrize("words", [CORRECT, RENAME])
@pytest.mark.parametrize(("answer", "label"), [("\n", "dog_bark"), ("y\n", "dog_bark"), ("n\n", "Dog bark")])
def test_at_a_terminal_it_is_asked_and_the_answer_done(model, words, answer, label):
    seen, examples = at_a_terminal(model, *words, answer=answer)
    assert "there is 'dog_bark' already; is that meant? [Y/n]" in seen
    assert examples == {1: "dog_bark", 2: label}


@pytest.mark.parametrize("words", [CORRECT, RENAME])
def test_elsewhere_it_is_refused_and_insisted_on_by_a_flag(model, words):
    def do(*more):
        command = [sys.executable, "-m", "pace_edge", *words, *more, "--model", model]
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)

    refused = do()
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "there is 'dog_bark' already" in refused.stderr
    assert "--new-class" in refused.stderr
    with open_journal(read_model(model)) as journal:
        assert len(journal.operations()) == 2
    assert do("--new-class").returncode == 0


def test_of_a_folder_every_label_is_asked_about_before_anything_is_taught(model, folder):
    seen, examples = at_a_terminal(model, "learn", "--folder", folder, answer="\nn\n")
    assert seen.index("there is 'dog_bark' already") < seen.index("there is 'SIREN' already") < seen.index("new class")
    assert examples == {1: "dog_bark", 2: "cat", 3: "dog_bark", 4: "SIREN", 5: "siren"}


def test_of_a_folder_nothing_is_taught_where_a_label_is_refused(model, folder):
    def do(*more):
        command = [sys.executable, "-m", "pace_edge", "learn", "--folder", folder, *more, "--model", model]
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)

    refused = do()
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "there is 'dog_bark' already" in refused.stderr
    assert do("--new-class").returncode == 0
    with open_journal(read_model(model)) as journal:
        assert [o.label for o in journal.operations()] == ["dog_bark", "cat", "Dog bark", "SIREN", "siren"]
