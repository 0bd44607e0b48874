"""Windows come from the stream alone, not from how it was cut into chunks."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.listening.windows import Windower


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 20), st.integers(1, 20))
def test_windows_do_not_depend_on_how_the_stream_is_cut_into_chunks(sizes, window, hop):
    stream = np.arange(sum(sizes), dtype=np.float32)
    windower, got, at = Windower(window, hop), [], 0
    for size in sizes:
        got += [(start, samples.copy()) for start, samples in windower.push(stream[at : at + size])]
        at += size
    expected = [(s, stream[s : s + window]) for s in range(0, len(stream) - window + 1, hop)]
    assert [start for start, _ in got] == [start for start, _ in expected]
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(got, expected, strict=True))


def test_no_window_spans_a_gap_and_positions_go_on_behind_it():
    windower = Windower(4, 2)
    windower.push(np.zeros(5, np.float32))
    assert windower.skip(10) == (5, 15)
    assert [start for start, _ in windower.push(np.ones(4, np.float32))] == [15]


@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 20), st.integers(1, 20), st.integers(1, 7))
def test_windows_of_another_size_go_on_where_the_last_one_ended_and_hold_the_same_sound(size, old, hop, new, chunk):
    stream = np.arange(100, dtype=np.float32)
    windower = Windower(old, hop)
    ends = [start + old for start, _ in windower.push(stream[:size])]
    windower = windower.resized(new, hop)
    got = []
    for at in range(size, len(stream), chunk):
        got += [(start, samples.copy()) for start, samples in windower.push(stream[at : at + chunk])]
    assert got
    assert all(np.array_equal(samples, stream[start : start + new]) for start, samples in got)
    assert all(b - a == hop for (a, _), (b, _) in pairwise(got))
    if ends and new <= old:
        assert got[0][0] + new == ends[-1] + hop
    assert windower.end == 100


def test_long_chunks_need_no_more_memory_than_themselves():
    windower = Windower(100, 10)
    for _ in range(50):
        windower.push(np.zeros(1000, np.float32))
    assert len(windower._buffer) <= 1100
