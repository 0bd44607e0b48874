"""The analytic classifier on the frozen backbone: with one gamma, ridge regression on everything in any order."""

from dataclasses import replace

import numpy as np
import pytest

from pace_edge.adapt.settings import PaceSettings
from pace_edge.analytic import RandomProjection
from pace_edge.benchmark.learning import learn_and_test
from pace_edge.benchmark.methods.frozen import FrozenAnalytic
from tests.adapt.small import write_clips
from tests.benchmark.small import sessions_in, task_of

ONE_GAMMA = PaceSettings(M=64, gamma_grid=(0.1,))


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips"), classes=6, per_class=6)


def test_neither_order_nor_sessions_matter_and_it_is_batch_ridge_regression(clips):
    methods = []
    for order, per_session in ((0, 2), (1, 2), (2, 3)):
        methods.append(FrozenAnalytic(task_of(), ONE_GAMMA))
        learn_and_test(methods[-1], sessions_in(clips, order=order, per_session=per_session))
    train = [clip for clip in clips if clip.fold != 1]
    labels = methods[0].classifier.labels
    phi = RandomProjection.random(24, 64, seed=0)(task_of().embed(train))
    Y = np.array([[clip.label == label for label in labels] for clip in train], float)
    gamma = 0.1 * np.square(phi).sum() / 64
    W = np.linalg.solve(phi.T @ phi + gamma * np.eye(64), phi.T @ Y)
    for method in methods:
        columns = [method.classifier.labels.index(label) for label in labels]
        assert np.abs(method.classifier.W[:, columns] - W).max() < 1e-8


def test_gamma_is_chosen_on_session_1_and_kept_if_the_settings_say_so(clips):
    method = FrozenAnalytic(task_of(), PaceSettings(M=64, gamma_by="held_out"))
    sessions = sessions_in(clips)
    method.learn(sessions[0])
    chosen = method.details["gamma_relative"]
    assert chosen in PaceSettings().gamma_grid
    method.learn(sessions[1])
    assert method.details == {"gamma_relative": chosen}


def test_it_keeps_the_statistics_and_nothing_of_the_clips(clips):
    method = FrozenAnalytic(task_of())
    learn_and_test(method, sessions_in(clips))
    assert method.cost().trainable_parameters == 0
    assert method.cost().stored_bytes == 8 * (64 * 64 + 64 * 6 + 6) + 24 * 64


def test_what_it_knows_of_recordings_it_keeps_through_sessions_without(clips):
    method, (first, *others) = FrozenAnalytic(task_of()), sessions_in(clips)
    together = tuple(replace(clip, group=str(int(clip.group) // 2)) for clip in first.train)
    for session in (replace(first, train=together), *others):
        method.learn(session)
    assert method.cost().stored_bytes == 8 * (2 * 64 * 64 + 64 * 6 + 6) + 24 * 64
