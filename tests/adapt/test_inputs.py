"""What the first adapted block reads is the same kept in memory, kept on disk, or computed anew."""

import pytest
import torch

from pace_edge.adapt.boundary import masked_views
from pace_edge.adapt.inputs import every_view
from pace_edge.adapt.processes import Processes
from tests.adapt.small import DISK, NOTHING, ROOMY, inputs_of, load_pcm, small_encoder, write_clips


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips"), classes=3, per_class=6)


@pytest.fixture(scope="module")
def mel(clips):
    return small_encoder().spectrogram(load_pcm(clips))


@pytest.mark.parametrize("room", [ROOMY, DISK, NOTHING])
@pytest.mark.parametrize("first", [0, 1, 2])
def test_embeddings_from_the_frozen_prefix_are_those_of_the_whole(clips, mel, first, room):
    encoder = small_encoder(pooled=(0, 2))
    got = inputs_of(encoder, clips, first=first, room=room, batch=5).embed_all()
    assert torch.allclose(got, encoder.from_block(0, encoder.stem_from(mel)), atol=1e-5)


@pytest.mark.parametrize("room", [ROOMY, DISK, NOTHING])
def test_views_from_the_frozen_prefix_are_those_of_the_whole(clips, mel, room):
    encoder = small_encoder(pooled=(0, 2))
    inputs = inputs_of(encoder, clips, first=1, views=4, room=room)
    group, pairs = torch.tensor([7, 2, 11]), torch.tensor([[0, 3], [2, 0], [2, 1]])
    ((of_clips, of_views),) = inputs.read_views([group], [pairs])
    views = masked_views(mel, inputs.masks.drawn)
    chosen = views[group[pairs[:, 0]], pairs[:, 1]]
    assert torch.allclose(inputs.embed(of_clips), encoder.from_block(0, encoder.stem_from(mel[group])), atol=1e-5)
    assert torch.allclose(inputs.embed(of_views), encoder.from_block(0, encoder.stem_from(chosen)), atol=1e-5)


def test_what_is_kept_and_where_is_said(clips):
    encoder = small_encoder()
    row = 25 * 24 * 4  # tokens, width, bytes
    rooms = {
        (1 << 30, 0): {"clips": "memory", "views": "memory"},
        (18 * row, 1 << 30): {"clips": "memory", "views": "disk"},
        (0, 1 << 30): {"clips": "disk", "views": "disk"},
        (18 * row, 0): {"clips": "memory"},
        (17 * row, 0): {},
    }
    for room, stored in rooms.items():
        assert inputs_of(encoder, clips, first=1, views=4, room=room).stored == stored


def test_kept_clips_are_not_read_again(clips, monkeypatch):
    inputs = inputs_of(small_encoder(), clips, first=1, views=2)
    monkeypatch.setattr("pace_edge.adapt.inputs.batches", None)
    inputs.embed_all()
    list(inputs.read_views([torch.tensor([1])], [torch.tensor([[0, 1]])]))


def test_a_process_holds_its_own_clips_only(clips):
    encoder, whole = small_encoder(), inputs_of(small_encoder(), clips, first=1)
    mine = inputs_of(encoder, clips, first=1, views=2, processes=Processes(rank=1, world=4))
    assert mine.own.tolist() == [1, 5, 9, 13, 17]
    assert len(mine._clips[0][torch.arange(5)]) == 5
    group = torch.tensor([13, 5])
    (a,), (b,) = mine.read([group]), whole.read([group])
    assert torch.allclose(a.x, b.x, atol=1e-6)


def test_every_pair_of_place_and_view_comes_once():
    assert every_view(2, 3).tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
