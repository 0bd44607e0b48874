"""Recordings as sources: one file, and every file of a folder."""

import itertools
import os
import sys

import numpy as np
import pytest
import soundfile

from pace_edge.audio import read_audio
from pace_edge.errors import AudioError
from pace_edge.model_file import read_model
from streams.heard import SourceState, Window
from streams.listening.learner import open_journal
from streams.listening.listener import Listener
from streams.service.opening import chunks_of
from streams.sources import files
from streams.sources.files import FileSource, Folder
from streams.sources.several import arrivals

PCM = np.random.default_rng(0).integers(-8000, 8000, 5000).astype("<i2")


def heard(source) -> np.ndarray:
    with source:
        return np.concatenate(list(source))


@pytest.fixture
def ring(tmp_path):
    soundfile.write(tmp_path / "ring.wav", PCM, 8000)
    return tmp_path / "ring.wav"


def test_a_file_source_gives_the_files_samples(ring):
    source = FileSource(ring, rate_hz=16000, realtime=False)
    assert (source.name, source.rate_hz, source.dropped, source.overflows) == ("file ring.wav", 16000, 0, 0)
    np.testing.assert_array_equal(heard(source), read_audio(ring, 16000))


class Clock:
    """Stands where a source looks at the clock and sleeps: time goes on only when it is told to."""

    def __init__(self, monkeypatch):
        self.now_s = self.slept_s = 0.0
        monkeypatch.setattr(files, "time", self)

    def monotonic(self):
        return self.now_s

    def time(self):
        return 1_790_000_000.0 + self.now_s

    def sleep(self, seconds):
        self.slept_s += seconds
        self.now_s += seconds


def test_realtime_chunks_arrive_when_their_last_sample_would_have_been_heard(ring, monkeypatch):
    clock, samples = Clock(monkeypatch), 0
    with FileSource(ring, rate_hz=8000, realtime=True, chunk_s=0.06) as source:
        for chunk in source:
            samples += len(chunk)
            assert -1e-9 < clock.now_s - samples / 8000 < 0.05
            clock.now_s += 0.05  # a reader's work must not push later chunks back: 11 times this would be 0.55 s
    assert samples == len(PCM)


def test_without_realtime_a_file_is_read_at_once(tmp_path, monkeypatch):
    clock = Clock(monkeypatch)
    soundfile.write(tmp_path / "long.wav", np.zeros(16000 * 60, np.int16), 16000)
    assert len(heard(FileSource(tmp_path / "long.wav", rate_hz=16000, realtime=False))) == 16000 * 60
    assert clock.slept_s == 0


def test_a_file_source_may_be_left_early(ring):
    with FileSource(ring, rate_hz=16000, realtime=False, chunk_s=0.01) as source:
        first = list(itertools.islice(source, 2))
    assert len(first) == 2
    assert list(source) == []


def test_a_chosen_channel_of_a_file_is_heard_alone(tmp_path):
    stereo = PCM.reshape(-1, 2)
    soundfile.write(tmp_path / "stereo.wav", stereo, 16000)
    for channel in (1, 2):
        source = FileSource(tmp_path / "stereo.wav", rate_hz=16000, realtime=False, channel=channel)
        np.testing.assert_array_equal(heard(source), stereo[:, channel - 1].astype(np.float32) / 32768)
    for channel in (0, 3):
        with pytest.raises(AudioError, match=f"has no channel {channel}: expected 1 to 2"):
            FileSource(tmp_path / "stereo.wav", rate_hz=16000, realtime=False, channel=channel)


@pytest.fixture
def folder(tmp_path):
    """b.wav, a/2.wav, a/10.flac, and what is no sound."""
    folder = tmp_path / "sounds"
    (folder / "a").mkdir(parents=True)
    for value, name in enumerate(["a/10.flac", "a/2.wav", "b.wav"], start=1):
        soundfile.write(folder / name, np.full(3200, 1000 * value, np.int16), 16000)
    (folder / "notes.txt").write_text("dear diary")
    (folder / "._b.wav").write_bytes(b"what another system leaves beside a file")
    return folder


def by_name(source) -> dict[str, list[float]]:
    """Each stream's samples, in the order in which they were heard."""
    streams: dict[str, list[float]] = {}
    with source:
        for chunk in source:
            streams.setdefault(source.name, []).extend(chunk)
    return streams


def test_a_folders_files_are_heard_in_the_order_of_their_names_each_under_its_own(folder):
    streams = by_name(Folder(folder, rate_hz=16000, realtime=False))
    names = ["a/10.flac", "a/2.wav", "b.wav"]
    assert list(streams) == [f"file {folder}/{name}" for name in names]
    for value, samples in enumerate(streams.values(), start=1):
        assert samples == [np.float32(1000 * value / 32768)] * 3200


def test_a_file_of_a_folder_that_cannot_be_read_is_named_and_the_others_go_on(folder):
    (folder / "a" / "3.wav").write_bytes(b"dear diary" * 100)
    soundfile.write(folder / "a" / "4.flac", np.random.default_rng(0).uniform(-1, 1, 32000), 16000)
    cut = (folder / "a" / "4.flac").read_bytes()
    (folder / "a" / "4.flac").write_bytes(cut[: len(cut) // 2])
    source, streams = Folder(folder, rate_hz=16000, realtime=False), {}
    with source, pytest.raises(AudioError, match=r"2 of 5 files in folder .* could not be read: .*3.wav, .*4.flac"):
        for chunk in source:
            streams[source.name.rpartition("/")[2]] = chunk
    assert list(streams) == ["10.flac", "2.wav", "4.flac", "b.wav"]
    words = {state.source.rpartition("/")[2]: (state.state, state.words) for state in source.news()}
    assert words["3.wav"][0] == "ended"
    assert "cannot read" in words["3.wav"][1]
    assert "is damaged" in words["4.flac"][1]
    assert source.news() == []


def test_a_folder_without_sound_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("dear diary")
    with pytest.raises(AudioError, match="there is no audio file in the folder"):
        Folder(tmp_path, rate_hz=16000, realtime=False)


def test_what_a_folder_has_beside_its_recordings_is_counted_in_the_first_ones_news(folder):
    with Folder(folder, rate_hz=16000, realtime=False) as source:
        next(iter(source))
        (told,) = source.news()
    assert told.source == f"file {folder}/a/10.flac"
    assert told.words == f"folder {folder}: 3 files to be heard, skipped: 2 (._b.wav: hidden; notes.txt: no sound)"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_no_text_is_one_in_everything_that_is_told(folder):
    bad = os.fsdecode(b"caf\xe9")
    (folder / "b.wav").rename(folder / f"{bad}.wav")
    (folder / f"{bad}2.wav").write_bytes(b"no sound")
    source = Folder(folder, rate_hz=16000, realtime=False)
    with source, pytest.raises(AudioError) as caught:
        for _ in source:
            source.name.encode()
    told = [str(caught.value), *(word for state in source.news() for word in (state.source, state.words))]
    for words in [*told, FileSource(folder / f"{bad}.wav", rate_hz=16000, realtime=False).name]:
        words.encode()
    assert any("caf\\udce92.wav" in words for words in told)


def test_a_file_that_cannot_be_read_takes_nothing_from_the_one_behind_it(folder, small_model):
    (folder / "a" / "3.wav").write_bytes(b"dear diary" * 100)
    soundfile.write(folder / "b.wav", np.zeros(24000, np.float32), 16000)
    heard, model = [], read_model(small_model)
    source = Folder(folder, rate_hz=16000, realtime=False)
    with open_journal(model) as journal, Listener(model, journal) as listener, pytest.raises(AudioError):
        for one in listener.run_several(chunks_of(arrivals([source]), (), 16000)):
            heard.append(one)
    of_b = [one for one in heard if one.source == f"file {folder}/b.wav"]
    assert [(one.start_s, one.end_s) for one in of_b if isinstance(one, Window)] == [(0.0, 1.0), (0.5, 1.5)]
    ended = [one.source.rpartition("/")[2] for one in heard if isinstance(one, SourceState) and one.state == "ended"]
    assert sorted(ended) == ["10.flac", "2.wav", "3.wav", "b.wav"]
    assert isinstance(of_b[-1], SourceState)  # nothing is told of it any more once it is over
