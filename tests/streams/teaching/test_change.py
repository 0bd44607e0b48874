"""Each change does what it says, says what it did to the class and to the others, and can be undone."""

import re
import threading

import numpy as np
import pytest

from pace_edge.errors import JournalError, LearningError, UsageError
from pace_edge.journal import HeardWindow
from pace_edge.snapshot import snapshot_path
from streams.teaching.change import Changer
from streams.teaching.effect import effect, survey
from tests.taught import assert_exact, embeddings, model


@pytest.fixture
def changer(tmp_path):
    with Changer(model(), journal=tmp_path / "j") as changer:
        yield changer


def teach(changer, *labels):
    for seed, label in enumerate(labels):
        changer._journal.add(label, embeddings(label, seed), source="test")
    changer._learner.catch_up()


def announce(changer, id, label="low", seed=0):
    heard = [HeardWindow(10.0 + i, 11.0 + i, -20.0, row) for i, row in enumerate(embeddings(label, seed))]
    changer._journal.hear(id, heard)
    changer._journal.remember_event(id, id, label, start_s=10, end_s=20, at_unix_s=1.0)


def called(changer, label, seed=99):
    return changer._learner.best(embeddings(label, seed))[0]


def taught(changer):
    changer._learner.catch_up()
    assert_exact(changer._learner)
    return changer._learner.state.examples


def test_the_last_event_was_really_another_sound(changer):
    announce(changer, "e1", "low")
    announce(changer, "e2", "low", seed=5)
    change = changer.correct(label="kettle")
    assert re.fullmatch(r"the 'low' of \d\d:\d\d:\d\d is an example of 'kettle' now", change.did)
    assert change.examples == 1
    assert taught(changer) == {1: "kettle"}
    ((_, kept),) = changer._journal.embeddings([1])
    assert np.array_equal(kept, embeddings("low", 5))


def test_an_event_is_named_by_the_beginning_of_its_id_and_counts_once_however_often_it_is_corrected(changer):
    announce(changer, "abc1")
    announce(changer, "abd2")
    changer.correct("abc", "kettle")
    assert "was 'kettle' and is 'door' now" in changer.correct("abc1", "door").did
    assert taught(changer) == {1: "door"}
    with pytest.raises(LearningError, match="several events begin with 'ab'"):
        changer.correct("ab", "kettle")


@pytest.mark.parametrize(("event", "message"), [("last", "no event is remembered"), ("x", "no event 'x' is")])
def test_an_event_of_long_ago_is_said_with_what_to_do(changer, event, message):
    with pytest.raises(LearningError, match=rf"{message}.*last 200.*--file"):
        changer.correct(event, "kettle")


def test_a_taught_example_is_corrected_by_its_id(changer):
    teach(changer, "a", "a")
    assert changer.correct(label="b", example=2).examples == 1
    assert taught(changer) == {1: "a", 2: "b"}
    with pytest.raises(LearningError, match="no example 7 counts"):
        changer.correct(label="b", example=7)


def test_one_example_is_taken_back_exactly_and_comes_back(changer):
    teach(changer, "a", "a", "b")
    change = changer.remove(2)
    assert (change.did, change.examples) == ("example 2 of 'a' is taken back exactly", 1)
    assert taught(changer) == {1: "a", 3: "b"}
    assert_exact(changer._learner)
    with pytest.raises(LearningError, match="no example 2 counts"):
        changer.remove(2)
    assert "remove example 2" in changer.undo().did
    assert taught(changer) == {1: "a", 2: "a", 3: "b"}
    assert_exact(changer._learner)


def test_a_removed_example_is_not_brought_back_by_a_merge_and_goes_with_its_label_s_purge(changer, tmp_path):
    teach(changer, "a", "a")
    with Changer(model(), journal=tmp_path / "other") as other:
        other.merge(changer._journal.path)
        changer.remove(1)
        assert changer.merge(other._journal.path).did.startswith("0 taught examples")
        other.merge(changer._journal.path)
    assert taught(changer) == {2: "a"}
    assert "2 taught examples erased" in changer.forget("a", purge=True).did


def test_every_change_names_the_operation_that_undo_takes_back(changer):
    teach(changer, "a")
    (example,) = taught(changer)
    for change in (
        lambda: changer.correct(example=example, label="b"), lambda: changer.rename("b", "c"),
        lambda: changer.hide("c"), lambda: changer.unhide("c"), lambda: changer.remove(example),
        lambda: changer.forget("low"),
    ):  # fmt: skip
        before = changer.learner.state
        assert changer.undo(newest=change().id).id == 0
        assert changer.learner.state == before
        change()
    assert changer.forget("high", purge=True).id == 0  # which nothing takes back


def test_undo_goes_back_step_by_step_also_over_what_others_did(changer, tmp_path):
    teach(changer, "a", "b")
    with Changer(model(), journal=tmp_path / "j") as other:
        other.rename("a", "c")
    assert changer.undo().did == "undone: rename 'a' to 'c'"
    assert taught(changer) == {1: "a", 2: "b"}
    assert "learn 'b'" in changer.undo(2).did
    assert taught(changer) == {}


def test_forgetting_says_what_is_exact_and_what_is_not(changer):
    teach(changer, "a", "a", "low")
    change = changer.forget("a")
    assert "2 taught examples taken back exactly" in change.did
    assert "--purge erases them" in change.did
    assert "came with the model" not in change.did
    change = changer.forget("low")
    assert "1 taught example taken back exactly" in change.did
    assert "holds only the sum over its 20 examples: it is never named again" in change.did
    assert change.examples == 0
    assert taught(changer) == {}
    changer.undo()
    assert taught(changer) == {3: "low"}


def test_a_purge_erases_and_drops_the_recordings_and_the_snapshot(changer):
    changer._journal.clips.mkdir()
    kept = f"{1:032x}.flac"
    (changer._journal.clips / kept).write_text("sound")
    mine = changer._journal.path.with_name("mine.wav")
    mine.write_text("sound")
    for audio in (kept, str(mine), "../mine.wav"):
        changer._journal.add("a", embeddings("a", len(audio)), source="test", audio=audio, audio_sha256="0")
    snapshot_path(changer._journal.path).write_text("sums")
    assert "3 taught examples erased from the disk, which cannot be undone" in changer.forget("a", purge=True).did
    assert not (changer._journal.clips / kept).exists()
    assert not snapshot_path(changer._journal.path).exists()
    assert mine.exists()
    assert taught(changer) == {}


def test_a_class_is_renamed_hidden_and_shown_again(changer):
    assert changer.rename("low", "Hund").examples == 20
    assert called(changer, "low") == "Hund"
    changer.hide("Hund")
    assert called(changer, "low") == "unknown"
    assert called(changer, "high") == "high"
    changer.unhide("Hund")
    assert called(changer, "low") == "Hund"
    assert "'Hund' is called 'high' now, which it joins" in changer.rename("Hund", "high").did
    assert_exact(changer._learner)


def test_another_device_s_examples_are_merged_once(changer, tmp_path):
    teach(changer, "a")
    with Changer(model(), journal=tmp_path / "other") as other:
        teach(other, "b", "a")
    assert "2 taught examples of" in changer.merge(tmp_path / "other").did
    assert "0 taught examples of" in changer.merge(tmp_path / "other").did
    assert sorted(taught(changer).values()) == ["a", "a", "b"]
    with pytest.raises(JournalError, match="is no journal"):
        changer.merge(tmp_path / "absent")


def test_a_reset_leaves_the_model_as_it_came(changer):
    teach(changer, "a", "low")
    changer.rename("low", "x")
    assert "everything taught is gone; a copy is" in changer.reset().did
    assert np.abs(changer._learner.classifier.W - model().classifier.W).max() < 1e-8
    assert changer._learner.untouched


@pytest.mark.parametrize("verb", ["forget", "hide", "unhide", "rename"])
def test_a_label_that_is_not_there_is_said_with_the_nearest_that_is(changer, verb):
    more = ["x"] if verb == "rename" else []
    with pytest.raises(LearningError, match=r"no class is called 'dog'\. Nothing was changed; see pace-edge labels"):
        getattr(changer, verb)("dog", *more)
    with pytest.raises(LearningError, match=r"no class is called 'hihg'\. Did you mean 'high'\? Nothing was changed"):
        getattr(changer, verb)("hihg", *more)
    assert changer._journal.operations() == []


@pytest.mark.parametrize("verb", ["forget", "hide", "rename"])
def test_what_is_never_announced_stays_what_it_is(changer, verb):
    more = ["x"] if verb == "rename" else []
    with pytest.raises(UsageError, match="not to be announced"):
        getattr(changer, verb)("background", *more)
    assert changer._journal.operations() == []


def test_the_effect_on_the_others_is_measured(changer):
    teach(changer, "a", "a", "a", "b")
    before = survey(changer._learner)
    changer._journal.add("thief", embeddings("a", 1), source="wrong")  # one of a's, under another name
    changer._journal.add("thief", embeddings("a", 2), source="wrong")
    changer._learner.catch_up()
    did = effect(before, survey(changer._learner), about={"thief"})
    assert did.checked == 3  # b's only example cannot be
    assert did.right_before == 3
    assert did.right_after == 3 - len(did.renamed)
    assert ("a", "a", "thief") in did.renamed
    assert (did.most_label, did.most < -0.01) == ("a", True)
    assert did.own_after < did.own_before
    assert f"{did.right_after} of 3 are called right (3 before); one of 'a' was called 'a'" in did.in_words()


def test_an_effect_on_nothing_says_so(changer):
    one = survey(changer._learner)
    assert effect(one, one, about={"low", "high", "background"}).in_words() == "there are no other classes"


@pytest.mark.parametrize("verb", ["hide", "unhide", "forget", "rename", "remove"])
def test_what_is_looked_up_and_what_is_written_are_one_decision(changer, tmp_path, verb):
    """Another process changes the class while this one is about to: it sees that, and writes nothing."""
    teach(changer, "a")
    ready, said = threading.Event(), []

    def change():
        with Changer(model(), journal=tmp_path / "j") as other:
            other._survey()
            ready.set()
            try:
                getattr(other, verb)(*{"rename": ("a", "c"), "remove": (1,)}.get(verb, ("a",)))
            except LearningError as error:
                said.append(str(error))

    thread = threading.Thread(target=change)
    with changer._journal.deciding():
        if verb == "remove":
            changer._journal.append("remove", target=1)
        else:
            changer._journal.append("rename", "a", new_label="b")
        thread.start()
        assert ready.wait(300)
        thread.join(0.5)  # it waits for us to decide
        before = changer._journal.operations()
    thread.join()
    example, renamed = "no example 1 counts", "no class is called 'a': it is called 'b' now"
    assert [words.partition(".")[0] for words in said] == [example if verb == "remove" else renamed]
    assert changer._journal.operations() == before
