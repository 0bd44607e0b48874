"""A correction is of the sound that it names, and of no other that was heard at the same time or is named alike."""

import pytest

from pace_edge.errors import LearningError
from pace_edge.journal import HeardWindow
from streams.teaching.change import Changer
from tests.taught import embeddings, model

SESSION = "0123456789ab"


@pytest.fixture
def changer(tmp_path):
    with Changer(model(), journal=tmp_path / "j") as changer:
        yield changer


def announce(changer, id, label, start_s, end_s, *, session=SESSION):
    """An announced sound of a stream."""
    windows = embeddings(label, 0, windows=3)
    heard = [HeardWindow(start_s + i / 10, end_s, -20.0, row) for i, row in enumerate(windows)]
    changer._journal.hear(session, heard)
    changer._journal.remember_event(session, id, label, start_s=start_s, end_s=end_s, at_unix_s=1.0)


def teach(changer, label, start_s, end_s):
    """From a stretch of what the same stream heard."""
    changer._journal.add(label, embeddings(label, 1), source="heard", session=SESSION, start_s=start_s, end_s=end_s)


def taught(changer):
    return list(changer.learner.state.examples.values())


def test_of_two_sounds_that_went_on_at_once_each_is_corrected_by_itself(changer):
    announce(changer, f"{SESSION}-1", "low", 10, 20)
    announce(changer, f"{SESSION}-2", "high", 11, 19)
    changer.correct(f"{SESSION}-1", "rain")
    changer.correct(f"{SESSION}-2", "dog")
    assert taught(changer) == ["rain", "dog"]


@pytest.mark.parametrize("stretch", [(12, 14), (0, 60)], ids=["a short sound within it", "a long stretch around it"])
def test_an_example_of_another_length_is_not_taken_for_the_announced_sound(changer, stretch):
    announce(changer, f"{SESSION}-1", "low", *((0, 60) if stretch == (12, 14) else (30, 33)))
    teach(changer, "hum", *stretch)
    changer.correct(f"{SESSION}-1", "rain")
    assert taught(changer) == ["hum", "rain"]


@pytest.mark.parametrize("event", [(9.2, 12.2), (8.5, 11.5), (9.5, 12.5), (10, 12)])
def test_a_sound_that_was_taught_and_then_corrected_is_one_example_though_its_windows_reach_further(changer, event):
    announce(changer, f"{SESSION}-1", "low", *event)
    teach(changer, "bell", 10, 11.4)
    changer.correct(f"{SESSION}-1", "phone")
    assert taught(changer) == ["phone"]


def test_a_whole_id_of_an_event_that_is_forgotten_is_not_the_beginning_of_another_s(changer):
    announce(changer, f"{SESSION}-12", "low", 10, 20)
    with pytest.raises(LearningError, match=f"no event '{SESSION}-1' is remembered"):
        changer.correct(f"{SESSION}-1", "dog")
    assert taught(changer) == []
    assert "example of 'dog'" in changer.correct(SESSION[:6], "dog").did
