"""How often one client may ask: a bucket that fills steadily, each request takes one drop."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

CLIENTS = 1000  # that are remembered; of more, the one that asked longest ago is forgotten


@dataclass(frozen=True)
class Rate:
    """`burst` at once, then `each_s` seconds for each."""

    burst: int
    each_s: float


@dataclass(frozen=True)
class Bucket:
    drops: float
    at_s: float


def step(bucket: Bucket | None, rate: Rate, now_s: float) -> tuple[Bucket, float]:
    """The bucket after a request, and how many seconds that came too early; 0: it may pass."""
    full = Bucket(float(rate.burst), now_s)
    drops = full.drops if bucket is None else min(full.drops, bucket.drops + (now_s - bucket.at_s) / rate.each_s)
    if drops < 1:
        return Bucket(drops, now_s), (1 - drops) * rate.each_s
    return Bucket(drops - 1, now_s), 0.0


class Limiter:
    def __init__(self, rate: Rate, clients: int = CLIENTS) -> None:
        self._rate, self._most = rate, clients
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def too_early_s(self, client: str, now_s: float) -> float:
        """0 where this client may ask now."""
        bucket, early_s = step(self._buckets.pop(client, None), self._rate, now_s)
        self._buckets[client] = bucket
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return early_s
