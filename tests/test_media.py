"""What libsndfile cannot read FFmpeg reads, where it is installed, and nothing else changes."""

import numpy as np
import pytest

from pace_edge import media
from pace_edge.audio import level_dbfs, read_audio, stream_audio
from pace_edge.errors import AudioError
from tests.media import loudest_hz, tone, write_media


@pytest.mark.parametrize("name", ["a.mp4", "a.m4a", "a.mkv", "a.mka"])
def test_containers_are_read(tmp_path, name):
    wave = tone(1.5, 48000, 440)
    read = read_audio(write_media(tmp_path / name, wave, 48000), 16000)
    assert len(read) == pytest.approx(1.5 * 16000, abs=1024)
    assert loudest_hz(read[:16000], 16000) == 440
    assert level_dbfs(read[4000:16000]) == pytest.approx(level_dbfs(wave), abs=0.3)


def test_one_channel_of_a_container_is_heard_alone(tmp_path):
    path = write_media(tmp_path / "a.mka", tone(1, 16000, 440, 1000), 16000)
    for channel, hz in ((1, 440), (2, 1000)):
        assert loudest_hz(np.concatenate(list(stream_audio(path, 16000, 1600, channel=channel))), 16000) == hz
    with pytest.raises(AudioError, match="has no channel 3"):
        stream_audio(path, 16000, 1600, channel=3)


def test_a_container_without_loss_comes_through_exactly(tmp_path):
    wave = np.round(tone(0.5, 16000, 440) * 32768) / 32768
    np.testing.assert_array_equal(read_audio(write_media(tmp_path / "a.mka", wave, 16000), 16000), wave[0])


def test_a_container_that_breaks_off_is_refused_or_ends_there(tmp_path):
    path = write_media(tmp_path / "a.mp4", tone(5, 16000, 440), 16000)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(AudioError, match=r"(a.mp4 breaks off after|cannot read .*a.mp4 as audio)"):
        read_audio(path, 16000)


def test_a_file_without_sound_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n\n" * 3)  # subtitles
    with pytest.raises(AudioError, match=r"cannot read .*a.mp4 as audio .* has no sound"):
        read_audio(tmp_path / "a.mp4", 16000)


def test_without_ffmpeg_it_is_said_what_to_install(tmp_path, monkeypatch):
    path = write_media(tmp_path / "a.mp4", tone(0.5, 16000, 440), 16000)
    monkeypatch.setattr(media, "has_ffmpeg", lambda: False)
    with pytest.raises(AudioError, match=r"pip install 'pace-edge\[media\]'` reads more formats"):
        read_audio(path, 16000)
