"""The whole method on a small scale: stages in their order, statistics taken once, the same seed the same run."""

import numpy as np
import pytest
import torch

from pace_edge.adapt.cka import linear_cka
from pace_edge.adapt.first_session import drift, pooled_blocks, probe
from pace_edge.adapt.lora import attach, merge
from pace_edge.adapt.pace import Pace
from pace_edge.adapt.sessions import plan_sessions
from pace_edge.adapt.subspace import InputCovariance, leading_subspace
from tests.adapt.small import inputs_of, load_pcm, settings, small_encoder, stage_of, write_clips


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips"), classes=6, per_class=6)


def run(clips, order_seed=0, **changes):
    pace = Pace(small_encoder(), settings(**changes), 0.5)
    for session in plan_sessions(clips, classes_per_session=2, test_fold=1, order_seed=order_seed):
        pace.learn_session(session)
    return pace


def test_sessions_adapt_until_the_stop_rule_ends_it(clips):
    pace = run(clips, n_stop=8, frozen_blocks=1)  # 8 training clips a session
    assert [report.adapted for report in pace.reports] == [True, True, False]
    assert len(pace.adapters) == 2
    assert {block for adapter in pace.adapters for block in adapter.blocks} == {1, 2}
    assert pace.reports[1].energy.keys() == {f"blocks.{i}.attention.{p}" for i in (1, 2) for p in "kv"}
    assert all(0.99 < share <= 1 for share in pace.reports[1].energy.values())
    assert len(pace.classifier.labels) == 6


def test_without_adaptation_it_is_ridge_regression_in_any_order_gamma_too(clips):
    a, b = (run(clips, order_seed=seed, last_adapted_session=0) for seed in (0, 1))
    assert a.gamma_relative == b.gamma_relative
    columns = [b.classifier.labels.index(label) for label in a.classifier.labels]
    assert np.abs(a.classifier.W - b.classifier.W[:, columns]).max() < 1e-8
    assert a.adapters == []


def test_gamma_grows_with_the_statistics_or_stays_that_of_session_1(clips):
    follows, stays = (
        run(clips, last_adapted_session=0, gamma_by="held_out", gamma_grid=(0.1,), gamma_follows=f)
        for f in (True, False)
    )
    assert follows.classifier.gamma == pytest.approx(0.1 * np.trace(follows.classifier.G) / 64)
    assert stays.classifier.gamma < follows.classifier.gamma / 2  # session 1 has a third of the clips


def test_the_same_seed_gives_the_same_run(clips):
    a, b = (run(clips, frozen_blocks=1, seed=4) for _ in range(2))
    assert [r.losses for r in a.reports] == [r.losses for r in b.reports]
    assert np.abs(a.classifier.W - b.classifier.W).max() < 1e-9


def test_the_probe_leaves_the_backbone_as_it_was_and_says_how_far_each_block_drifts(clips):
    encoder, s = small_encoder(), settings(rate=0.1, epochs=4)
    before = encoder.state_dict()
    similarities = probe(stage_of(inputs_of(encoder, clips), s))
    assert len(similarities) == 3
    assert all(0 <= s <= 1 + 1e-9 for s in similarities)
    assert min(similarities) < 0.9999
    after = encoder.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_drift_is_the_cka_of_each_blocks_pooled_output(clips):
    encoder = small_encoder()
    stage = stage_of(inputs_of(encoder, clips, batch=7), settings())
    adapter = attach(encoder, [1, 2], settings().lora, generator=stage.generator())
    with torch.no_grad():
        for layer in adapter.layers.values():
            layer.B.normal_(generator=stage.generator())
        x = encoder.stem(load_pcm(clips))
        after = pooled_blocks(encoder, x)
        with adapter.switched_off():
            before = pooled_blocks(encoder, x)
    expected = [linear_cka(a, b) for a, b in zip(before, after, strict=True)]
    assert expected[0] == pytest.approx(1.0)
    assert expected[2] < 0.99
    assert drift(stage, adapter) == pytest.approx(expected, abs=1e-6)


def test_the_subspace_is_seen_through_the_backbone_minus_the_earlier_adapters(clips):
    pace = run(clips, frozen_blocks=1, last_adapted_session=1)
    (earlier,) = pace.adapters
    with torch.no_grad():
        for layer in earlier.layers.values():
            layer.B.normal_(generator=torch.Generator().manual_seed(1))  # a change that cannot be overlooked
        mel = pace.backbone.spectrogram(load_pcm(clips))
        with earlier.subtracted():
            unlearned = merge(pace.backbone)
    keys = {f"blocks.{i}.attention.k": unlearned.blocks[i].attention.k for i in (1, 2)}
    with torch.no_grad(), InputCovariance(keys) as covariance:
        unlearned.from_block(0, unlearned.stem_from(mel))
    inputs = inputs_of(pace.backbone, clips, first=1)
    later = attach(pace.backbone, [1, 2], pace.settings.lora, generator=torch.Generator().manual_seed(2))
    found = pace._subspaces(later, [earlier], inputs, pace.reports[0])
    for name, C in covariance.sums.items():
        expected, got = leading_subspace(C, pace.settings.rho_svd).U, found[later.layers[name].A]
        assert torch.allclose(got @ got.T, expected @ expected.T, atol=1e-4), name


def test_after_a_run_nothing_is_left_to_train(clips):
    pace = run(clips, frozen_blocks=1)
    assert pace.adapters
    assert not any(parameter.requires_grad for parameter in pace.backbone.parameters())


def test_when_no_block_drifts_the_pretrained_backbone_is_kept(clips):
    pace = run(clips, rate=1e-7, rho_layer=0.5)
    assert pace.n_frozen == 3
    assert pace.adapters == []
    assert not any(report.adapted for report in pace.reports)


def test_classes_that_the_pretrained_backbone_tells_apart_are_left_to_the_classifier(clips):
    apart, error = run(clips, frozen_blocks=1, adapt_from=0.9), run(clips, frozen_blocks=1, adapt_from=1e-6)
    assert 1e-6 < apart.frozen_error == error.frozen_error < 0.9
    assert not any(report.adapted for report in apart.reports)
    assert [report.adapted for report in error.reports] == [True, True, True]


@pytest.mark.parametrize("directions", ["null_space", "all"])
def test_the_other_choices_of_directions_run(clips, directions):
    pace = run(clips, frozen_blocks=2, directions=directions, regulariser_weight=0.0, last_adapted_session=2)
    assert [report.adapted for report in pace.reports] == [True, True, False]
    assert bool(pace.reports[1].energy) == (directions == "null_space")


def test_tones_are_told_apart(clips):
    assert run(clips, last_adapted_session=0).reports[-1].accuracy == 1.0
