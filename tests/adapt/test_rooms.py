"""A word in a room is whole enough to be recognised, never clipped away, and the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.adapt.rooms import COLOURS, coloured_noise, in_a_room, room_noise

N = 32000


@pytest.mark.parametrize("colour", COLOURS)
def test_noise_has_rms_1_and_its_colour(colour):
    noise = coloured_noise(N, colour, rng=np.random.default_rng(0))
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1, rel=1e-2)
    power = np.abs(np.fft.rfft(noise)) ** 2
    low, high = power[100:1000].mean(), power[-5000:].mean()
    assert {"white": 0.5 < low / high < 2, "pink": low > 5 * high, "brown": low > 500 * high}[colour]


def test_recorded_rooms_are_tiled_to_the_length_asked_for():
    bed = room_noise(N, [np.full(100, 0.5, np.float32)], rng=np.random.default_rng(1))
    assert bed.shape == (N,)
    assert np.sqrt(np.mean(bed**2)) == pytest.approx(1, rel=1e-3)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(3200, N + 3200))
def test_most_of_the_clip_is_in_the_window(seed, length):
    rng = np.random.default_rng(seed)
    clip = np.zeros(length, np.float32)
    clip[1600:-1600] = 0.3  # what may be cut off at the edges is silent
    window = in_a_room(clip, N, [], rng=rng)
    assert window.shape == (N,)
    assert window.dtype == np.float32
    assert np.abs(window).max() <= 1
    loud = np.abs(window) > 0.4 * np.abs(window).max()
    assert loud.sum() > 0.8 * min(length - 3200, N - 3200)


def test_the_same_seed_gives_the_same_room():
    clip = np.ones(8000, np.float32) * 0.1
    a, b = (in_a_room(clip, N, [], rng=np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(a, b)
