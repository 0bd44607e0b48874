"""A recording's time is what its recorder wrote into it, else into its name; never the file's date, never a guess."""

import io
import os
import struct
import time
from datetime import UTC, datetime

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pace_edge.errors import AudioError, UsageError
from streams.sources.recorded import of_chunk, of_name, parse_time, recorded_unix_s
from streams.sources.source import open_source
from streams.sources.standard_input import StandardInput

FIVE = datetime(2026, 1, 1, 5, tzinfo=UTC).timestamp()  # 2026-01-01 05:00:00 UTC
HOUR = 3600.0


@pytest.fixture(autouse=True, params=["UTC", "Asia/Kolkata"])
def zone(request, monkeypatch):
    """Seconds by which this machine's zone is before UTC."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield 0.0 if request.param == "UTC" else 5.5 * HOUR
    monkeypatch.undo()
    time.tzset()


def chunk(kind, body):
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def wave(*before, after=(), data_size=None):
    """A WAV of a second of silence with these chunks before and after its samples."""
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16))
    data = chunk(b"data", bytes(32000))
    if data_size is not None:
        data = b"data" + struct.pack("<I", data_size) + bytes(32000)
    body = b"WAVE" + fmt + b"".join(before) + data + b"".join(after)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bext(date=b"2026-01-01", hour=b"05:00:00"):
    return chunk(b"bext", bytes(320) + date + hour + bytes(264))


def comment(words):
    return chunk(b"LIST", b"INFO" + chunk(b"IART", b"AudioMoth 24E1440360036B36\0") + chunk(b"ICMT", words + b"\0"))


def guano(stamp):
    return chunk(b"guan", b"GUANO|Version: 1.0\nMake: Wildlife Acoustics\nTimestamp: " + stamp + b"\nNote: x: y\n")


LOCAL = [
    "20260101_050000.WAV", "20260101_050000T.WAV", "SM4_20260101_050000.wav", "SMMINI01_20260101_050000.wav",
    "ARIZONA-1_20260101$050000.wav", "SM3_0+1_20260101$050000.wav", "S4A12345_20260101_050000_000.wav",
    "2026-01-01_05-00-00.wav", "garden 2026-01-01 05.00.00.flac", "2026_01_01_05_00_00.mp3", "20260101-050000.ogg",
    "20260101T050000.flac", "2026-01-01T05:00:00.wav", "2026-01-01-birdnet-05:00:00.wav",
    "2026-01-01-birdnet-RTSP_1-05:00:00.wav",
]  # fmt: skip


@pytest.mark.parametrize("name", LOCAL)
def test_the_common_recorders_write_the_local_time_into_the_name(name, zone):
    assert of_name(name) == FIVE - zone


@pytest.mark.parametrize("name", [
    "20260101T150000+1000_REC.flac", "S20260101T150000.123456+1000_E20260101T160000+1000_+12.34-123.45.wav",
    "20260101T050000Z.wav", "2026-01-01T05-00-00Z.wav", "20260101_050000Z.wav", "20260101T030000-0200_site.wav",
    "20260101_103000+0530.wav", "2026-01-01_10-30-00+05:30.wav",
])  # fmt: skip
def test_a_zone_in_the_name_counts(name):
    assert of_name(name) == FIVE


def test_the_number_of_a_take_is_no_zone(zone):
    assert of_name("20260101T050000-02.wav") == FIVE - zone


@pytest.mark.parametrize("name", [
    "ring.wav", "", ".wav", "ZOOM0001.WAV", "240131_001.mp3", "5A2B3C4D.WAV", "12345678.wav", "20261301_050000.wav",
    "20260101_250000.wav", "99999999_999999.wav", "20260101_0500001.wav", "120260101_050000.wav", "19700101_000012.WAV",
    "20260101.wav", "20260230_050000.wav", "00000000_000000.wav", "20260101T050000.000Z_dog_1f0c9a2b.flac",
    "20260101T050000+9900.wav", "\udce9.wav", "99991231_235959.wav", "74561112_101010.wav",
])  # fmt: skip
def test_what_is_not_certain_is_no_time(name):
    assert of_name(name) is None


@given(st.text())
@example("20260101_050000+9")
def test_no_name_raises(name):
    assert isinstance(of_name(name), float | None)


@pytest.mark.parametrize(("words", "unix_s"), [
    (b"Recorded at 05:00:00 01/01/2026 (UTC) by AudioMoth 24E1440360036B36 at medium gain", FIVE),
    (b"Recorded at 07:00:00 01/01/2026 (UTC+2) by AudioMoth 24E1440360036B36 at medium gain", FIVE),
    (b"Recorded at 10:30:00.123 01/01/2026 (UTC+5:30) by AudioMoth 24E1440360036B36", FIVE),
    (b"Recorded at 02:00:00 01/01/2026 (UTC-3) during deployment 1 by AudioMoth 24E1440360036B36", FIVE),
    (b"Recorded at 05:00:00 01/01/2026 by AudioMoth 24E1440360036B36 at gain setting 2", FIVE),
    (b"Recorded at 05:00:00 31/02/2026 (UTC) by AudioMoth 24E1440360036B36", None),
    (b"Recorded at home by AudioMoth", None),
])  # fmt: skip
def test_an_audiomoth_says_in_its_comment_when_and_in_which_zone(words, unix_s, tmp_path):
    (tmp_path / "a.wav").write_bytes(wave(comment(words)))
    assert recorded_unix_s(tmp_path / "a.wav") == unix_s


@pytest.mark.parametrize(("stamp", "unix_s"), [
    (b"2026-01-01T07:00:00+02:00", FIVE), (b"2026-01-01 02:00:00-03:00", FIVE),
    (b"2026-01-01T05:00:00.500Z", FIVE + 0.5), (b"2026-01-01T05:00:00", "local"), (b"yesterday", None),
])  # fmt: skip
def test_guano_is_read_also_behind_the_samples(stamp, unix_s, zone, tmp_path):
    (tmp_path / "a.wav").write_bytes(wave(after=[guano(stamp)]))
    assert recorded_unix_s(tmp_path / "a.wav") == (FIVE - zone if unix_s == "local" else unix_s)


@pytest.mark.parametrize("date", [b"2026-01-01", b"2026:01:01", b"2026_01_01", b"2026 01 01"])
def test_a_broadcast_wave_has_its_origination_time(date, zone, tmp_path):
    (tmp_path / "a.wav").write_bytes(wave(bext(date, b"05-00-00")))
    assert recorded_unix_s(tmp_path / "a.wav") == FIVE - zone


def test_what_is_in_the_file_goes_before_its_name_and_what_states_a_zone_before_what_does_not(tmp_path):
    moth = comment(b"Recorded at 05:00:00 01/01/2026 (UTC) by AudioMoth 24E1440360036B36")
    path = tmp_path / "20200601_053000.wav"
    path.write_bytes(wave(bext(b"2021-01-01"), moth))
    assert recorded_unix_s(path) == FIVE
    path.write_bytes(wave(bext(b"0000-00-00", b"00:00:00")))
    assert recorded_unix_s(path) == of_name(path.name)


def test_a_file_of_over_4_gb_and_one_that_breaks_off_are_read_as_far_as_they_go(tmp_path):
    sizes = chunk(b"ds64", struct.pack("<QQQI", 32100, 32000, 16000, 0))
    (tmp_path / "a.wav").write_bytes(
        b"RF64" + wave(sizes, after=[guano(b"2026-01-01T05:00:00Z")], data_size=0xFFFFFFFF)[4:]
    )
    assert recorded_unix_s(tmp_path / "a.wav") == FIVE
    (tmp_path / "b.wav").write_bytes(wave(guano(b"2026-01-01T05:00:00Z"), data_size=0))
    assert recorded_unix_s(tmp_path / "b.wav") == FIVE


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600), st.sampled_from([b"guan", b"LIST", b"bext", b"data", b""]))
def test_garbage_is_no_time_and_never_raises(tmp_path_factory, body, kind):
    assert of_chunk(kind, body) is None or body
    path = tmp_path_factory.getbasetemp() / "garbage.wav"
    path.write_bytes(b"RIFF\0\0\0\0WAVE" + kind + body)
    assert isinstance(recorded_unix_s(path), float | None)


def test_the_date_of_the_file_is_not_asked(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 16000)
    os.utime(tmp_path / "a.wav", (FIVE, FIVE))
    assert recorded_unix_s(tmp_path / "a.wav") is None
    assert recorded_unix_s(tmp_path / "absent.wav") is None


def test_a_wav_on_standard_input_has_the_time_that_stands_before_its_samples():
    stream = io.BytesIO(wave(comment(b"Recorded at 05:00:00 01/01/2026 (UTC) by AudioMoth 24E1440360036B36")))
    assert recorded(StandardInput(rate_hz=16000, stream=stream)) == FIVE


def test_raw_pcm_whose_time_a_person_says_is_a_recording():
    source = StandardInput(rate_hz=16000, stream=io.BytesIO(bytes(3200)), recorded_unix_s=FIVE)
    assert recorded(source) == FIVE
    assert not source.live


def recorded(source):
    with source:
        for _ in source:
            pass
        return source.recorded_unix_s


def test_files_and_those_of_a_folder_have_their_own_times(tmp_path, zone):
    for name in ("20260101_050000.WAV", "20260102_050000.WAV", "a.wav"):
        soundfile.write(tmp_path / name, np.zeros(16000), 16000, format="WAV")
    assert recorded(open_source(str(tmp_path / "20260101_050000.WAV"), rate_hz=16000, realtime=False)) == FIVE - zone
    with open_source(str(tmp_path), rate_hz=16000, realtime=False) as folder:
        times = {folder.name.rpartition("/")[2]: folder.recorded_unix_s for _ in folder}
    assert times == {
        "20260101_050000.WAV": FIVE - zone, "20260102_050000.WAV": FIVE - zone + 24 * HOUR, "a.wav": None,
    }  # fmt: skip


def test_a_person_who_says_when_goes_before_all(tmp_path):
    (tmp_path / "20200601_053000.wav").write_bytes(wave(bext()))
    options = {"rate_hz": 16000, "realtime": False, "recorded_unix_s": 7.0}
    assert recorded(open_source(str(tmp_path / "20200601_053000.wav"), **options)) == 7.0
    with pytest.raises(UsageError, match=r"recorded_at is of one recording, and .* is a folder"):
        open_source(str(tmp_path), **options)
    with pytest.raises(UsageError, match="recorded_at is of a recording"):
        open_source(None, **options)


@pytest.mark.parametrize("text", ["2026-01-01T05:00:00Z", "2026-01-01 07:00:00+02:00", " 20260101T050000Z "])
def test_a_time_is_read_as_people_write_it(text):
    assert parse_time(text) == FIVE


@pytest.mark.parametrize("text", ["", "noon", "2026-13-01", "05:00", "0001-01-01T00:00:00+14:00", "9999-12-31"])
def test_what_is_no_time_is_said(text):
    with pytest.raises(UsageError, match="is no time"):
        parse_time(text)


def test_a_file_that_is_none_is_still_told_as_such(tmp_path):
    with pytest.raises(AudioError, match="no such audio file"):
        open_source(str(tmp_path / "20260101_050000.wav"), rate_hz=16000, realtime=False)
