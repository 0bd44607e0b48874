"""PCM from a pipe, raw or as a WAV, comes through unchanged; everything else is refused."""

import io
import struct
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st

from pace_edge.errors import AudioError, UsageError
from streams.sources.standard_input import RawPcm, StandardInput

ROOT = Path(__file__).parents[3]
PCM = np.random.default_rng(0).integers(-8000, 8000, 5000).astype("<i2")


class Pipe(io.RawIOBase):
    """Gives what it has, in pieces, as a pipe does."""

    def __init__(self, data, pieces):
        self.data, self.pieces = data, iter(pieces)

    def read(self, size=-1):
        size = min(size, next(self.pieces, size))
        piece, self.data = self.data[:size], self.data[size:]
        return piece


def piped(data: bytes, **options) -> np.ndarray:
    with StandardInput(rate_hz=16000, stream=io.BytesIO(data), **options) as source:
        return np.concatenate(list(source))


def wav(samples: np.ndarray, rate_hz: int, channels: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, 2, rate_hz, 0, "NONE", ""))
        writer.writeframes(samples.tobytes())
    return file.getvalue()


def test_raw_pcm_comes_through_unchanged():
    np.testing.assert_array_equal(piped(PCM.tobytes()), PCM.astype(np.float32) / 32768)


@pytest.mark.parametrize("samples", [1, 5, 6, 7])
def test_pcm_shorter_than_a_wav_header_is_still_sound(samples):
    np.testing.assert_array_equal(piped(PCM[:samples].tobytes()), PCM[:samples].astype(np.float32) / 32768)


def test_a_trailing_half_sample_is_ignored():
    assert len(piped(PCM.tobytes() + b"\x01")) == len(PCM)


def test_a_piped_wav_is_averaged_and_resampled():
    stereo = PCM.reshape(-1, 2)
    mono = stereo.astype(np.float32).mean(axis=1) / 32768
    np.testing.assert_array_equal(
        piped(wav(stereo, 44100, channels=2)), soxr.resample(mono, 44100, 16000, quality="VHQ")
    )


def test_what_follows_a_wavs_samples_is_not_sound():
    assert len(piped(wav(PCM, 16000, channels=1) + b"LIST" + struct.pack("<I", 100) + b"x" * 100)) == len(PCM)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_wav_of_unknown_length_is_read_to_its_end(size):
    data = bytearray(wav(PCM, 16000, channels=1))
    data[40:44] = struct.pack("<I", size)
    assert len(piped(bytes(data))) == len(PCM)


@pytest.mark.parametrize("data", [b"", b"\x01", wav(PCM[:0], 16000, channels=1)])
def test_an_empty_standard_input_is_refused(data):
    with pytest.raises(AudioError, match="standard input is empty"):
        piped(data)


@pytest.mark.parametrize(
    ("data", "got"),
    [
        (b"fLaC" + bytes(100), r"compressed file \(fLaC\)"),
        (wav(PCM, 16000, channels=1)[:30], "breaks off"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "without a rate"),
    ],
)
def test_other_things_than_pcm_are_refused(data, got):
    with pytest.raises(AudioError, match=f"expected .*PCM, raw or as WAV, got .*{got}"):
        piped(data)


@pytest.mark.parametrize("subtype", ["PCM_24", "DOUBLE"])
def test_a_piped_wav_of_other_bits_is_refused(subtype):
    file = io.BytesIO()
    soundfile.write(file, PCM, 16000, format="WAV", subtype=subtype)
    with pytest.raises(AudioError, match=r"got a (24|64)-bit WAV"):
        piped(file.getvalue())


def test_a_real_pipe_is_heard_while_its_writer_still_writes():
    script = """
from streams.sources.source import open_source
with open_source("-", rate_hz=16000, realtime=True) as source:
    for chunk in source:
        print(len(chunk), flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(PCM[:1600].tobytes())
        child.stdin.flush()
        assert child.stdout.readline() == b"1600\n"
        child.stdin.write(PCM[:100].tobytes())
        child.stdin.close()
        assert child.stdout.read() == b"100\n"


@pytest.mark.parametrize(
    ("kind", "sample_format", "full_scale"),
    [("<i2", "s16le", 2**15), ("<i4", "s32le", 2**31), ("<f4", "f32le", 1)],
)
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_every_sample_format_and_channel_count_comes_through(kind, sample_format, full_scale, channels):
    wave = np.random.default_rng(1).uniform(-0.9, 0.9, (1000, channels))
    data = (wave * full_scale).astype(kind)
    exact = data.astype(np.float32) / np.float32(full_scale)
    pcm = RawPcm(channels=channels, sample_format=sample_format)
    np.testing.assert_array_equal(piped(data.tobytes(), pcm=pcm), exact.mean(axis=1))
    np.testing.assert_array_equal(piped(data.tobytes(), pcm=pcm, channel=channels), exact[:, -1])


def test_raw_pcm_of_another_rate_is_resampled():
    mono = PCM.astype(np.float32) / 32768
    np.testing.assert_array_equal(
        piped(PCM.tobytes(), pcm=RawPcm(rate_hz=48000)), soxr.resample(mono, 48000, 16000, quality="VHQ")
    )


@given(st.lists(st.integers(1, 400), max_size=30), st.integers(1, 3))
def test_how_a_pipe_cuts_its_bytes_changes_nothing(pieces, channels):
    data = PCM[: 900 * channels]
    source = StandardInput(rate_hz=16000, pcm=RawPcm(channels=channels), stream=Pipe(data.tobytes(), pieces))
    heard = np.concatenate(list(source))
    np.testing.assert_array_equal(heard, (data.reshape(-1, channels).astype(np.float32) / 32768).mean(axis=1))


@pytest.mark.parametrize(
    "wrong", [{"rate_hz": 0}, {"rate_hz": 10**7}, {"channels": 0}, {"channels": 1000}, {"sample_format": "u8"}]
)
def test_impossible_pcm_is_refused(wrong):
    with pytest.raises(UsageError, match="expected"):
        RawPcm(**wrong)


def test_a_channel_that_is_not_there_is_told():
    with pytest.raises(AudioError, match="standard input has no channel 2: expected 1, the only one"):
        piped(PCM.tobytes(), channel=2)


def test_float_samples_that_are_no_numbers_are_refused():
    with pytest.raises(AudioError, match="not finite"):
        piped(np.array([0, np.nan] * 8, "<f4").tobytes(), pcm=RawPcm(sample_format="f32le"))


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_32", "FLOAT"])
@pytest.mark.parametrize("format", ["WAV", "WAVEX"])
def test_a_wav_says_itself_what_its_samples_are(subtype, format):
    file, mono = io.BytesIO(), PCM.astype(np.float32) / 32768
    soundfile.write(file, mono, 16000, format=format, subtype=subtype)
    np.testing.assert_array_equal(piped(file.getvalue(), pcm=RawPcm(rate_hz=8000, channels=2)), mono)


def read_to_the_end(stream):
    with StandardInput(rate_hz=16000, stream=stream) as source:
        for _ in source:
            pass
    return source


def endless_wav() -> bytes:
    data = bytearray(wav(PCM, 16000, channels=1))
    struct.pack_into("<I", data, 40, 0xFFFFFFFF)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "live"), [(PCM.tobytes(), True), (endless_wav(), True), (wav(PCM, 16000, channels=1), False)]
)
def test_a_wav_that_says_how_long_it_is_is_a_recording_and_other_sound_of_a_pipe_is_live(data, live):
    assert read_to_the_end(io.BytesIO(data)).live == live


def test_what_is_read_from_a_file_is_a_recording(tmp_path):
    (tmp_path / "raw").write_bytes(PCM.tobytes())
    with (tmp_path / "raw").open("rb", buffering=0) as stream:
        assert not read_to_the_end(stream).live
