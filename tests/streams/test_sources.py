import io
import itertools
import os
import struct
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from pace_edge.audio import read_audio
from pace_edge.errors import AudioError
from streams.sources import FileSource, StandardInput, open_source

ROOT = Path(__file__).parents[2]
PCM = np.random.default_rng(0).integers(-8000, 8000, 5000).astype("<i2")


def heard(source) -> np.ndarray:
    with source:
        return np.concatenate(list(source))


def piped(data: bytes) -> np.ndarray:
    return heard(StandardInput(rate_hz=16000, stream=io.BytesIO(data)))


def wav(samples: np.ndarray, rate_hz: int, channels: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, 2, rate_hz, 0, "NONE", ""))
        writer.writeframes(samples.tobytes())
    return file.getvalue()


@pytest.fixture
def ring(tmp_path):
    soundfile.write(tmp_path / "ring.wav", PCM, 8000)
    return tmp_path / "ring.wav"


def test_a_file_source_gives_the_files_samples(ring):
    source = FileSource(ring, rate_hz=16000, realtime=False)
    assert (source.name, source.rate_hz, source.dropped, source.overflows) == ("file ring.wav", 16000, 0, 0)
    np.testing.assert_array_equal(heard(source), read_audio(ring, 16000))


def test_realtime_chunks_arrive_when_their_last_sample_would_have_been_heard(ring):
    start, samples = time.monotonic(), 0
    with FileSource(ring, rate_hz=8000, realtime=True, chunk_s=0.06) as source:
        for chunk in source:
            samples += len(chunk)
            assert time.monotonic() - start >= samples / 8000
            time.sleep(0.05)  # a reader's work must not push later chunks back: 11 times this would be 0.55 s
    assert time.monotonic() - start < samples / 8000 + 0.4


def test_without_realtime_a_file_is_read_at_once(tmp_path):
    soundfile.write(tmp_path / "long.wav", np.zeros(16000 * 60, np.int16), 16000)
    start = time.monotonic()
    assert len(heard(FileSource(tmp_path / "long.wav", rate_hz=16000, realtime=False))) == 16000 * 60
    assert time.monotonic() - start < 5


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
def test_other_things_than_16_bit_pcm_are_refused(data, got):
    with pytest.raises(AudioError, match=f"expected 16-bit PCM, raw or as WAV, got .*{got}"):
        piped(data)


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
def test_a_piped_wav_of_other_bits_is_refused(subtype):
    file = io.BytesIO()
    soundfile.write(file, PCM, 16000, format="WAV", subtype=subtype)
    with pytest.raises(AudioError, match=r"got a (24|32)-bit WAV"):
        piped(file.getvalue())


def test_a_real_pipe_is_heard_while_its_writer_still_writes():
    script = """
from streams.sources import open_source
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


def test_words_that_name_a_file_open_it(ring, monkeypatch):
    assert open_source(str(ring), rate_hz=16000, realtime=False).name == "file ring.wav"
    monkeypatch.chdir(ring.parent)
    ring.rename("7")
    assert open_source("7", rate_hz=16000, realtime=False).name == "file 7"


def test_a_dash_is_standard_input():
    assert open_source("-", rate_hz=16000, realtime=False).name == "standard input"


@pytest.mark.parametrize("words", ["ring.wav", "RING.FLAC", os.path.join("sounds", "ring")])  # noqa: PTH118
def test_words_that_look_like_a_path_are_not_taken_for_a_microphone(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AudioError, match=r"no such audio file: .*(?i:ring)"):
        open_source(words, rate_hz=16000, realtime=False)


def test_a_file_source_may_be_left_early(ring):
    with FileSource(ring, rate_hz=16000, realtime=False, chunk_s=0.01) as source:
        first = list(itertools.islice(source, 2))
    assert len(first) == 2
    assert list(source) == []
