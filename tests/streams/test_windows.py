"""Windows come from the stream alone, not from how it was cut into chunks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.windows import Windower


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
