"""A stretch of a file is exactly that part of it, and what is too long or outside is refused before it is decoded."""

import math
import resource

import numpy as np
import pytest
import soundfile

from pace_edge.audio import read_audio
from pace_edge.errors import AudioError, UsageError
from pace_edge.stretch import in_words, read_stretch
from tests.media import write_media

RATE_HZ = 16000


def noise(seconds: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    return np.random.default_rng(3).uniform(-0.3, 0.3, round(seconds * rate_hz)).astype(np.float32)


def saved(path, samples, rate_hz=RATE_HZ, **options):
    with soundfile.SoundFile(path, "w", rate_hz, 1, **options) as file:
        for block in np.array_split(samples, 1 + len(samples) // 20000):
            file.write(block)
    return path


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize(("from_s", "to_s"), [(12.5, 15.0), (None, 2.25), (27.5, None), (29.9, 30.05), (0.0, 30.0)])
def test_a_stretch_is_what_the_whole_file_has_there(tmp_path, ending, from_s, to_s):
    path = saved(tmp_path / f"long.{ending}", noise(30))
    whole = read_audio(path, RATE_HZ)
    part = whole[round((from_s or 0) * RATE_HZ) : None if to_s is None else round(to_s * RATE_HZ)]
    read = read_stretch(path, RATE_HZ, from_s=from_s, to_s=to_s)
    assert len(read) == len(part)
    assert np.abs(read - part).max() < 1e-6


def test_a_stretch_of_a_file_of_another_rate_and_of_one_that_only_ffmpeg_reads(tmp_path):
    for path in (
        saved(tmp_path / "a.wav", noise(12, 44100), 44100),
        write_media(tmp_path / "a.m4a", noise(12, 44100)[None], 44100),
    ):
        whole, read = read_audio(path, RATE_HZ), read_stretch(path, RATE_HZ, from_s=10.5, to_s=11.5)
        assert len(read) == RATE_HZ
        middle = slice(1000, -1000)  # the resampler is not told what is beside the stretch
        assert np.abs(read - whole[168000:184000])[middle].max() < 1e-3


def test_a_long_file_is_refused_from_its_header_and_its_stretch_is_read_in_little_memory(tmp_path):
    path = tmp_path / "night.flac"
    with soundfile.SoundFile(path, "w", 48000, 1) as file:  # 2 h of silence and a second of sound in it: 1.4 GB decoded
        for minute in range(120):
            block = np.zeros(60 * 48000, np.float32)
            if minute == 100:
                block[:48000] = noise(1, 48000)
            file.write(block)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(AudioError, match=r"too long to be one sound: expected at most 600 s, got 7200 s.*--from"):
        read_stretch(path, RATE_HZ, longest_s=600)
    assert np.abs(read_stretch(path, RATE_HZ, from_s=6000, to_s=6001, longest_s=600)).max() > 0.2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_a_file_that_does_not_say_how_long_it_is_is_still_not_decoded_whole(tmp_path):
    path = write_media(tmp_path / "long.mka", noise(40)[None], RATE_HZ)
    with pytest.raises(AudioError, match="too long"):
        read_stretch(path, RATE_HZ, longest_s=20)


@pytest.mark.parametrize(
    ("from_s", "to_s", "error", "words"),
    [
        (15.0, 12.5, UsageError, r"the stretch from 15 to 12.5 s ends before it begins"),
        (2.0, 2.0, UsageError, "the stretch from 2 to 2 s is empty"),
        (None, 0.0, UsageError, "the stretch from 0 to 0 s is empty"),
        (-1.0, 2.0, UsageError, "cannot begin at -1 s"),
        (math.nan, 2.0, UsageError, "cannot begin at nan s"),
        (0.0, math.inf, UsageError, "cannot end at inf s"),
        (12.5, 15.0, AudioError, r"ends at 4.00 s, and has no 12.5 to 15 s: expected a stretch within 0 to 4.00 s"),
        (4.0, None, AudioError, r"ends at 4.00 s, and has no 4 s"),
        (3.0, 5.0, AudioError, r"ends at 4.00 s, and has no 3 to 5 s"),
    ],
)
def test_a_stretch_that_is_none_of_the_file_is_refused(tmp_path, from_s, to_s, error, words):
    path = saved(tmp_path / "short.wav", noise(4))
    with pytest.raises(error, match=words):
        read_stretch(path, RATE_HZ, from_s=from_s, to_s=to_s)


def test_an_end_that_was_rounded_up_is_the_end_of_the_file(tmp_path):
    assert len(read_stretch(saved(tmp_path / "short.wav", noise(4)), RATE_HZ, from_s=3, to_s=4.04)) == RATE_HZ


@pytest.mark.parametrize(
    ("from_s", "to_s", "words"),
    [(None, None, ""), (12.5, 15, "12.5 to 15 s"), (None, 2, "0 to 2 s"), (3, None, "3 to the end")],
)
def test_a_stretch_in_words(from_s, to_s, words):
    assert in_words(from_s, to_s) == words
