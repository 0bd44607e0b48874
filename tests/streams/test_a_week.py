"""Memory stays flat however long a listener runs."""

import gc
import tracemalloc

import numpy as np

from pace_edge.model_file import read_model
from streams.heard import Window
from streams.listening.learner import open_journal
from streams.listening.listener import Listener
from streams.listening.options import Options
from tests.synthetic import hiss, tone

MINUTES_HEARD_FIRST, MINUTES = 4, 20


def test_memory_does_not_grow_with_the_hours(small_model):
    rng = np.random.default_rng(0)
    minute = np.concatenate([tone(300, 5, rng=rng), hiss(15, rng=rng), tone(2500, 3, rng=rng), hiss(37, rng=rng)])
    options = Options(cool_down_s=10, update_s=1, unknown=True, gate_dbfs=-50, hop_s=1.0)
    windows, sizes = 0, []
    model = read_model(small_model)
    with open_journal(model) as journal:
        listener = Listener(model, journal, options)
        tracemalloc.start()
        try:
            for i in range(MINUTES):
                for source in ("attic", "cellar"):
                    heard = listener.feed(minute, source=source)
                    windows += sum(isinstance(h, Window) for h in heard)
                if i >= MINUTES_HEARD_FIRST:
                    gc.collect()
                    sizes.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
    assert windows == 2 * 60 * MINUTES
    half = len(sizes) // 2
    assert np.median(sizes[half:]) - np.median(sizes[:half]) < 20_000  # bytes in eight minutes, a thousand windows
