import math
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from pace_edge.audio import level_dbfs, read_audio, stream_audio
from pace_edge.errors import AudioError


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, shape).astype(np.float32)


@pytest.fixture
def save(tmp_path):
    """Write [frames] or [frames, channels] to a file of this name, and give its path."""

    def save(name, samples, rate_hz, **options):
        soundfile.write(tmp_path / name, samples, rate_hz, **options)
        return tmp_path / name

    return save


def test_an_empty_file_is_refused(save):
    with pytest.raises(AudioError, match=r"empty.wav is empty: expected sound, got 0 samples"):
        read_audio(save("empty.wav", noise(0), 16000), 16000)


def test_a_clip_too_short_for_one_sample_is_refused(save):
    with pytest.raises(AudioError, match="is empty"):
        read_audio(save("tiny.wav", noise(1), 48000), 16000)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AudioError, match=r"no such audio file: .*ring.wav. Check the path"):
        read_audio(tmp_path / "ring.wav", 16000)


@pytest.mark.parametrize("name", ["n" * 300 + ".wav", "nul\0.wav"])
def test_a_name_that_no_file_can_have_is_told(name):
    with pytest.raises(AudioError, match=r"no such audio file: .*\(.+\)"):
        read_audio(Path(name), 16000)


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(AudioError, match="is a directory: expected one audio file"):
        read_audio(tmp_path, 16000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are made otherwise here")
def test_a_named_pipe_is_refused_at_once_with_the_way_to_hear_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioError, match=r"pipe.wav is a pipe: expected a file. Use `pace-edge listen --input - < "):
        read_audio(tmp_path / "pipe.wav", 16000)


@pytest.mark.parametrize("name", ["notes.txt", "broken.wav", "unknown.raw"])
def test_what_is_no_audio_is_refused_with_the_formats_that_are_read(tmp_path, name):
    (tmp_path / name).write_bytes(b"dear diary " * 100)
    with pytest.raises(AudioError, match=r"as audio .*expected wav, flac, ogg, opus, mp3") as caught:
        read_audio(tmp_path / name, 16000)
    assert "\n" not in str(caught.value)
    assert "b'" not in str(caught.value)  # the name is there once, as text


def test_a_file_that_breaks_off_in_the_middle_is_refused(save):
    path = save("cut.flac", noise(32000), 16000)
    path.write_bytes(path.read_bytes()[:30000])
    with pytest.raises(AudioError, match=r"cut.flac is damaged after \d\.\d s"):
        read_audio(path, 16000)


@pytest.mark.parametrize("value", [math.nan, math.inf, -32768.0])
def test_samples_that_are_no_sound_are_refused(save, value):
    samples = noise(1600, 2)
    samples[1000, 1] = value
    with pytest.raises(AudioError, match=r"no sound near 0\.0 s"):
        read_audio(save("bad.wav", samples, 16000, subtype="FLOAT"), 16000)


def test_samples_at_the_models_rate_come_through_unchanged(save):
    samples = noise(16000)
    read = read_audio(save("same.wav", samples, 16000, subtype="FLOAT"), 16000)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, samples)


def test_channels_are_averaged(save):
    samples = noise(1600, 2)
    read = read_audio(save("stereo.wav", samples, 16000, subtype="FLOAT"), 16000)
    np.testing.assert_array_equal(read, samples.mean(axis=1))


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.wav", {}), ("a.flac", {}), ("a.ogg", {}), ("a.opus", {"format": "OGG", "subtype": "OPUS"}), ("a.mp3", {})],
)
def test_every_named_format_is_read(save, name, options):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)
    read = read_audio(save(name, tone, 48000, **options), 16000)
    assert len(read) == 16000
    middle = read[4000:12000]
    assert level_dbfs(middle) == pytest.approx(level_dbfs(tone), abs=0.2)
    assert np.abs(np.fft.rfft(middle)).argmax() == 440 * len(middle) / 16000


@pytest.mark.parametrize("file_hz", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("chunk", [1, 333, 1600, 10**6])
def test_streaming_gives_the_very_samples_of_resampling_at_once(save, file_hz, chunk):
    samples = noise(file_hz // 4 + 7)
    path = save("a.wav", samples, file_hz, subtype="FLOAT")
    at_once = soxr.resample(samples, file_hz, 16000, quality="VHQ") if file_hz != 16000 else samples
    np.testing.assert_array_equal(np.concatenate(list(stream_audio(path, 16000, chunk))), at_once)
    np.testing.assert_array_equal(read_audio(path, 16000), at_once)


def test_a_long_file_is_streamed_in_small_blocks(save):
    path = save("long.wav", np.zeros(60 * 48000, np.int16), 48000)
    sizes = [len(block) for block in stream_audio(path, 16000, 1600)]
    assert sum(sizes) == 60 * 16000
    assert min(sizes) > 0
    assert max(sizes) < 4 * 1600


def test_samples_stay_within_full_scale(save):
    square = np.where(np.arange(44100) // 50 % 2, 1.0, -1.0)  # resampling overshoots at its edges
    assert np.abs(read_audio(save("square.wav", square, 44100), 16000)).max() == 1.0
    assert np.abs(read_audio(save("over.wav", 2 * square, 16000, subtype="FLOAT"), 16000)).max() == 1.0


def test_levels_are_relative_to_full_scale():
    assert level_dbfs(np.zeros(0, np.float32)) == -120.0
    assert level_dbfs(np.zeros(100, np.float32)) == -120.0
    assert level_dbfs(np.full(100, 1e-9, np.float32)) == -120.0
    assert level_dbfs(np.ones(100, np.float32)) == 0.0
    assert level_dbfs(np.full(100, -0.1, np.float32)) == pytest.approx(-20.0, abs=1e-5)
    sine = np.sin(2 * np.pi * np.arange(16000) / 160).astype(np.float32)
    assert level_dbfs(sine) == pytest.approx(-3.0103, abs=1e-3)
