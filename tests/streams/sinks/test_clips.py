"""Clips hold the sound of their event, exactly, in bounded memory and in a folder of bounded size."""

import json

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.errors import SinkError
from streams.heard import Event
from streams.sinks.clips import ClipKeeper, clip_name, kept_clips
from tests.streams.sinks.given import AT, Said, event

RATE = 8000


def ramp(samples):
    """Sound whose every sample says where it is, in steps of 16 bits."""
    return (np.arange(samples) % 60000 - 30000).astype(np.float32) / 32767


def at(position):
    return position % 60000 - 30000


def play(keeper, start_s, end_s, chunk_s=0.1, source="attic"):
    sound = ramp(round(end_s * RATE))
    for start in np.arange(round(start_s * RATE), len(sound), round(chunk_s * RATE)):
        chunk = sound[start : start + round(chunk_s * RATE)]
        keeper.push(source, chunk, start_s=start / RATE)


def clip(folder):
    (path,) = folder.glob("*.flac")
    return soundfile.read(path, dtype="int16")[0]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "clips"


@settings(max_examples=20, deadline=None)
@given(start=st.integers(0, 5 * RATE), length=st.integers(1, 6 * RATE), chunk_s=st.sampled_from([0.02, 0.1, 1.3]))
def test_a_clip_has_the_samples_of_its_event_and_those_before_it(tmp_path_factory, start, length, chunk_s):
    folder = tmp_path_factory.mktemp("clips")
    keeper = ClipKeeper(folder, Said().reports, rate_hz=RATE, before_s=1.0, longest_s=4.0)
    begin, end = event(start_s=start / RATE, state="start"), event(start_s=start / RATE, end_s=(start + length) / RATE)
    announced = (start + min(length, RATE)) / RATE + 0.5
    play(keeper, 0, announced, chunk_s)
    keeper.write(begin)
    play(keeper, announced, 12, chunk_s)
    keeper.write(end)
    first = max(0, start - RATE)
    assert keeper.counts().written == 1
    got = clip(folder)
    longest = start - RATE + 4 * RATE - first if start - RATE + 4 * RATE < start + length else start + length - first
    assert len(got) in range(min(longest, 4 * RATE), 4 * RATE + 1)
    np.testing.assert_array_equal(got, at(np.arange(first, first + len(got))))


def test_its_file_says_when_and_what_and_has_the_whole_record(folder):
    keeper = ClipKeeper(folder, Said().reports, rate_hz=RATE)
    play(keeper, 0, 4)
    keeper.write(event(1, "start", label="Tür / ../klingel"))
    keeper.write(event(1, "end", label="Tür / ../klingel"))
    (path,) = folder.iterdir()
    assert path.name.startswith("20260921T141321.000Z_Tür-klingel_")
    with soundfile.SoundFile(path) as file:
        assert file.title == "Tür / ../klingel"
        assert json.loads(file.comment)["id"] == "id-1"
        assert (file.samplerate, file.subtype) == (RATE, "PCM_16")


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200), st.floats(0, 4e9))
def test_any_label_gives_a_safe_name_and_any_time_its_place(label, at_unix_s):
    name = clip_name(Event("end", 0, 1, label, 1.0, at_unix_s=at_unix_s))
    assert len(name.encode()) < 120
    assert not set(name) & set('/\\:*?"<>|\0\n ')
    later = clip_name(Event("end", 0, 1, label, 1.0, at_unix_s=at_unix_s + 1))
    assert name < later


def test_a_clip_of_a_recording_whose_time_is_not_known_says_so_and_is_ours_too(folder):
    name = clip_name(event(12, at_unix_s=None))
    assert name.startswith("time-unknown_000012.0s_dog_")
    keeper = ClipKeeper(folder, Said().reports, rate_hz=RATE)
    play(keeper, 0, 4)
    for state in ("start", "end"):
        keeper.write(event(1, state, at_unix_s=None))
    assert list(kept_clips(folder, ["id-1"])) == ["id-1"]


def test_a_new_clip_of_an_old_recording_is_not_the_first_to_go(folder):
    keeper = ClipKeeper(folder, Said().reports, rate_hz=RATE, keep_mb=0.1)
    for number in range(40):
        play(keeper, 10 * number, 10 * number + 4)
        for state in ("start", "end"):
            keeper.write(event(10 * number + 1, state, at_unix_s=AT - number * 86400))
    ids = [f"id-{10 * number + 1}" for number in range(40)]
    kept = kept_clips(folder, ids)
    assert 0 < len(kept) < 40
    assert list(kept) == ids[-len(kept) :]


def test_a_sound_that_goes_on_for_hours_is_cut_at_the_longest_and_memory_stays_bounded(folder):
    keeper = ClipKeeper(folder, Said().reports, rate_hz=RATE, before_s=1.0, longest_s=5.0)
    play(keeper, 0, 3)
    keeper.write(event(2, "start"))
    chunk = np.zeros(RATE, np.float32)
    for second in range(3, 3600):
        keeper.push("attic", chunk, start_s=float(second))
    assert len(clip(folder)) == 5 * RATE
    held = sum(len(piece) for _, piece in keeper._tapes["attic"].pieces)
    assert held <= (1 + 5 + 15 + 1) * RATE
    keeper.write(event(2, "end", end_s=3600.0))
    assert keeper.counts().written == 1
    for number in range(100):
        keeper.push(f"source {number}", chunk, start_s=0.0)
    assert len(keeper._tapes) <= 16


def test_lost_sound_is_silence_in_the_clip_which_has_the_sounds_last_half_second_too(folder):
    keeper = ClipKeeper(folder, Said().reports, rate_hz=RATE, before_s=1.0)
    play(keeper, 0, 2)
    keeper.write(event(1, "start"))
    play(keeper, 3, 5)
    keeper.write(event(1, "end", end_s=4.2))
    got, expected = clip(folder), at(np.arange(round(4.7 * RATE)))
    expected[2 * RATE : 3 * RATE] = 0
    np.testing.assert_array_equal(got, expected)


def test_each_source_has_its_own_sound_and_only_chosen_classes_are_kept(folder):
    keeper = ClipKeeper(folder, Said().reports, rate_hz=RATE, before_s=0.0, labels=("dog",))
    play(keeper, 0, 4)
    for second in range(4):
        keeper.push("hall", np.zeros(RATE, np.float32), start_s=float(second))
    for source, label in (("hall", "dog"), ("attic", "cat"), ("nowhere", "dog")):
        keeper.write(event(1, "start", label=label, source=source))
        keeper.write(event(1, "end", label=label, source=source))
    assert not clip(folder).any()
    assert keeper.counts().written == 1


def test_what_still_goes_on_at_the_end_is_kept(folder):
    keeper = ClipKeeper(folder, Said().reports, rate_hz=RATE)
    play(keeper, 0, 4)
    keeper.write(event(1, "start"))
    keeper.close()
    assert len(clip(folder)) == 4 * RATE


def test_the_oldest_of_ours_go_first_and_nothing_else_ever_does(folder):
    keeper = ClipKeeper(folder, Said().reports, rate_hz=RATE, keep_mb=0.1)
    others = [folder / "my song.flac", folder / "20260101T000000.000Z_dog.flac", folder / "notes.txt"]
    for other in others:
        other.write_bytes(b"x" * 200_000)
    elsewhere = folder.parent / "elsewhere.flac"
    elsewhere.write_bytes(b"x" * 200_000)
    link = folder / "20200101T000000.000Z_dog_00000000.flac"
    link.symlink_to(elsewhere)
    rng = np.random.default_rng(0)
    for number in range(20):
        keeper.push("attic", rng.uniform(-1, 1, RATE).astype(np.float32), start_s=float(number))
        keeper.write(event(number, "start", start_s=number, end_s=number + 1))
        keeper.write(event(number, "end", start_s=number, end_s=number + 1))
        ours = sorted(path for path in folder.glob("2026*_*_*.flac") if path not in others)
        assert sum(path.stat().st_size for path in ours) <= 100_000
    assert keeper.counts().written == 20
    assert 1 <= len(ours) < 20
    assert ours[-1].name == clip_name(event(19))
    assert all(path.exists() for path in [*others, elsewhere, link])


def test_what_a_kill_left_half_written_is_removed_at_the_next_start(folder):
    folder.mkdir()
    half = folder / (clip_name(event()) + "abc123.part")
    mine = folder / "mine.part"
    for path in (half, mine):
        path.touch()
    ClipKeeper(folder, Said().reports, rate_hz=RATE)
    assert not half.exists()
    assert mine.exists()


def test_a_clip_that_cannot_be_written_is_said_and_listening_goes_on(folder, monkeypatch):
    keeper = ClipKeeper(folder, (said := Said()).reports, rate_hz=RATE)
    folder.rmdir()
    folder.write_text("in the way")
    play(keeper, 0, 4)
    keeper.write(event(1, "start"))
    keeper.write(event(1, "end"))
    assert keeper.counts().failed == 1
    assert said.has("clips: a clip of dog could not be written to")
    folder.unlink()
    keeper.write(event(2, "start"))
    keeper.write(event(2, "end"))
    assert keeper.counts().written == 1
    assert said.has("clips are written again.")


def test_a_folder_that_cannot_be_is_said_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match=r"clips cannot be kept in .*file: File exists. Name a folder"):
        ClipKeeper(tmp_path / "file", Said().reports, rate_hz=RATE)


def test_a_source_that_begins_again_finishes_what_it_had(folder):
    keeper = ClipKeeper(folder, Said().reports, rate_hz=RATE, before_s=0.0)
    play(keeper, 0, 4)
    keeper.write(event(1, "start", at_unix_s=AT))
    keeper.push("attic", np.zeros(100, np.float32), start_s=0.0)
    np.testing.assert_array_equal(clip(folder), at(np.arange(RATE, 4 * RATE)))
