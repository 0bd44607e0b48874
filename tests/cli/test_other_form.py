"""On a terminal a person is asked whether the class that there is was meant; elsewhere it is refused."""

import json
import os
import pty
import subprocess
import sys

import numpy as np
import pytest

from pace_edge.model_file import read_model
from streams.listening.learner import open_journal
from streams.teaching.teach import Teacher
from tests.synthetic import tone


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
    assert process.wait(timeout=120) == 0, os.read(ours, 10000)
    process.stdout.close()
    seen = os.read(ours, 10000).decode()
    os.close(ours)
    listed = subprocess.run(
        [sys.executable, "-m", "pace_edge", "labels", "--examples", "--json", "--model", model],
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    return seen, {one["id"]: one["label"] for one in json.loads(listed.stdout)}


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
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)

    refused = do()
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "there is 'dog_bark' already" in refused.stderr
    assert "--new-class" in refused.stderr
    with open_journal(read_model(model)) as journal:
        assert len(journal.operations()) == 2
    assert do("--new-class").returncode == 0
