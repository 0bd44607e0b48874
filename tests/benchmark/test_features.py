"""Embeddings of the pretrained backbone are computed once, and never taken for another backbone's or other audio's."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pace_edge.adapt.backbone import backbone_sha256
from pace_edge.adapt.data import Clip
from pace_edge.benchmark import features as module
from pace_edge.benchmark.features import Features, identity_of
from pace_edge.benchmark.manifests import sha256_of
from pace_edge.errors import AudioError, PaceEdgeError
from tests.adapt.small import load_pcm, small_encoder, write_clips
from tests.benchmark.small import cpu


@pytest.fixture
def clips(tmp_path):
    return write_clips(tmp_path, classes=2, per_class=3)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(module, "PART", 4)  # so that six clips are two parts


class Counted(type(small_encoder())):
    """Counts the clips that went through it."""

    seen = 0

    def stem_from(self, mel):
        Counted.seen += len(mel)
        return super().stem_from(mel)


@pytest.fixture
def counted():
    Counted.seen = 0
    encoder = small_encoder()
    encoder.__class__ = Counted
    return encoder


def features(encoder, clips, folder, seconds=0.5):
    sums = [sha256_of(clip.path) for clip in clips]
    return Features(encoder, identity_of(encoder, backbone_sha256(encoder)), clips, sums, seconds, folder / "kept")


def test_they_are_what_the_backbone_says_whatever_clips_are_asked_for(tmp_path, clips):
    embed = features(small_encoder(), clips, tmp_path).embed(cpu())
    with torch.no_grad():
        expected = small_encoder()(load_pcm(clips)).numpy()
    assert np.allclose(embed([clips[5], clips[0], clips[5]]), expected[[5, 0, 5]], atol=1e-6)
    assert embed(clips).dtype == np.float32
    assert embed.asked_for == 9
    assert embed.seconds_per_clip > 0
    assert embed([]).shape == (0, 24)


def test_they_are_computed_once(tmp_path, clips, counted):
    features(counted, clips, tmp_path).fill(cpu())
    assert counted.seen == 6
    embed = features(counted, clips, tmp_path).embed(cpu())
    features(counted, clips, tmp_path).fill(cpu())
    assert counted.seen == 6
    embed(clips)


def test_labels_folds_and_names_do_not_matter_but_content_does(tmp_path, clips, counted):
    features(counted, clips, tmp_path).fill(cpu())
    renamed = [replace(clip, label="x", fold=7, group="") for clip in clips]
    features(counted, renamed, tmp_path).fill(cpu())
    assert counted.seen == 6
    clips[5].path.write_bytes(clips[0].path.read_bytes())
    features(counted, clips, tmp_path).fill(cpu())
    assert counted.seen == 8  # the part that the clip is in


def test_other_weights_blocks_or_lengths_never_find_them(tmp_path, clips):
    kept = features(small_encoder(), clips, tmp_path)
    kept.fill(cpu())
    other = small_encoder()
    with torch.no_grad():
        next(iter(other.blocks.parameters())).add_(0.1)
    for one in (
        features(other, clips, tmp_path), features(small_encoder(pooled=(0,)), clips, tmp_path),
        features(small_encoder(), clips, tmp_path, seconds=0.4),
    ):  # fmt: skip
        files = len(list((tmp_path / "kept").iterdir()))
        one.fill(cpu())
        assert len(list((tmp_path / "kept").iterdir())) == files + 2


def test_a_damaged_file_is_computed_again(tmp_path, clips, counted):
    features(counted, clips, tmp_path).fill(cpu())
    for path in (tmp_path / "kept").iterdir():
        path.write_bytes(path.read_bytes()[:50])
        break
    assert np.isfinite(features(counted, clips, tmp_path).embed(cpu())(clips)).all()
    assert counted.seen in (8, 10)  # the one or the other part


def test_an_interruption_keeps_the_parts_that_are_whole(tmp_path, clips, counted):
    whole = clips[5].path.read_bytes()
    broken = features(counted, clips, tmp_path)
    clips[5].path.write_bytes(b"no sound")
    with pytest.raises(AudioError, match=r"1-2\.wav"):
        broken.fill(cpu())
    assert counted.seen == 4
    clips[5].path.write_bytes(whole)
    features(counted, clips, tmp_path).fill(cpu())
    assert counted.seen == 6


def test_a_clip_of_no_set_is_an_error(tmp_path, clips):
    embed = features(small_encoder(), clips, tmp_path).embed(cpu())
    with pytest.raises(PaceEdgeError, match="no embedding of masked is kept: expected a clip of the set"):
        embed([Clip(type(tmp_path)("masked"), "", 0, "")])


def test_an_embedding_that_is_not_finite_names_its_clip(tmp_path, clips):
    encoder = small_encoder()
    with torch.no_grad():
        encoder.positions.fill_(float("nan"))
    with pytest.raises(PaceEdgeError, match=r"the embedding of .*0-0\.wav is not finite"):
        features(encoder, clips, tmp_path).fill(cpu())


def test_a_cache_that_cannot_be_written_says_so(tmp_path, clips):
    (tmp_path / "kept").write_text("a file, where the folder should be")
    with pytest.raises(PaceEdgeError, match=r"cannot be kept in .*kept.*another --cache"):
        features(small_encoder(), clips, tmp_path).fill(cpu())
