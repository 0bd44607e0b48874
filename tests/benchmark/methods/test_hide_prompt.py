"""HiDe-Prompt: prompts are frozen after their session; a head on the frozen embedding says whose a clip gets."""

import pytest
import torch

from pace_edge.benchmark.methods import hide_prompt
from pace_edge.benchmark.methods.hide_prompt import HiDePrompt
from tests.adapt.small import write_clips
from tests.benchmark.small import sessions_in, task_of


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    return sessions_in(write_clips(tmp_path_factory.mktemp("tones"), classes=6, per_class=6))


@pytest.fixture(scope="module")
def learned(sessions):
    """A method after all sessions, and a copy of its prompts and Gaussians as they were after each."""
    method, after = HiDePrompt(task_of()), []
    for session in sessions:
        method.learn(session)
        parts = [*method.prompts, *(part for g in method.instructed for part in (g.mean, g.variance))]
        after.append([part.clone() for part in parts])
    return method, after


def test_prompts_and_gaussians_of_earlier_sessions_never_change(learned):
    method, after = learned
    for t, kept in enumerate(after, 1):
        now = [*method.prompts[:t], *(part for g in method.instructed[: 2 * t] for part in (g.mean, g.variance))]
        assert all(old.equal(new) for old, new in zip(kept, now, strict=True))
    assert not any(prompt.requires_grad for prompt in method.prompts)


def test_each_session_has_prompts_of_its_own_before_the_first_blocks(learned):
    method, _ = learned
    assert [tuple(prompt.shape) for prompt in method.prompts] == [(1, hide_prompt.LENGTH, 24)] * 3  # 5 of 12: 1 of 3
    assert all(not a.equal(b) for a, b in zip(method.prompts, method.prompts[1:], strict=False))


def test_the_session_is_inferred_from_the_frozen_embedding_alone(learned, sessions, monkeypatch):
    method, _ = learned
    clips = [clip for session in sessions for clip in session.test]
    inferred, given = method.infer_session(method._uninstructed(clips)), []
    original = HiDePrompt._features

    def watched(self, frozen, prompts):
        given.append(prompts)
        return original(self, frozen, prompts)

    monkeypatch.setattr(HiDePrompt, "_features", watched)
    method.call(clips)
    assert torch.cat(given).equal(torch.stack(method.prompts)[inferred])
    truth = torch.tensor([t for t, session in enumerate(sessions) for _ in session.test])
    assert (inferred == truth).double().mean() > 0.8


def test_in_the_first_session_no_head_is_aligned_and_later_both_are_on_all_classes_so_far(sessions, monkeypatch):
    calls = []
    original = hide_prompt.align

    def watched(head, classes, targets, **settings):
        calls.append((head.out_features, len(classes), list(targets)))
        original(head, classes, targets, **settings)

    monkeypatch.setattr(hide_prompt, "align", watched)
    method = HiDePrompt(task_of(epochs=1))
    method.learn(sessions[0])
    assert calls == []
    method.learn(sessions[1])
    assert calls == [(4, 4, [0, 1, 2, 3]), (2, 4, [0, 0, 1, 1])]


def test_a_sessions_prompts_hold_a_share_of_the_earlier_ones_mean(sessions, monkeypatch):
    monkeypatch.setattr(hide_prompt, "ALPHA", 1.0)
    method = HiDePrompt(task_of(epochs=1))
    for session in sessions:
        method.learn(session)
    assert torch.allclose(method.prompts[1], method.prompts[0])
    assert torch.allclose(method.prompts[2], (method.prompts[0] + method.prompts[1]) / 2)


def test_it_tells_its_sessions_apart(learned, sessions):
    method, _ = learned
    clips = [clip for session in sessions for clip in session.train]
    right = [a == clip.label for a, clip in zip(method.call(clips), clips, strict=True)]
    assert sum(right) > 0.5 * len(right)  # chance: 1 of 6
