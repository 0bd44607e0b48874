"""Arrays of any kind become the same sound, or are refused with a sentence: never taken at another loudness or rate."""

import math
import re

import numpy as np
import pytest
import torch

from pace_edge.audio import level_dbfs, read_audio
from pace_edge.errors import AudioError
from pace_edge.samples import ArrayBlocks, as_chunk, as_sound

RATE_HZ = 16000
BELL = (0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)).astype(np.float32)


def heard(samples, rate_hz=RATE_HZ, **options):
    return as_sound(samples, rate_hz, to_hz=RATE_HZ, **options)


def refused(samples, rate_hz=RATE_HZ, **options) -> str:
    with pytest.raises(AudioError) as caught:
        heard(samples, rate_hz, **options)
    return str(caught.value)


def whole(scale: float, dtype, middle: float = 0.0):
    return np.round(BELL * scale + middle).astype(dtype)


@pytest.mark.parametrize(
    ("samples", "within"),
    [
        (BELL, 0.0),
        (BELL.astype(np.float64), 1e-7),
        (BELL.astype(np.longdouble), 1e-7),
        (BELL.astype(np.float16), 1e-3),
        (BELL.astype(">f4"), 0.0),
        (BELL.tolist(), 1e-7),
        (tuple(BELL.tolist()), 1e-7),
        (torch.from_numpy(BELL), 0.0),
        (whole(2**7, np.int8), 2**-7),
        (whole(2**7, np.uint8, 128), 2**-7),
        (whole(2**15, np.int16), 2**-15),
        (whole(2**15, ">i2"), 2**-15),
        (whole(2**31, np.int32), 1e-7),
        (whole(2**15, np.int16).astype(np.int32) << 16, 2**-15),
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'dtype', '')}",
)
def test_every_type_of_number_is_the_same_sound(samples, within):
    sound = heard(samples)
    assert sound.dtype == np.float32
    assert np.abs(sound - BELL).max() <= within


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_whole_numbers_at_full_scale_stay_within_it(dtype):
    ends = np.iinfo(dtype)
    assert heard(np.array([ends.min, ends.max] * 50, dtype)).min() == -1.0


@pytest.mark.parametrize("shape", ["[n, 1]", "[1, n]", "[n, 2]", "[2, n]", "[n, 6]"])
def test_channels_are_averaged_on_whichever_axis_they_lie(shape):
    few = int(re.findall(r"\d", shape)[0])
    stacked = np.stack([BELL * (c + 1) / few for c in range(few)], axis=1 if shape.startswith("[n") else 0)
    assert np.abs(heard(stacked) - BELL * (few + 1) / 2 / few).max() < 1e-6


def test_one_channel_can_be_taken_alone():
    stereo = np.stack([BELL, 0.1 * BELL], 1)
    assert np.array_equal(heard(stereo, channel=1), BELL)
    assert "has no channel 3: expected 1 to 2" in refused(stereo, channel=3)


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100.0, 48000, np.int64(96000)])
def test_any_rate_becomes_the_models_and_the_same_tone(rate_hz):
    clip = 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(rate_hz)) / rate_hz)
    sound = heard(clip, rate_hz)
    assert abs(len(sound) - RATE_HZ) <= 1
    middle = slice(2000, 14000)
    assert np.abs(sound[middle] - BELL[middle]).max() < 1e-3


def test_an_array_is_the_same_sound_as_the_file_of_it(tmp_path):
    import soundfile

    stereo = np.stack([BELL, 0.3 * BELL], 1)
    soundfile.write(tmp_path / "bell.wav", stereo, 44100, subtype="PCM_16")
    data, rate_hz = soundfile.read(tmp_path / "bell.wav", dtype="int16")
    assert np.abs(as_sound(data, rate_hz, to_hz=RATE_HZ) - read_audio(tmp_path / "bell.wav", RATE_HZ)).max() < 1e-6


@pytest.mark.parametrize("scale", [32767.0, 32768.0, 100.0])
def test_16_bit_numbers_in_a_float_array_are_never_sound(scale):
    words = refused(BELL * 2 * scale)
    assert "goes far beyond full scale: expected floats in -1..1" in words
    assert "16-bit numbers in a float array: divide by 32768" in words


def test_longer_numbers_in_a_float_array_are_told_by_their_bits():
    assert "24-bit numbers in a float array: divide by 8388608" in refused(BELL * 2**23)
    assert "32-bit numbers in a float array: divide by 2147483648" in refused(BELL * 2**31)
    assert "Divide by its full scale" in refused(BELL * 1e20)


def test_what_overshoots_a_little_is_clipped_as_that_of_a_file_is():
    assert np.abs(heard(BELL * 3)).max() == 1.0


@pytest.mark.parametrize(("bits", "quiet_db"), [(16, 96), (24, 48)])
def test_shorter_numbers_in_a_32_bit_array_are_not_taken_for_next_to_nothing(bits, quiet_db):
    words = refused(whole(2 ** (bits - 1), np.int32))
    assert f"uses the lower {bits} of 32 bits alone, and would be {quiet_db} dB too quiet" in words
    assert f"Divide it by {2 ** (bits - 1)}" in words


def test_silence_is_sound():
    for dtype in (np.float32, np.int16, np.int32, np.uint8):
        assert not heard(np.full(1600, 128 if dtype == np.uint8 else 0, dtype)).any()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_no_sound_is_told_with_its_time(value):
    stereo = np.stack([BELL, BELL], 1).repeat(2, 0)
    stereo[20000, 1] = value
    assert f"no sound at 1.25 s: expected finite numbers in -1..1, got {value}" in refused(stereo)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ([], "is empty: expected sound, got 0 samples"),
        (np.empty((0, 2)), "is empty"),
        (np.zeros((3, 2, 16000)), r"has 3 axes: expected \[samples\], .* got shape \[3, 2, 16000\]"),
        (np.zeros((100, 200)), r"which axis .* are its channels: .* got shape \[100, 200\]"),
        (np.zeros((2, 2)), "which axis"),
        (np.zeros(100, complex), "got complex numbers"),
        (np.zeros(100, bool), "got truth values"),
        (np.array([None, 1.0]), "holds no sound"),
        (["a", "b"], "holds no sound"),
        (iter([0.0, 0.1]), "holds no sound"),
        (0.5, "got a single float"),
        ("ring.wav", "got a single str"),
        (None, "got a single NoneType"),
        (b"\0\1" * 100, "bytes, not numbers.*numpy.frombuffer"),
        ([[0.1, 0.2], [0.3]], "cannot be read as numbers"),
        (torch.zeros(100, requires_grad=True), "cannot be read as numbers.*detach"),
        ([0, 12000, -3000], "type int64 have no full scale.*numpy.asarray.samples, numpy.int16"),
        (np.zeros(100, np.uint16), "type uint16 have no full scale"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_sound_is_refused_with_one_sentence(samples, words):
    said = refused(samples)
    assert re.search(words, said)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("rate_hz", "words"),
    [
        (None, r"the rate of .* is missing: expected rate_hz from 1000 to 1000000 .* got none"),
        (44.1, "If 44.1 is in kHz, give 44100"),
        (16, "If 16 is in kHz, give 16000"),
        (0, "this is no rate"),
        (-16000, "this is no rate"),
        (math.nan, "got nan"),
        (True, "got True"),
        ("16000", "got '16000'"),
        (22050.5, "a whole number, got 22050.5"),
        (5e6, "this is no rate"),
    ],
)
def test_a_rate_that_is_none_is_refused(rate_hz, words):
    assert re.search(words, refused(BELL, rate_hz))


def test_channels_that_cancel_each_other_are_noticed_and_one_can_be_taken():
    upside_down = np.stack([BELL, -0.98 * BELL], 1)
    assert "cancel each other: one is the other upside down. Take one alone: channel=1" in refused(upside_down)
    assert np.array_equal(heard(upside_down, channel=1), BELL)


@pytest.mark.parametrize("channels", [2, 8, 32])
def test_unrelated_channels_and_silent_ones_do_not_cancel(channels):
    rng = np.random.default_rng(0)
    heard(0.1 * rng.standard_normal((RATE_HZ, channels)))
    alone = np.zeros((RATE_HZ, channels), np.float32)
    alone[:, 0] = BELL
    assert level_dbfs(heard(alone)) > -60


def test_blocks_joined_are_the_whole_sound_and_keep_the_axis_of_the_first():
    stereo = np.random.default_rng(1).uniform(-0.5, 0.5, (30011, 2))
    blocks = ArrayBlocks(22050, to_hz=RATE_HZ)
    pieces = [blocks.push(piece) for piece in np.split(stereo, [9000, 9007, 20000, 30009])]  # one of 7 frames, one of 2
    joined = np.concatenate([*pieces, blocks.last()])
    assert np.array_equal(joined, heard(stereo, 22050))


def test_a_chunk_of_a_stream_is_converted_and_may_be_empty():
    as_16_bit = whole(2**15, np.int16)
    assert np.abs(as_chunk(as_16_bit, rate_hz=None, to_hz=RATE_HZ) - BELL).max() <= 2**-15
    assert as_chunk(BELL[:, None], rate_hz=RATE_HZ, to_hz=RATE_HZ).shape == BELL.shape
    assert len(as_chunk([], rate_hz=None, to_hz=RATE_HZ)) == 0
    with pytest.raises(AudioError, match=r"another rate than the model: expected 16000 Hz, got 44100 Hz.*listen"):
        as_chunk(BELL, rate_hz=44100, to_hz=RATE_HZ)
    with pytest.raises(AudioError, match=r"more than one channel: .*shape \[16000, 2\]"):
        as_chunk(np.stack([BELL, BELL], 1), rate_hz=None, to_hz=RATE_HZ)
