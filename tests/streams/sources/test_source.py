"""The one door from a person's words to a source."""

import os

import numpy as np
import pytest
import soundfile

from pace_edge.errors import AudioError, UsageError
from streams.sources.source import RawPcm, open_source, open_sources


@pytest.fixture
def ring(tmp_path):
    soundfile.write(tmp_path / "ring.wav", np.ones(5000, np.int16), 8000)
    return tmp_path / "ring.wav"


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


def test_words_that_name_a_folder_open_it(ring):
    source = open_source(str(ring.parent), rate_hz=16000, realtime=False)
    assert source.name == f"folder {ring.parent}"


def test_an_address_is_a_network_stream_and_its_secrets_are_not_shown():
    source = open_source("RTSP://me:secret@camera.local:554/garden?token=secret", rate_hz=16000, realtime=True)
    assert source.name == "stream rtsp://camera.local:554/garden"


def test_a_sample_format_goes_with_standard_input_only(ring):
    with pytest.raises(UsageError, match=r"no raw PCM\. It goes with `--input -`"):
        open_source(str(ring), rate_hz=16000, realtime=False, pcm=RawPcm(channels=2))


def test_sources_of_one_name_are_told_apart(ring):
    (ring.parent / "b").mkdir()
    other = ring.rename(ring.parent / "b" / "ring.wav")
    soundfile.write(ring, np.ones(100, np.int16), 8000)
    sources = open_sources([str(ring), str(other), "-"], rate_hz=16000, realtime=False, pcm=RawPcm(channels=2))
    assert [source.name for source in sources] == ["file ring.wav", "file ring.wav (2)", "standard input"]


def test_the_same_input_twice_is_refused():
    with pytest.raises(UsageError, match="an input is named twice"):
        open_sources(["-", "-"], rate_hz=16000, realtime=False)
