"""Random numbers that depend on what they are for and on nothing else.

Each stage and each epoch draws from a generator of its own: what one draws changes no other, a run that goes on from
the middle draws what it would have drawn, and every process of a run draws the same.
"""

from __future__ import annotations

import hashlib

import torch


def seeded(seed: int, *purpose: object) -> torch.Generator:
    """A CPU generator for a purpose, such as `seeded(0, "session 2", "order", epoch)`."""
    digest = hashlib.sha256(repr((seed, purpose)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
