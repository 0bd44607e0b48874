"""A method is shown what the protocol lets it see, and judged by the labels it never saw."""

from dataclasses import replace

import pytest

from pace_edge.benchmark.learning import checked_details, joined, learn_and_test
from pace_edge.errors import PaceEdgeError
from tests.adapt.small import write_clips
from tests.benchmark.small import Always, sessions_in, task_of


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    return sessions_in(write_clips(tmp_path_factory.mktemp("clips"), classes=4, per_class=6))


def test_it_sees_no_test_clip_while_learning_and_no_label_while_calling(sessions):
    method = Always(task_of())
    learn_and_test(method, sessions)
    assert [session.train for session in method.seen] == [session.train for session in sessions]
    assert [session.test for session in method.seen] == [(), ()]
    assert [len(asked) for asked in method.asked] == [4, 8]
    told = {(clip.label, clip.fold, clip.group) for asked in method.asked for clip in asked}
    assert told == {("", 0, "")}


def test_accuracies_are_of_all_classes_so_far_and_the_matrix_of_each_sessions(sessions):
    learned = learn_and_test(Always(task_of()), sessions)  # one class is called right, whatever is asked
    assert learned.accuracies == [0.5, 0.25]
    assert learned.matrix == [[0.5], [0.5, 0.0]]
    assert learned.macro_accuracy == 0.25
    assert len(learned.train_seconds) == 2
    assert learned.embedded_clips_train == 0


def test_unequal_classes_count_alike_in_the_macro_accuracy(sessions):
    first, *_ = sessions
    kept = [clip for clip in first.test if clip.label == first.labels[1]][:1]
    uneven = replace(first, test=(*[c for c in first.test if c.label == first.labels[0]], *kept))
    learned = learn_and_test(Always(task_of()), [uneven])
    assert learned.accuracies == [pytest.approx(2 / 3)]
    assert learned.macro_accuracy == 0.5


def test_what_is_embedded_while_learning_is_counted_and_what_is_while_testing_is_not(sessions):
    count = 0

    class Embeds(Always):
        def learn(self, session):
            nonlocal count
            count += len(session.train)
            super().learn(session)

        def call(self, clips):
            nonlocal count
            count += 1000
            return super().call(clips)

    learned = learn_and_test(Embeds(task_of()), sessions, lambda: count)
    assert learned.embedded_clips_train == sum(len(session.train) for session in sessions)


def test_joined_sessions_are_one_with_everything(sessions):
    (one,) = joined(sessions)
    assert one.labels == (*sessions[0].labels, *sessions[1].labels)
    assert len(one.train) == 16
    assert len(one.test) == 8


def test_a_method_that_calls_too_few_clips_or_unknown_classes_is_told(sessions):
    class Short(Always):
        def call(self, clips):
            return super().call(clips)[1:]

    class Foresees(Always):
        def call(self, clips):
            return [sessions[1].labels[0]] * len(clips)

    with pytest.raises(PaceEdgeError, match="did not call every clip: expected 4 labels, got 3"):
        learn_and_test(Short(task_of()), sessions)
    with pytest.raises(PaceEdgeError, match="by no class learned so far: expected one of tone"):
        learn_and_test(Foresees(task_of()), sessions)


def test_details_that_json_cannot_hold_are_refused(sessions):
    method = Always(task_of())
    assert checked_details(method) == {"sessions": 0}
    for value in ({1, 2}, float("nan"), object()):
        method.details = {"wrong": value}
        with pytest.raises(PaceEdgeError, match=r"the method's details cannot be kept"):
            checked_details(method)
    del method.details
    assert checked_details(method) == {}
