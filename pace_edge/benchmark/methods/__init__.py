"""The benchmark's methods by name, in the order of the report's rows."""

from __future__ import annotations

from pace_edge.benchmark.method import Entry
from pace_edge.benchmark.methods.frozen import FROZEN
from pace_edge.benchmark.methods.ncm import NCM
from pace_edge.benchmark.methods.pace import PACE

METHODS: dict[str, Entry] = {**NCM, **FROZEN, **PACE}
