"""What every method in METHODS must keep, whatever it does inside."""

from dataclasses import replace

import numpy as np
import pytest

from pace_edge.adapt.backbone import backbone_sha256
from pace_edge.benchmark.learning import checked_details, joined, learn_and_test
from pace_edge.benchmark.methods import METHODS
from pace_edge.benchmark.records import append_record, read_records
from tests.adapt.small import write_clips
from tests.benchmark.small import record, sessions_in, task_of

# They ask whether there is anything to adapt, and may find nothing.
ASKS = ("PACE", "PACE, discriminant", "PACE, read-out chosen")


class Witness:
    """A method under watch: it cannot look at a session's clips again, and must name what it was taught."""

    def __init__(self, method):
        self.method, self.seen, self.called = method, set(), []

    def learn(self, session):
        self.method.learn(session)
        self.seen |= set(session.labels)
        for clip in session.train:
            clip.path.unlink()

    def call(self, clips):
        self.called.append(self.method.call(clips))
        assert set(self.called[-1]) <= self.seen
        return self.called[-1]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One method through three sessions, run once for each name and seed."""
    done = {}

    def once(name, *, seed=0, again=0):
        if (name, seed, again) not in done:
            task = task_of(seed=seed)
            sessions = sessions_in(write_clips(tmp_path_factory.mktemp("tones"), classes=6, per_class=6))
            if METHODS[name].joint:
                sessions = joined(sessions)
            before, witness = backbone_sha256(task.backbone), Witness(METHODS[name].make(task))
            learned = learn_and_test(witness, sessions)
            done[name, seed, again] = witness, learned, (before, backbone_sha256(task.backbone))
        return done[name, seed, again]

    return once


every_method = pytest.mark.parametrize("name", METHODS)


@every_method
def test_it_learns_sessions_whose_clips_are_gone_after_them_and_names_only_labels_seen_so_far(run, name):
    witness, learned, _ = run(name)
    assert len(learned.accuracies) == (1 if METHODS[name].joint else 3)
    assert len(witness.seen) == 6


@every_method
def test_the_pretrained_backbone_stays_as_it_is_to_the_bit(run, name):
    before, after = run(name)[2]
    assert before == after


@every_method
def test_the_same_seed_gives_the_same_run(run, name):
    assert run(name)[0].called == run(name, again=1)[0].called
    assert checked_details(run(name)[0].method) == checked_details(run(name, again=1)[0].method)


@every_method
def test_its_record_is_read_back_as_it_was_written(run, name, tmp_path):
    witness, learned, _ = run(name)
    cost = witness.method.cost()
    written = record(
        method=name, sessions=[["some", "labels"]] * len(learned.accuracies), accuracies=learned.accuracies,
        matrix=learned.matrix, macro_accuracy=learned.macro_accuracy, details=checked_details(witness.method),
        trainable_parameters=cost.trainable_parameters, stored_bytes=cost.stored_bytes,
    )  # fmt: skip
    append_record(written, tmp_path)
    assert read_records(tmp_path) == [written]


@every_method
def test_its_costs_are_those_of_what_it_does(run, name):
    cost = run(name)[0].method.cost()
    assert cost.stored_bytes > 0
    assert (cost.trainable_parameters > 0) or not METHODS[name].trains or name in ASKS


@every_method
def test_its_paper_is_cited(name):
    assert METHODS[name].paper


@pytest.mark.parametrize("name", [name for name, entry in METHODS.items() if not entry.trains])
def test_what_trains_nothing_needs_embeddings_alone(name, tmp_path):
    sessions, task = sessions_in(write_clips(tmp_path, classes=6, per_class=6)), task_of()
    clips = [clip for session in sessions for clip in session.train]
    kept = dict(zip(clips, task.embed(clips), strict=True))
    method = METHODS[name].make(replace(task, embed=lambda clips: np.stack([kept[clip] for clip in clips])))
    for clip in clips:
        clip.path.unlink()
    for session in sessions:
        method.learn(replace(session, test=()))
    assert len(method.call(clips)) == len(clips)
