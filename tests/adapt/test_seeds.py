"""What is drawn depends on the seed and the purpose alone."""

import torch

from pace_edge.adapt.seeds import seeded


def test_each_purpose_draws_its_own_numbers_again_and_again():
    def draw(*words):
        return torch.rand(4, generator=seeded(*words)).tolist()

    assert draw(0, "order", 1) == draw(0, "order", 1)
    assert len({tuple(draw(*words)) for words in [(0, "order", 1), (0, "order", 2), (1, "order", 1), (0, "head")]}) == 4
