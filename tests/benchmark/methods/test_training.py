"""The loop of the methods that learn by Adam: each clip once an epoch, the rate by schedule, and no run on without a
finite loss."""

import pytest
import torch

from pace_edge.benchmark.methods.own_backbone import inputs_of
from pace_edge.benchmark.methods.training import constant, cosine, quarter_cosine, train
from pace_edge.errors import LearningError
from tests.adapt.small import write_clips
from tests.benchmark.small import task_of


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("tones"), classes=5, per_class=6)


def run(clips, *, slope=1.0, schedule=constant, clip_norm=None, epochs=2):
    """Where plain steps at a rate of 0.1 take a number w from 0 when the loss is `slope` w, and the clips in their
    order."""
    task, w, seen = task_of(epochs=epochs), torch.nn.Parameter(torch.zeros(())), []
    inputs = inputs_of(task, task.backbone, clips)

    def loss(frozen, rows):
        assert torch.equal(frozen.x, next(inputs.read([rows])).x)
        seen.append(rows.tolist())
        return slope * w

    optimizer = torch.optim.SGD([w], lr=0.1)
    losses = train(task, "test", inputs, optimizer, loss, schedule=schedule, clip_norm=clip_norm)
    return w.item(), seen, losses


def test_every_clip_comes_once_in_each_epoch_in_an_order_of_its_own(clips):
    _, seen, losses = run(clips)
    assert [len(rows) for rows in seen] == [24, 6, 24, 6]
    first, second = seen[0] + seen[1], seen[2] + seen[3]
    assert sorted(first) == sorted(second) == list(range(30))
    assert first != second
    assert run(clips)[1] == seen
    assert losses[1] < losses[0]


def test_the_rate_follows_the_schedule_epoch_by_epoch(clips):
    assert run(clips)[0] == pytest.approx(-0.1 * 4)
    assert run(clips, schedule=cosine)[0] == pytest.approx(-0.1 * (2 + 2 * 0.5))
    assert run(clips, schedule=quarter_cosine)[0] == pytest.approx(-0.1 * (2 + 2 * 0.5**0.5))


def test_a_gradient_is_no_longer_than_its_limit(clips):
    assert run(clips, slope=50.0, clip_norm=1.0)[0] == pytest.approx(-0.1 * 4, rel=1e-4)


def test_training_that_diverges_ends_with_a_word(clips):
    with pytest.raises(LearningError, match=r"training of test diverged.*a finite loss.*nan in epoch 1"):
        run(clips, slope=float("nan"))
