"""A checkpoint and the published backbone give the run's predictions; a wrong one says what is wrong."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from pace_edge.adapt.checkpoint import load_checkpoint, restore, run_identity, save_checkpoint
from pace_edge.adapt.fit import fit
from pace_edge.adapt.pace import Pace
from pace_edge.adapt.sessions import plan_sessions
from pace_edge.errors import PaceEdgeError
from tests.adapt.small import load_pcm, settings, small_encoder, write_clips


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    clips = write_clips(folder, classes=4)
    pace = Pace(small_encoder(), settings(frozen_blocks=1), 0.5)
    for session in plan_sessions(clips, classes_per_session=2, test_fold=1):
        pace.learn_session(session)
    assert len(pace.adapters) == 2
    save_checkpoint(pace, "small", folder / "checkpoint")
    return pace, clips, folder / "checkpoint"


def open_small(name):
    assert name == "small"
    return small_encoder()


def test_a_loaded_checkpoint_predicts_what_the_run_does(finished):
    pace, clips, folder = finished
    loaded = load_checkpoint(folder, open_small)
    pcm = load_pcm(clips)
    z, z_loaded = pace.backbone(pcm).detach().numpy(), loaded.backbone(pcm).detach().numpy()
    assert np.abs(z - z_loaded).max() < 1e-6
    assert np.abs(z - small_encoder()(pcm).detach().numpy()).max() > 1e-4
    assert np.abs(loaded.classifier.W - pace.classifier.W).max() < 1e-9
    assert np.array_equal(loaded.projection.steps, pace.projection.steps)
    assert loaded.settings == pace.settings
    assert loaded.accuracies == tuple(report.accuracy for report in pace.reports)
    assert not any(p.requires_grad for p in loaded.backbone.parameters())


def test_what_is_known_of_recordings_is_kept_and_a_run_goes_on_with_it(tmp_path):
    clips = [replace(clip, group=str(int(clip.group) // 2)) for clip in write_clips(tmp_path, classes=4)]
    sessions = plan_sessions(clips, classes_per_session=2, test_fold=1)

    def pace():
        return Pace(small_encoder(), settings(last_adapted_session=0, gamma_grid=(1e-4, 1e-2, 1.0)), 0.5)

    whole, before, after = pace(), pace(), pace()
    before.learn_session(sessions[0])
    identity = run_identity(before, sessions)
    save_checkpoint(before, "small", tmp_path / "checkpoint", identity=identity)
    restore(after, tmp_path / "checkpoint", sessions, identity=identity)
    assert after.within.repeats == before.within.repeats > 0
    assert torch.equal(after.within.scatter, before.within.scatter)
    for session in sessions:
        whole.learn_session(session)
    after.learn_session(sessions[1])
    assert after.within.repeats == whole.within.repeats
    assert (after.within.scatter - whole.within.scatter).abs().max() < 1e-12
    assert np.abs(after.classifier.W - whole.classifier.W).max() < 1e-9


def test_other_groups_are_another_run(finished):
    pace, clips, _ = finished
    others = [replace(clip, group=str(int(clip.group) // 2)) for clip in clips]
    plans = [plan_sessions(some, classes_per_session=2, test_fold=1) for some in (clips, others)]
    assert run_identity(pace, plans[0]) != run_identity(pace, plans[1])


def test_it_says_what_was_done(finished):
    pace, _, folder = finished
    content = json.loads((folder / "pace.json").read_text())
    assert content["labels"] == pace.classifier.labels
    assert [s["adapted"] for s in content["sessions"]] == [True, True]
    assert content["settings"]["rho_svd"] == 0.99


def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(PaceEdgeError, match=r"is no checkpoint.*pace-edge adapt"):
        load_checkpoint(tmp_path, open_small)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "classifier-02.npz").unlink(), "damaged"),
        (lambda f: (f / "classifier-02.npz").write_bytes(b"half"), "damaged"),
        (lambda f: (f / "pace.json").write_text('{"schema": 9}'), "expected schema 2, got schema 9"),
        (lambda f: (f / "pace.json").write_text('{"schema": 2}'), "damaged"),
        (lambda f: (f / "pace.json").write_text("[]"), "expected schema 2, got schema none"),
    ],
)
def test_a_damaged_checkpoint_is_refused(finished, tmp_path, change, message):
    import shutil

    folder = shutil.copytree(finished[2], tmp_path / "copy")
    change(folder)
    with pytest.raises(PaceEdgeError, match=message):
        load_checkpoint(folder, open_small)


def test_fewer_features_give_the_classifier_of_so_small_a_projection(tmp_path):
    clips = write_clips(tmp_path, classes=4)
    pace = Pace(small_encoder(), settings(last_adapted_session=0), 0.5)
    for session in plan_sessions(clips, classes_per_session=2, test_fold=1):
        pace.learn_session(session)
    save_checkpoint(pace, "small", tmp_path / "checkpoint")
    small = load_checkpoint(tmp_path / "checkpoint", open_small, features=40)
    train = [clip for clip in clips if clip.fold != 1]
    z = list(small_encoder()(load_pcm(train)).numpy()[:, None])
    relative = pace.classifier.gamma / np.trace(pace.classifier.G) * len(pace.classifier.G)
    anew = fit(z, [clip.label for clip in train], small.projection, gamma_relative=relative)
    columns = [anew.labels.index(label) for label in small.classifier.labels]
    assert small.projection.steps.shape == (24, 40)
    assert np.abs(small.classifier.W - anew.W[:, columns]).max() < 1e-4 * np.abs(anew.W).max()


def test_other_weights_than_those_adapted_are_refused(finished):
    other = small_encoder()
    with torch.no_grad():
        other.blocks[1].fc1.weight[0, 0] += 0.1
    with pytest.raises(PaceEdgeError, match="was made with other weights of small"):
        load_checkpoint(finished[2], lambda name: other)


def test_nothing_learned_cannot_be_saved(tmp_path):
    with pytest.raises(PaceEdgeError, match="nothing was learned"):
        save_checkpoint(Pace(small_encoder(), settings(), 0.5), "small", tmp_path)
