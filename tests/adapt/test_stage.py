"""A stage trains what it should and nothing else, and the cached prefix changes no result."""

import pytest
import torch

from pace_edge.adapt.boundary import masked_views
from pace_edge.adapt.lora import attach
from pace_edge.adapt.sessions import load_pcm
from pace_edge.adapt.stage import Views, embed_all, run_prefix, train_adapter, warm_up_head
from pace_edge.adapt.subspace import leading_subspace
from tests.adapt.small import settings, small_encoder, write_clips
from tests.synthetic import RATE_HZ


@pytest.fixture
def mel_and_y(tmp_path):
    clips = write_clips(tmp_path, classes=3, per_class=6)
    pcm = load_pcm(clips, rate_hz=RATE_HZ, seconds=0.5)
    labels = sorted({clip.label for clip in clips})
    return small_encoder().spectrogram(pcm), torch.tensor([labels.index(clip.label) for clip in clips])


def seeded():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("first", [0, 1, 2])
def test_embeddings_from_the_cached_prefix_are_those_of_the_whole(mel_and_y, first):
    mel, _ = mel_and_y
    encoder = small_encoder(pooled=(0, 2))
    cached = embed_all(encoder, run_prefix(encoder, mel, first, 5), 7)
    whole = encoder.from_block(0, encoder.stem_from(mel))
    assert torch.allclose(cached, whole, atol=1e-5)


def test_training_through_the_cache_equals_training_without_it(mel_and_y):
    mel, y = mel_and_y

    def losses(first):
        encoder = small_encoder()
        clips = run_prefix(encoder, mel, first, 8)
        head = warm_up_head(embed_all(encoder, clips, 8), y, settings(), seeded())
        adapter = attach(encoder, [2], settings().lora, generator=seeded())
        return train_adapter(encoder, adapter, clips, y, head, settings(epochs=3), seeded())

    assert losses(0) == pytest.approx(losses(2), rel=1e-4)


def test_the_loss_falls_and_only_the_adapter_changes(mel_and_y):
    mel, y = mel_and_y
    encoder = small_encoder()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    clips = run_prefix(encoder, mel, 0, 8)
    s = settings(epochs=12, rate=0.05, head_epochs=3)
    head = warm_up_head(embed_all(encoder, clips, 8), y, s, seeded())
    frozen_head = head.weight.clone()
    adapter = attach(encoder, [0, 1, 2], s.lora, generator=seeded())
    losses = train_adapter(encoder, adapter, clips, y, head, s, seeded())
    assert losses[-1] < 0.9 * losses[0]
    assert torch.equal(head.weight, frozen_head)
    adapter.detach()
    assert all(torch.equal(encoder.state_dict()[name], value) for name, value in before.items())


def test_projected_training_leaves_nothing_outside_the_subspace(mel_and_y):
    mel, y = mel_and_y
    encoder = small_encoder()
    clips = run_prefix(encoder, mel, 0, 8)
    head = warm_up_head(embed_all(encoder, clips, 8), y, settings(), seeded())
    adapter = attach(encoder, [1, 2], settings().lora, generator=seeded())
    U = leading_subspace(torch.diag(torch.arange(24.0) ** 3), 0.9).U
    assert 0 < U.shape[1] < 24
    subspaces = {layer.A: U for layer in adapter.layers.values()}
    train_adapter(encoder, adapter, clips, y, head, settings(), seeded(), subspaces=subspaces)
    for layer in adapter.layers.values():
        change = layer.delta()
        assert change.norm() > 0
        assert (change - change @ U @ U.T).norm() < 1e-6 * change.norm()


def test_the_regulariser_enters_after_the_first_epoch_and_changes_the_result(mel_and_y):
    mel, y = mel_and_y
    told = []

    def train(weight):
        encoder, s = small_encoder(), settings(epochs=3, rho_p=0.01, regulariser_weight=weight)
        clips = run_prefix(encoder, mel, 1, 8)
        head = warm_up_head(embed_all(encoder, clips, 8), y, s, seeded())
        masked = masked_views(mel, s.views, 0.5, generator=seeded()).flatten(0, 1)
        views = Views(run_prefix(encoder, masked, 1, 8), s.views) if weight else None
        adapter = attach(encoder, [1, 2], s.lora, generator=seeded())
        return train_adapter(
            encoder, adapter, clips, y, head, s, seeded(), views=views, say=lambda *words: told.append(words)
        )

    plain, regularised = train(0.0), train(1.0)
    assert regularised[0] == pytest.approx(plain[0])
    assert regularised[1] > plain[1] + 0.01
    assert told[0][:3] == ("adapt", 1, 3)
