"""What is known, how well, and whether the room has moved away."""

import numpy as np
import pytest

from pace_edge.journal import HeardWindow
from pace_edge.leave_one_out import leave_one_out
from streams.listening.learner import Learner, open_journal
from streams.teaching.labels import FEW_RECENT, check_health, count_labels, health, labels
from tests.taught import embeddings, model


@pytest.fixture
def journal(tmp_path):
    with open_journal(model(), tmp_path / "j") as journal:
        yield journal


def teach(journal, label, seeds, like=None):
    for seed in seeds:
        journal.add(label, embeddings(like or label, seed), source="test")


def counted(journal):
    return {one.label: one for one in count_labels(Learner(model(), journal))}


def test_each_class_says_what_it_has_and_how_well_it_is_known(journal, tmp_path):
    teach(journal, "a", range(6))
    teach(journal, "b", range(1))
    journal.append("rename", "low", new_label="x")
    journal.append("hide", "high")
    found = counted(journal)
    assert [(one.label, one.built_in, one.taught, one.hidden) for one in found.values()] == [
        ("x", 20, 0, False), ("high", 20, 0, True), ("background", 20, 0, False), ("a", 0, 6, False),
        ("b", 0, 1, False),
    ]  # fmt: skip
    assert (found["a"].right, found["a"].checked, found["a"].more) == (6, 6, 0)
    assert found["a"].score > 0.5
    assert (found["b"].checked, found["b"].more) == (0, 4)
    assert (found["x"].more, found["x"].more_from) == (None, "nothing was taught here to measure it by")
    assert labels(model(), journal=tmp_path / "j") == list(found.values())


def test_what_a_class_is_taken_for_is_said_and_more_of_it_is_asked_for(journal):
    teach(journal, "a", range(6))
    teach(journal, "twin", range(6, 10), like="a")
    found = counted(journal)
    assert dict(found["twin"].confused_with).keys() == {"a"}
    assert found["twin"].right == 4 - dict(found["twin"].confused_with)["a"]
    assert found["twin"].more is None or found["twin"].more > 0


def hear(journal, label, seeds, *, shift=0.0):
    for seed in seeds:
        rows = embeddings(label, seed) + np.float32(shift)
        journal.hear(f"s{seed}", [HeardWindow(float(i), i + 1.0, -20.0, row) for i, row in enumerate(rows)])
        journal.remember_event(f"s{seed}", f"e{label}{seed}", label, start_s=0, end_s=9, at_unix_s=1.0)


def test_what_sounds_as_it_was_taught_is_healthy(journal, tmp_path):
    teach(journal, "a", range(8))
    hear(journal, "a", range(20, 26))
    by_label = {one.label: one for one in check_health(Learner(model(), journal))}
    assert not by_label["a"].drifted
    assert by_label["a"].recent == 6
    assert by_label["a"].words == ""
    assert {one.label for one in health(model(), journal=tmp_path / "j")} == {"a", ""}


def test_a_class_that_sounds_otherwise_now_is_to_be_taught_again(journal):
    teach(journal, "a", range(8))
    hear(journal, "a", range(20, 26), shift=2.5)
    first = check_health(Learner(model(), journal))[0]
    assert (first.label, first.drifted) == ("a", True)
    assert "teach it again" in first.words
    taught = [(phi, "a") for _, phi in Learner(model(), journal).features(range(1, 9))]
    left_out = leave_one_out(Learner(model(), journal).classifier, model().info.read_out, taught)
    assert first.expected_leverage == pytest.approx(np.median([left.leverage for left in left_out]))
    assert first.leverage > first.expected_leverage


def test_of_a_few_sounds_nothing_is_said(journal):
    hear(journal, "low", range(FEW_RECENT - 1), shift=9.0)
    assert [one.label for one in check_health(Learner(model(), journal))] == [""]


def test_a_room_that_sounds_unlike_everything_is_said(journal):
    hear(journal, "low", [1], shift=9.0)
    (room,) = check_health(Learner(model(), journal))
    assert room.drifted
    assert "--background" in room.words


def test_nothing_heard_is_no_news(journal):
    assert check_health(Learner(model(), journal)) == []
