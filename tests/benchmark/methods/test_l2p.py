"""L2P: a clip alone says which prompts it gets, and only prompts that were chosen learn."""

from dataclasses import replace

import pytest
import torch

from pace_edge.benchmark.methods.l2p import CHOSEN, L2P, POOL
from tests.adapt.small import write_clips
from tests.benchmark.small import sessions_in, task_of


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    return sessions_in(write_clips(tmp_path_factory.mktemp("tones"), classes=6, per_class=6))


def state(l2p):
    return l2p.prompts.detach().clone(), l2p.keys.detach().clone()


def test_after_a_session_only_pool_entries_that_were_chosen_have_changed(sessions, monkeypatch):
    l2p, chosen = L2P(task_of()), []
    original = L2P.choose

    def watched(self, q):
        chosen.append(original(self, q))
        return chosen[-1]

    monkeypatch.setattr(L2P, "choose", watched)
    for session in sessions:
        chosen.clear()
        before = state(l2p)
        l2p.learn(session)
        touched = torch.zeros(POOL, dtype=torch.bool)
        touched[torch.cat(chosen).unique()] = True
        assert 0 < touched.sum() < POOL  # else it says nothing
        for old, new in zip(before, state(l2p), strict=True):
            changed = (old != new).flatten(1).any(1)
            assert changed.equal(touched)


def test_what_a_clip_chooses_depends_on_the_clip_alone(sessions):
    l2p = L2P(task_of())
    l2p.learn(sessions[0])
    clips = [clip for session in sessions for clip in session.test]
    q = l2p._queries(clips)
    together = l2p.choose(q)
    assert together.shape == (len(clips), CHOSEN)
    alone = torch.cat([l2p.choose(l2p._queries([clip])) for clip in clips])
    assert together.equal(alone)
    assert l2p.call(clips) == [name for clip in clips for name in l2p.call([clip])]


def test_the_nearest_keys_by_cosine_are_chosen():
    l2p = L2P(task_of())
    q = torch.nn.functional.normalize(torch.randn(4, 24, generator=torch.Generator().manual_seed(3)), dim=1)
    cosine = torch.cosine_similarity(q[:, None], l2p.keys[None], dim=-1)
    assert l2p.choose(q).sort(1).values.equal(cosine.argsort(1, descending=True)[:, :CHOSEN].sort(1).values)


def test_rows_of_old_classes_do_not_learn_in_later_sessions(sessions):
    l2p = L2P(task_of())
    l2p.learn(sessions[0])
    before = l2p.head.weight.detach().clone()
    l2p.learn(sessions[1])
    assert l2p.head.weight.shape == (4, 24)
    assert l2p.head.weight[:2].equal(before)


def test_chosen_keys_are_pulled_to_the_queries(sessions):
    l2p = L2P(task_of(epochs=6))
    q = l2p._queries(sessions[0].train)
    before = (q @ torch.nn.functional.normalize(l2p.keys, dim=1).T).topk(CHOSEN, 1).values.mean()
    l2p.learn(sessions[0])
    after = (q @ torch.nn.functional.normalize(l2p.keys, dim=1).T).topk(CHOSEN, 1).values.mean()
    assert after > before + 0.01


def test_it_learns_its_session(sessions):
    l2p = L2P(task_of(epochs=10))
    l2p.learn(replace(sessions[0], test=()))
    assert l2p.call(sessions[0].train) == [clip.label for clip in sessions[0].train]
