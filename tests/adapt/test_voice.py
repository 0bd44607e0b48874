"""The voice encoder computes what its paper says, at any level, and reads its published weights and no others."""

from pathlib import Path

import pytest
import torch

from pace_edge.adapt.voice import LEVEL_DBFS, VoiceEncoder, at_the_level, from_resemblyzer
from pace_edge.errors import PaceEdgeError


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return VoiceEncoder(12, embedding_size=16).eval().requires_grad_(False)


@pytest.fixture
def pcm():
    return 0.1 * torch.randn(2, 16000, generator=torch.Generator().manual_seed(1))


def test_it_is_three_lstms_whose_last_state_is_the_voice(encoder, pcm):
    x = encoder.mel(at_the_level(pcm))  # [batch, frames, mels]
    for layer in range(3):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        w_in, w_state, b_in, b_state = (getattr(encoder.lstm, f"{name}_l{layer}") for name in names)
        h = c = torch.zeros(2, 12)
        states = []
        for frame in x.unbind(1):
            i, f, g, o = (frame @ w_in.T + b_in + h @ w_state.T + b_state).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            states.append(h)
        x = torch.stack(states, 1)
    raw = (x[:, -1] @ encoder.linear.weight.T + encoder.linear.bias).relu()
    assert torch.allclose(encoder(pcm), raw / raw.norm(dim=1, keepdim=True), atol=1e-5)


def test_a_quiet_voice_does_not_change_with_its_distance_and_a_loud_one_stays_as_it_is(encoder, pcm):
    near, far = (encoder(gain * pcm) for gain in (0.01, 0.001))
    assert torch.allclose(near, far, atol=1e-5)
    assert torch.allclose(near.norm(dim=1), torch.ones(2), atol=1e-5)
    level = 20 * at_the_level(0.01 * pcm).square().mean(1).sqrt().log10()
    assert torch.allclose(level, torch.full((2,), LEVEL_DBFS), atol=1e-4)
    loud = pcm / pcm.abs().amax(1, keepdim=True)
    assert torch.equal(at_the_level(loud), loud)


def test_silence_is_no_voice_and_no_error(encoder):
    assert encoder(torch.zeros(1, 16000)).isfinite().all()
    assert at_the_level(torch.full((1, 16000), 1e-7)).abs().max() < 10 ** (LEVEL_DBFS / 20) / 50


def test_resemblyzers_file_is_read_and_another_is_refused(tmp_path):
    torch.manual_seed(1)
    theirs = VoiceEncoder().state_dict() | {"similarity_weight": torch.ones(1), "similarity_bias": torch.ones(1)}
    torch.save({"step": 7, "model_state": theirs, "optimizer_state": {}}, tmp_path / "pretrained.pt")
    ours = from_resemblyzer(tmp_path / "pretrained.pt").state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    torch.save({"model_state": VoiceEncoder(128).state_dict()}, tmp_path / "other.pt")
    with pytest.raises(PaceEdgeError, match="not of GE2E's shape"):
        from_resemblyzer(Path(tmp_path / "other.pt"))
