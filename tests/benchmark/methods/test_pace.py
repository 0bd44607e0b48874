"""PACE in the benchmark is PACE: the same calls as a run of `adapt`, no look at test clips, its cost counted."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pace_edge.adapt.backbone import backbone_sha256
from pace_edge.adapt.pace import Pace
from pace_edge.adapt.settings import PaceSettings
from pace_edge.benchmark.learning import learn_and_test
from pace_edge.benchmark.methods import METHODS
from pace_edge.benchmark.methods.frozen import FrozenAnalytic
from pace_edge.benchmark.methods.pace import PACE, PaceMethod
from tests.adapt.small import small_encoder, write_clips
from tests.benchmark.small import sessions_in, task_of


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips"), classes=4, per_class=6)


def method_of(task=None, **changes):
    return PaceMethod(task or task_of(), lambda task: {"rate": 0.01, "batch": 8, "adapt_from": 0.0, **changes})


def test_it_calls_what_a_run_of_adapt_calls_though_it_never_sees_the_test_clips(clips):
    changes = {"last_adapted_session": None, "regulariser_weight": 0.0, "frozen_blocks": 1}
    learned = learn_and_test(method_of(**changes), sessions_in(clips))
    settings = PaceSettings(epochs=2, M=64, rate=0.01, batch=8, adapt_from=0.0, **changes)
    pace = Pace(small_encoder(), settings, 0.5)
    for session in sessions_in(clips):
        pace.learn_session(session)
    assert all(report.adapted for report in pace.reports)
    assert learned.accuracies == [report.accuracy for report in pace.reports]
    assert learned.matrix == [report.per_session for report in pace.reports]


def test_where_it_does_not_adapt_it_is_the_frozen_classifier(clips):
    called = []
    for method in (method_of(last_adapted_session=0), FrozenAnalytic(task_of())):
        learn_and_test(method, sessions_in(clips))
        called.append(method.call(clips))
    assert called[0] == called[1]


def test_as_long_as_nothing_is_adapted_each_clip_is_taken_from_the_cache_once(clips, monkeypatch):
    task, asked = task_of(), []
    embed = task.embed
    task = replace(task, embed=lambda some: asked.extend(some) or embed(some))
    method = method_of(task, last_adapted_session=1, adapt_from=9.0)  # it asks, and finds nothing to adapt
    with monkeypatch.context() as closed:
        closed.setattr(method.pace, "_inputs", lambda *_: pytest.fail("embedded again"))
        learn_and_test(method, sessions_in(clips))
    assert len(asked) == len({clip.path for clip in asked}) == len(clips)


def test_once_adapted_it_never_asks_the_cache(clips):
    task = replace(task_of(), embed=lambda some: pytest.fail("asked"))
    method = method_of(task, last_adapted_session=1, frozen_blocks=0, regulariser_weight=0.0)
    learn_and_test(method, sessions_in(clips))
    assert method.details["adapted_sessions"] == 1


def test_the_tasks_backbone_stays_as_it_was(clips):
    task = task_of()
    before = backbone_sha256(task.backbone)
    learn_and_test(method_of(task), sessions_in(clips))
    assert backbone_sha256(task.backbone) == before


def test_its_cost_is_the_adapters_and_the_statistics(clips):
    statistics = 8 * (64 * 64 + 64 * 4 + 4) + 24 * 64
    adapter = 2 * 2 * 10 * (24 + 24)  # k and v of the two blocks after the frozen one, rank 10
    common = {"frozen_blocks": 1, "regulariser_weight": 0.0}
    together = method_of(**common, staged=False, last_adapted_session=1)
    learn_and_test(together, sessions_in(clips))
    assert together.cost().trainable_parameters == adapter + 25 * 2
    assert together.cost().stored_bytes == statistics + 4 * adapter
    one_by_one = method_of(**common, last_adapted_session=None)
    learn_and_test(one_by_one, sessions_in(clips))
    assert one_by_one.cost().trainable_parameters == adapter
    assert one_by_one.cost().stored_bytes == statistics + 2 * 4 * adapter
    frozen = method_of(last_adapted_session=0)
    learn_and_test(frozen, sessions_in(clips))
    assert (frozen.cost().trainable_parameters, frozen.cost().stored_bytes) == (0, statistics)
    probed = method_of(regulariser_weight=0.0, last_adapted_session=1)
    learn_and_test(probed, sessions_in(clips))
    assert probed.cost().trainable_parameters == 3 * adapter // 2 + 25 * 2  # the probe's, in all blocks


def test_details_say_what_was_adapted(clips):
    method = method_of(last_adapted_session=1)
    learn_and_test(method, sessions_in(clips))
    details = method.details
    assert len(details["cka"]) == 3
    assert details["rho_layer"] == 0.94
    assert details["n_frozen"] == method.pace.n_frozen
    assert details["adapted_sessions"] == (1 if details["n_frozen"] < 3 else 0)


@pytest.mark.parametrize("fine", [True, False])
def test_each_ablation_differs_from_the_published_method_in_what_its_name_says(fine):
    published = METHODS["PACE, as published"].make(task_of(fine=fine)).pace.settings
    assert (published.adapt_from, published.gamma_by) == (0.0, "held_out")
    assert published.last_adapted_session == (None if fine else 1)
    differences = {
        "PACE, no projection": {"directions"}, "PACE, null space": {"directions"},
        "PACE, no L_reg": {"regulariser_weight"}, "PACE, no MSA": {"last_adapted_session"} if fine else set(),
    }  # fmt: skip
    for name, expected in differences.items():
        settings = METHODS[name].make(task_of(fine=fine)).pace.settings
        assert {key for key, value in vars(settings).items() if value != getattr(published, key)} == expected


def test_the_ladder_takes_one_step_at_a_time():
    ladder = [
        "PACE, FSA naive",
        "PACE, FSA low head rate",
        "PACE, FSA staged",
        "PACE, FSA later blocks",
        "PACE, no MSA",
    ]
    steps = [{"head_rate"}, {"staged"}, {"frozen_blocks"}, {"regulariser_weight"}]
    rungs = [vars(METHODS[name].make(task_of()).pace.settings) for name in ladder]
    for one, next_one, step in zip(rungs[:-1], rungs[1:], steps, strict=True):
        assert {key for key in one if one[key] != next_one[key]} == step


def test_pace_has_the_defaults_and_the_tasks_seed_width_and_epochs():
    settings = METHODS["PACE"].make(task_of(seed=3, M=32, epochs=5)).pace.settings
    assert settings == PaceSettings(seed=3, M=32, epochs=5)
    assert all(entry.together for entry in PACE.values())


def test_a_clip_seen_through_another_backbone_is_embedded_again(clips):
    method = method_of(last_adapted_session=None, frozen_blocks=0, regulariser_weight=0.0, rate=0.5)
    first, second = sessions_in(clips)
    method.learn(first)
    method.call(first.test)
    before = method._embed(first.test)
    method.learn(second)
    method.call(first.test)
    after = method._embed(first.test)
    assert not np.allclose(before, after, atol=1e-4)
    with torch.no_grad():
        assert np.allclose(after, method.pace.embed(first.test).numpy(), atol=1e-6)
