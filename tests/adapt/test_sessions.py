"""Each class comes once, in an order drawn from the seed or planned, and no test clip is trained on."""

import pytest

from pace_edge.adapt.data import Clip
from pace_edge.adapt.sessions import plan_sessions, read_plan, sessions_of
from pace_edge.errors import PaceEdgeError


def clips(n_classes, folds=(1, 2)):
    return [Clip(f"{c}-{f}.wav", f"class{c}", f, "g") for c in range(n_classes) for f in folds]


@pytest.mark.parametrize(("n_classes", "sizes"), [(6, [2, 2, 2]), (7, [2, 2, 3]), (2, [2])])
def test_every_class_comes_once_and_no_session_has_one_class(n_classes, sizes):
    sessions = plan_sessions(clips(n_classes), classes_per_session=2, test_fold=1)
    assert [len(s.labels) for s in sessions] == sizes
    assert sorted(label for s in sessions for label in s.labels) == [f"class{c}" for c in range(n_classes)]
    assert [s.number for s in sessions] == list(range(1, len(sizes) + 1))


def test_test_clips_are_not_trained_on():
    for session in plan_sessions(clips(4, folds=(1, 2, 3)), classes_per_session=2, test_fold=2):
        assert {clip.fold for clip in session.test} == {2}
        assert {clip.fold for clip in session.train} == {1, 3}
        assert {clip.label for clip in session.train + session.test} == set(session.labels)


def test_the_order_follows_its_seed():
    def order(seed):
        plan = plan_sessions(clips(8), classes_per_session=2, test_fold=1, order_seed=seed)
        return [session.labels for session in plan]

    assert order(3) == order(3) != order(4)


@pytest.mark.parametrize("classes_per_session", [1, 5])
def test_sessions_that_cannot_be_are_refused(classes_per_session):
    with pytest.raises(PaceEdgeError, match="2 to 4 classes a session"):
        plan_sessions(clips(4), classes_per_session=classes_per_session, test_fold=1)


@pytest.mark.parametrize(("fold", "message"), [(2, "no clip in fold 1: .*got clips in fold 2"), (1, "no clip outside")])
def test_a_class_without_clips_to_test_or_to_learn_is_named(fold, message):
    lonely = [*clips(3), Clip("x.wav", "class9", fold, "g")]
    with pytest.raises(PaceEdgeError, match=f"'class9' has {message}"):
        plan_sessions(lonely, classes_per_session=2, test_fold=1)


def test_a_plan_says_which_classes_come_when(tmp_path):
    (tmp_path / "plan.txt").write_text(
        '\ufeff# first the pets\ndog, cat\n\n  # then the weather\n"rain, heavy" ,küche,"#1"\n', encoding="utf-8"
    )
    assert read_plan(tmp_path / "plan.txt") == [("dog", "cat"), ("rain, heavy", "küche", "#1")]


def test_sessions_are_as_planned_and_classes_that_are_not_in_it_stay_out():
    plan = [("class3", "class0"), ("class1", "class4", "class2")]
    sessions = sessions_of(clips(6, folds=(1, 2, 3)), plan, 2)
    assert [(s.number, s.labels) for s in sessions] == [(1, plan[0]), (2, plan[1])]
    for session in sessions:
        assert {clip.label for clip in session.train} == {clip.label for clip in session.test} == set(session.labels)
        assert {clip.fold for clip in session.test} == {2}
        assert [clip for clip in clips(6, folds=(1, 3)) if clip.label in session.labels] == list(session.train)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"# nothing\n\n", "plans no session"),
        (b"a,b\n\nc,,d\n", "line 3 of .*plan.txt names a class without a name: got c,,d"),
        (b"a,b,\n", "names a class without a name"),
        (b"a," + b"b" * 200_000, r"is not a plan \(field larger than .*quotes round a label"),
        (b"a,\xff\n", "is not a plan .*expected text in UTF-8"),
    ],
)
def test_a_wrong_plan_is_named(tmp_path, content, message):
    (tmp_path / "plan.txt").write_bytes(content)
    with pytest.raises(PaceEdgeError, match=message):
        read_plan(tmp_path / "plan.txt")


def test_an_absent_plan_is_said(tmp_path):
    with pytest.raises(PaceEdgeError, match=r"cannot read the plan .*plan\.txt: No such file"):
        read_plan(tmp_path / "plan.txt")


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ([("class0", "class1"), ("class2", "class0")], "class 'class0' is in the plan twice.* got sessions 1 and 2"),
        ([("class0", "class1", "class0")], "class 'class0' is in the plan twice.* got sessions 1 and 1"),
        ([("class0", "class1"), ("class2",)], "session 2 has one class.*got class2. Training learns to tell"),
        ([("class0", "clas1")], "class 'clas1' has no clips: expected one of the data's classes, got class0, class1, "),
    ],
)
def test_a_plan_that_cannot_be_is_refused(plan, message):
    with pytest.raises(PaceEdgeError, match=message):
        sessions_of(clips(3), plan, 1)
