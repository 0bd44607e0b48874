"""The histogram behind a threshold's slider has every window of the last hour once."""

from streams.heard import Window
from streams.web.scores import BINS, ScoreHour


def window(**scores):
    return Window(0, 1, "", 0.0, 0.0, scores=scores)


def test_every_window_is_counted_once_for_every_class():
    hour = ScoreHour(lambda: 0.0)
    for score in (0.0, 0.049, 0.05, 0.97, 1.0):
        hour.add(window(dog=score))
    hour.add(window(cat=0.5))
    edges, counts = hour.of("dog")
    assert len(edges) == BINS + 1
    assert (counts[0], counts[1], counts[-1]) == (3, 1, 2)  # where only the cat scored, the dog has 0
    assert sum(counts) == sum(hour.of("nobody")[1]) == 6


def test_what_is_older_than_an_hour_is_forgotten():
    now = 0.0
    hour = ScoreHour(lambda: now)
    for minute in range(90):
        now = 60.0 * minute
        hour.add(window(dog=0.5))
    assert sum(hour.of("dog")[1]) == 60
    now += 3600.0
    assert sum(hour.of("dog")[1]) == 0
