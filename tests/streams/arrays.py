"""A source made of arrays, as an application would make its own."""

from tests.synthetic import RATE_HZ


class Arrays:
    rate_hz, dropped, overflows = RATE_HZ, 0, 0

    def __init__(self, samples, chunk=1600, name="arrays"):
        self.chunks = [samples[i : i + chunk] for i in range(0, len(samples), chunk)]
        self.name = name
        self.closed = False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.closed = True

    def __iter__(self):
        yield from self.chunks
