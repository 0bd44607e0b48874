"""The log-mel is Kaldi's, Whisper's and YAMNet's, to the accuracy that float32 has."""

import importlib.util
import sys
import types

import numpy as np
import pytest
import torch

from pace_edge.adapt.frontend import GE2E_40, KALDI_128, WHISPER_80, YAMNET_64, LogMel, LogMelConfig, mel_filters


@pytest.fixture(scope="module")
def kaldi():
    """torchaudio's Kaldi module without torchaudio's compiled extension, which does not load beside a CPU torch."""
    spec = importlib.util.find_spec("torchaudio")
    if spec is None:
        pytest.skip("torchaudio is not installed: pip install .[train]")
    before = sys.modules.get("torchaudio")
    package = types.ModuleType("torchaudio")
    package.__path__, package.__spec__ = list(spec.submodule_search_locations), spec
    sys.modules["torchaudio"] = package
    try:
        yield importlib.import_module("torchaudio.compliance.kaldi")
    finally:
        sys.modules.pop("torchaudio", None)
        if before is not None:
            sys.modules["torchaudio"] = before


def signals():
    rng, t = np.random.default_rng(0), np.arange(32000) / 16000
    # with noise, as all real sound is: in the leakage far below a pure tone both sides are only rounding
    chirp = 0.4 * np.sin(2 * np.pi * (200 + 1500 * t) * t) + 0.01 * rng.standard_normal(32000)
    yield "noise", 0.1 * rng.standard_normal(32000)
    yield "chirp with an offset", chirp + 0.3
    yield "quiet chirp", 1e-3 * chirp
    yield "16-bit scale", 32768 * chirp
    yield "silence", np.zeros(32000)


@pytest.mark.parametrize("window", ["hann", "povey"])
@pytest.mark.parametrize(("name", "signal"), list(signals()))
def test_it_is_torchaudios_kaldi_fbank(kaldi, window, name, signal):
    pcm = torch.from_numpy(signal.astype(np.float32))[None]
    config = LogMelConfig(**{**vars(KALDI_128), "window": window})
    ours = LogMel(config)(pcm)[0]
    theirs = kaldi.fbank(
        pcm, num_mel_bins=128, window_type={"hann": "hanning"}.get(window, window), dither=0.0, use_energy=False,
        htk_compat=True, sample_frequency=16000,
    )  # fmt: skip
    assert ours.shape == theirs.shape == (198, 128)
    # 60 dB below a frame's peak and deeper both sides are float32 rounding; torchaudio is 1e-3 from float64 above it
    heard = theirs > theirs.amax(1, keepdim=True) - 6 * np.log(10)
    assert (ours - theirs)[heard].abs().max() < 5e-3
    assert (ours - theirs).abs().mean() < 1e-4


def reference(pcm, *, n_fft, periodic, centred, magnitude, filters, padding="reflect"):
    """Mel energies by NumPy's FFT, frame by frame, float64 [frames, mels]."""
    if centred:
        pcm = np.pad(pcm, n_fft // 2, mode=padding)
    window = np.hanning(401)[:400] if periodic else np.hanning(400)
    starts = range(0, len(pcm) - 399, 160)
    spectra = np.abs(np.fft.rfft([pcm[s : s + 400] * window for s in starts], n_fft))
    return (spectra if magnitude else spectra**2) @ filters.T


def test_it_is_the_voice_encoders_mel_without_a_logarithm():
    """As librosa makes it: zeros beyond the ends, one frame more at the end, which is left out here."""
    pcm = 0.1 * np.random.default_rng(2).standard_normal(16000)
    expected = reference(
        pcm, n_fft=400, periodic=True, centred=True, magnitude=False, filters=mel_filters(GE2E_40), padding="constant"
    )
    ours = LogMel(GE2E_40)(torch.from_numpy(pcm.astype(np.float32))[None])[0].numpy()
    assert ours.shape == (100, 40)
    assert np.abs(ours - expected[:100]).max() < 1e-5 * expected.max()


def test_it_is_whispers_log_mel():
    pcm = 0.1 * np.random.default_rng(1).standard_normal(16000)
    pcm[:4000] = 0  # so that the floor below the peak matters
    energy = reference(pcm, n_fft=400, periodic=True, centred=True, magnitude=False, filters=mel_filters(WHISPER_80))
    expected = np.log10(np.maximum(energy[:-1], 1e-10))
    expected = (np.maximum(expected, expected.max() - 8) + 4) / 4
    ours = LogMel(WHISPER_80)(torch.from_numpy(pcm.astype(np.float32))[None])[0].numpy()
    assert ours.shape == (100, 80)
    assert np.abs(ours - expected).max() < 1e-4


def test_it_is_yamnets_log_mel():
    pcm = 0.1 * np.random.default_rng(2).standard_normal(15600)
    filters = mel_filters(YAMNET_64)
    energy = reference(pcm, n_fft=512, periodic=True, centred=False, magnitude=True, filters=filters)
    ours = LogMel(YAMNET_64)(torch.from_numpy(pcm.astype(np.float32))[None])[0].numpy()
    assert ours.shape == (96, 64)
    assert np.abs(ours - np.log(energy + 1e-3)).max() < 1e-4


def test_slaney_filters_have_equal_area_and_meet_at_their_edges():
    filters = mel_filters(LogMelConfig(n_fft=16384, n_mels=40, low_hz=0.0, mel="slaney"))
    area = filters.sum(1) * 16000 / 16384
    assert np.abs(area - 1.0).max() < 1e-2


def test_htk_filters_add_up_to_one_between_the_outer_centres():
    filters = mel_filters(LogMelConfig(n_fft=16384, n_mels=40))
    inside = filters.sum(0)[(filters.argmax(1)[0] + 1) : filters.argmax(1)[-1]]
    assert np.abs(inside - 1.0).max() < 1e-6


def test_silence_is_finite_in_every_form():
    for config in (KALDI_128, WHISPER_80, YAMNET_64):
        assert LogMel(config)(torch.zeros(1, 16000)).isfinite().all()
