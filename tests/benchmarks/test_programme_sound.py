"""What was played is known to the sample, and what was heard can be laid beside it."""

import numpy as np
import pytest
import soundfile

from benchmarks.programme_sound import APART_S, RATE_HZ, audible, make_programme, marks
from pace_edge.adapt.data import Clip
from pace_edge.audio import level_dbfs

WINDOW, HOP = 2 * RATE_HZ, RATE_HZ // 2


def clips(folder, label, count, seconds):
    rng = np.random.default_rng(len(label))
    sound = 0.3 * rng.standard_normal(round(seconds * RATE_HZ)).astype(np.float32)
    soundfile.write(folder / f"{label}.wav", np.clip(sound, -1, 1), RATE_HZ)
    return [Clip(folder / f"{label}.wav", label, 1, label)] * count


def windows(pcm):
    for start in range(0, len(pcm) - WINDOW + 1, HOP):
        yield start / RATE_HZ, (start + WINDOW) / RATE_HZ, level_dbfs(pcm[start : start + WINDOW])


@pytest.mark.parametrize("before", [0, 1234, 30001])
def test_the_markers_tell_where_the_programme_lies_in_the_stream_and_how_long_it_was_heard(tmp_path, before):
    programme = make_programme(tmp_path / "p.flac", clips(tmp_path, "dog", 3, 1.0), [], seconds=60, seed=before)
    pcm, _ = soundfile.read(programme.path, dtype="float32")
    begin_s, end_s = marks(
        [*windows(np.concatenate([np.zeros(before, np.float32), pcm, np.zeros(WINDOW, np.float32)]))]
    )
    true_begin_s, true_end_s = programme.marks_s
    assert begin_s == pytest.approx(before / RATE_HZ + true_begin_s, abs=0.02)
    assert end_s - begin_s == pytest.approx(true_end_s - true_begin_s, abs=0.02)


def test_the_sounds_are_where_the_truth_says_and_unknown_ones_are_apart_from_them(tmp_path):
    known, unknown = clips(tmp_path, "dog", 4, 1.0), clips(tmp_path, "horn", 9, 2.0)
    programme = make_programme(tmp_path / "p.flac", known, unknown, seconds=120, seed=0)
    pcm, _ = soundfile.read(programme.path, dtype="float32")
    assert len(pcm) == 120 * RATE_HZ
    assert [sound.label for sound in programme.played] == ["dog"] * 4
    assert [sound.label for sound in programme.unknown] == ["horn"] * 9
    for sound in [*programme.played, *programme.unknown]:
        first, last = round(sound.start_s * RATE_HZ), round(sound.end_s * RATE_HZ)
        assert last - first == (RATE_HZ if sound.label == "dog" else 2 * RATE_HZ)
        assert level_dbfs(pcm[first:last]) > -25
        apart = round(APART_S * RATE_HZ) if sound.label == "dog" else RATE_HZ  # from whatever comes next
        assert level_dbfs(pcm[last + 100 : last + apart]) < -50
        assert level_dbfs(pcm[first - apart : first - 100]) < -50


def test_a_sound_lasts_from_its_first_to_its_last_audible_moment():
    clip = np.zeros(2 * RATE_HZ, np.float32)
    clip[8000:16000] = 0.5
    assert audible(clip) == (8000, 16000)
    assert audible(np.full(1000, 0.1, np.float32)) == (0, 1000)


def test_sounds_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ValueError, match="do not fit"):
        make_programme(tmp_path / "p.flac", clips(tmp_path, "dog", 10, 1.0), [], seconds=60, seed=0)
