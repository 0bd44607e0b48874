"""Nearest class mean: the mean of a class is all that is kept, so order and sessions do not matter."""

import numpy as np
import pytest

from pace_edge.benchmark.learning import learn_and_test
from pace_edge.benchmark.methods.ncm import NearestClassMean
from tests.adapt.small import write_clips
from tests.benchmark.small import sessions_in, task_of


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips"), classes=6, per_class=6)


def test_a_clip_is_called_by_the_mean_that_is_most_alike(clips):
    task, session = task_of(), sessions_in(clips)[0]
    method = NearestClassMean(task)
    method.learn(session)
    z = task.embed(session.train)
    means = [z[[clip.label == label for clip in session.train]].mean(0) for label in session.labels]
    test = task.embed(session.test)
    cosine = [[z @ mean / np.linalg.norm(z) / np.linalg.norm(mean) for mean in means] for z in test]
    assert method.call(session.test) == [session.labels[i] for i in np.argmax(cosine, 1)]


def test_order_and_sessions_do_not_matter(clips):
    test = [clip for session in sessions_in(clips) for clip in session.test]
    called = []
    for order, per_session in ((0, 2), (1, 2), (2, 3)):
        method = NearestClassMean(task_of())
        learned = learn_and_test(method, sessions_in(clips, order=order, per_session=per_session))
        assert learned.accuracies[-1] > 0.6
        called.append(method.call(test))
    assert called[0] == called[1] == called[2]


def test_it_keeps_one_vector_a_class(clips):
    method = NearestClassMean(task_of())
    learn_and_test(method, sessions_in(clips))
    assert (method.cost().trainable_parameters, method.cost().stored_bytes) == (0, 6 * 24 * 8)
