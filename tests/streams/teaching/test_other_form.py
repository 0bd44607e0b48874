"""A label that differs from a class in its form only is asked about, by every door, before anything is changed."""

import contextlib
import threading

import numpy as np
import pytest
import soundfile

from pace_edge.errors import LearningError, OtherFormError, UsageError
from streams.teaching.change import Changer
from streams.teaching.teach import Teacher
from tests.streams.arrays import Arrays
from tests.synthetic import RATE_HZ, tone
from tests.taught import embeddings, model


@pytest.fixture
def changer(tmp_path):
    with Changer(model(), journal=tmp_path / "j") as changer:
        changer._journal.add("dog_bark", embeddings("a", 1), source="test")
        yield changer


@pytest.mark.parametrize("label", ["Dog_bark", "dog bark", "DOG-BARK", " dog  bark "])
@pytest.mark.parametrize("door", ["correct", "rename"])
def test_another_form_of_a_class_is_refused_with_that_class_and_how_to_insist(changer, label, door):
    def do(label, **insist):
        if door == "correct":
            return changer.correct(label=label, example=2, **insist)
        return changer.rename("high", label, **insist)

    changer._journal.add("high", embeddings("high", 1), source="test")
    before = changer._journal.operations()
    with pytest.raises(OtherFormError, match=r"there is 'dog_bark' already.*--new-class.*new_class=True") as refused:
        do(label)
    assert isinstance(refused.value, LearningError)
    assert refused.value.near == "dog_bark"
    assert changer._journal.operations() == before
    assert do(label, new_class=True).label == " ".join(label.split())
    changer.undo()
    assert do("dog_bark").label == "dog_bark"


def test_a_class_s_own_name_may_be_put_into_another_form(changer):
    assert changer.rename("dog_bark", "Dog bark").did == "'dog_bark' is called 'Dog bark' now"


@pytest.mark.parametrize("beside", [None, "Dog bark"])
def test_to_rename_a_class_as_it_is_called_writes_nothing(changer, beside):
    changer.hide("dog_bark")
    if beside is not None:
        changer._journal.add(beside, embeddings("b", 1), source="test")
    before = changer._journal.operations()
    change = changer.rename("dog_bark", " dog_bark ")
    assert (change.did, change.id) == ("'dog_bark' is called so already", 0)
    assert changer._journal.operations() == before
    assert changer.learner.state.hidden == {"dog_bark"}


def test_labels_are_checked_beside_those_that_will_be_taught_with_them(changer):
    assert changer.taught_label("siren", beside=["dog"]) == "siren"
    with pytest.raises(OtherFormError, match="there is 'Siren' already"):
        changer.taught_label("siren", beside=["Siren"])
    with pytest.raises(UsageError, match="sound that is like no class"):
        changer.taught_label("UNKNOWN", new_class=True)


def test_a_class_that_was_renamed_is_named_as_it_is_called_now(changer):
    changer.rename("dog_bark", "Hund")
    with pytest.raises(LearningError, match=r"no class is called 'dog_bark': it is called 'Hund' now\."):
        changer.hide("dog_bark")


def test_what_comes_by_a_merge_beside_another_form_is_said(changer, tmp_path):
    with Changer(model(), journal=tmp_path / "other") as other:
        other._journal.add("Dog bark", embeddings("a", 5), source="test")
    assert "'Dog bark' came beside 'dog_bark': pace-edge rename" in changer.merge(tmp_path / "other").did


def test_every_door_of_a_teacher_asks(small_model, tmp_path):
    rng = np.random.default_rng(3)
    sound, path = tone(900, 1, rng=rng), tmp_path / "clip.wav"
    soundfile.write(path, sound, RATE_HZ)
    (tmp_path / "table.txt").write_text("0.0\t1.0\tLow\n")
    with Teacher(small_model) as teacher:
        stream = Arrays(sound)
        for door in (
            lambda **insist: teacher.learn("Low", sound, RATE_HZ, **insist),
            lambda **insist: teacher.learn_file("Low", path, **insist),
            lambda **insist: teacher.learn_clip("Low", sound, source="test", **insist),
            lambda **insist: teacher.learn_recording("Low", stream, 1.0, **insist),
            lambda **insist: teacher.learn_table(tmp_path / "table.txt", path, **insist),
            lambda **insist: teacher.learn_last_sound("Low", **insist),
            lambda **insist: teacher.learn_heard("Low", 50.0, **insist),
            lambda **insist: teacher.learn_heard_at("Low", at_s=1.0, **insist),
            lambda **insist: teacher.learn_heard_range("Low", "s", 0.0, 1.0, **insist),
        ):
            with pytest.raises(LearningError, match="there is 'low' already"):
                door()
            with contextlib.suppress(LearningError):  # nothing was heard
                door(new_class=True)
                assert "Low" in teacher.learner.state.labels
                teacher.undo()
        assert teacher.learner.state.examples == {}


def test_two_people_who_teach_two_forms_of_a_label_at_once_make_one_class(small_model):
    ready, refused = threading.Barrier(2), []

    def person(label, seed):
        with Teacher(small_model) as mine:
            clip = tone(900, 1, rng=np.random.default_rng(seed))
            ready.wait()
            try:
                mine.learn_clip(label, clip, source="test")
            except OtherFormError as error:
                refused.append(error.near)

    people = [threading.Thread(target=person, args=(label, i)) for i, label in enumerate(("Bell", "bell"))]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert len(refused) == 1
    with Teacher(small_model) as teacher:
        assert [label for label in teacher.learner.state.labels if label.casefold() == "bell"] == refused
