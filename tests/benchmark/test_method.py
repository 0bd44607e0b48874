"""What the contract offers to methods."""

from pathlib import Path

import numpy as np
import pytest

from pace_edge.adapt.data import Clip
from pace_edge.benchmark.method import Remembered
from tests.benchmark.small import rows

CLIPS = [Clip(Path(f"{i}.wav"), "", 0, "") for i in range(4)]


@pytest.fixture
def embed():
    """Embeds clip i as row i, and remembers what it was asked for."""
    asked = []

    def of(clips):
        asked.append([int(clip.path.stem) for clip in clips])
        return rows(4)[asked[-1]]

    of.asked = asked
    return of


def test_a_clip_is_embedded_once_and_always_gets_its_own_row(embed):
    remembered = Remembered(embed)
    assert np.array_equal(remembered(CLIPS[:2]), rows(4)[:2])
    assert np.array_equal(remembered([CLIPS[3], CLIPS[1], CLIPS[3]]), rows(4)[[3, 1, 3]])
    assert np.array_equal(remembered(CLIPS[:2]), rows(4)[:2])
    assert embed.asked == [[0, 1], [3]]


def test_after_the_backbone_changed_it_is_embedded_again(embed):
    remembered = Remembered(embed)
    remembered(CLIPS[:2])
    remembered.forget()
    remembered(CLIPS[:1])
    assert embed.asked == [[0, 1], [0]]
