"""Clips left out say which read-out to take: exactly as classifiers that never learned them would."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.benchmark.learning import learn_and_test
from pace_edge.benchmark.methods.discriminant import discriminant_scores
from pace_edge.benchmark.methods.left_out import LeftOut
from pace_edge.benchmark.methods.pace import PaceMethod, PaceReadOutChosen
from tests.adapt.small import write_clips
from tests.benchmark.methods.test_discriminant import learned
from tests.benchmark.small import sessions_in, task_of


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=2, max_size=4), st.floats(1e-2, 10), st.integers(0, 99))
def test_what_is_left_out_is_called_as_by_a_classifier_that_never_learned_it(sizes, gamma, seed):
    rng, columns = np.random.default_rng(seed), np.repeat(range(len(sizes)), sizes)
    phi = rng.standard_normal((len(columns), 6)) + 0.3 * columns[:, None]
    found, expected = LeftOut(), LeftOut()
    found.add(learned(phi, columns, gamma), phi, columns)
    for i in np.flatnonzero(np.array(sizes)[columns] > 1):
        others = np.arange(len(columns)) != i
        without = learned(phi[others], columns[others], gamma)
        c = without.labels.index(str(columns[i]))
        plain = without.plain_scores(phi[i : i + 1]).argmax() == c
        discriminant = discriminant_scores(without, phi[i : i + 1]).argmax() == c
        expected.plain_alone += bool(plain and not discriminant)
        expected.discriminant_alone += bool(discriminant and not plain)
    assert found == expected


def test_the_discriminant_must_be_ahead():
    assert LeftOut(plain_alone=3, discriminant_alone=4).prefers_discriminant()
    assert not LeftOut(plain_alone=3, discriminant_alone=3).prefers_discriminant()
    assert not LeftOut(plain_alone=4, discriminant_alone=3).prefers_discriminant()


def task_at(clips, points):
    """A task whose clips' embeddings [24] lie about their classes' points."""
    rng, labels = np.random.default_rng(0), sorted({clip.label for clip in clips})
    at = {clip.path: points[labels.index(clip.label)] + 0.02 * rng.standard_normal(24) for clip in clips}
    at = {path: (z / np.linalg.norm(z)).astype(np.float32) for path, z in at.items()}
    return replace(task_of(), embed=lambda asked: np.stack([at[clip.path] for clip in asked]), classes=6, M=16)


def kept_frozen(task):
    return {"adapt_from": 1e9}


def test_the_read_out_is_the_discriminant_where_classes_mask_each_other_and_else_the_plain_one(tmp_path):
    clips, angles = write_clips(tmp_path, classes=6, per_class=10), 0.2 * np.arange(6)[:, None]
    arc = np.cos(angles) * np.eye(24)[0] + np.sin(angles) * np.eye(24)[1]
    for points, masked in ((arc, True), (np.eye(24)[:6], False)):
        task = task_at(clips, points)
        chosen, plain, discriminant = (
            PaceReadOutChosen(task, kept_frozen), PaceMethod(task, kept_frozen),
            PaceMethod(task, kept_frozen, discriminant_scores),
        )  # fmt: skip
        last = [learn_and_test(one, sessions_in(clips)).accuracies[-1] for one in (chosen, plain, discriminant)]
        assert (chosen._read is discriminant_scores) == masked
        assert last[0] == last[2] == 1.0 and (last[1] < 0.6) == masked
