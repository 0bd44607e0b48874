"""Every sample of a clip is used, and a pause is not taught as the sound."""

import numpy as np

from pace_edge.clips import QUIET_DB, clip_windows, loud_enough, window_levels_dbfs


def test_every_sample_of_a_clip_is_in_a_window():
    clip = np.arange(1, 24, dtype=np.float32)
    windows = clip_windows(clip, 10, 4)
    assert set(clip) == set(windows.ravel())
    assert windows[-1].tolist() == clip[-10:].tolist()


def test_a_short_clip_is_met_at_the_start_middle_and_end_of_a_window():
    windows = clip_windows(np.ones(4, np.float32), 10, 5)
    assert [row.nonzero()[0][0] for row in windows] == [0, 3, 6]
    assert (windows.sum(1) == 4).all()


def test_pauses_beside_a_loud_sound_are_left_out_and_one_window_always_stays():
    loud, quiet = np.full(100, 0.5), np.full(100, 0.5 * 10 ** (-(QUIET_DB + 1) / 20))
    assert loud_enough(window_levels_dbfs(np.stack([loud, quiet]))).tolist() == [True, False]
    assert loud_enough(window_levels_dbfs(np.zeros((1, 100)))).tolist() == [True]
