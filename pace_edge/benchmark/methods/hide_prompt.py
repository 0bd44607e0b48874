"""HiDe-Prompt (Wang, Xie et al., NeurIPS 2023, arXiv 2310.07234): the problem taken apart into three.

Within-task prediction: a session has prompts of its own, which start as the last session's, learn by cross-entropy over
its classes and a contrastive term against the means of earlier classes, take in a little of the earlier prompts' mean
(alpha), and are frozen for ever. Task-identity inference: a linear head on the frozen backbone's embedding, the
"uninstructed representation", says which session a clip is from. Task-adaptive prediction: one head over all classes.
Both heads are trained, after each session but the first, on features drawn from a Gaussian for each class seen so far,
with a variance for each component (the least that the published program can keep: a class may have only a few clips).
The head that infers the session is the paper's, a row for each; the program's is a small network over the classes.

It is prompt tuning, the published program's second way: new tokens join in before each of the first 5 of 12 blocks.
Prefix tuning, its first, reaches into the attention to lengthen keys and values, and attention is made otherwise in
every backbone here. What is read is what the backbone reads: EAT's class token; for Whisper, which has none, the mean
of the clip's tokens without the prompts, as the uninstructed representation is.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from pace_edge.adapt.data import Clip
from pace_edge.adapt.inputs import Frozen, Inputs
from pace_edge.adapt.seeds import seeded
from pace_edge.adapt.sessions import Session
from pace_edge.benchmark.method import Cost, Entry, Task
from pace_edge.benchmark.methods.gaussians import Gaussian, align
from pace_edge.benchmark.methods.head import columns_of, count, grown, size_bytes
from pace_edge.benchmark.methods.own_backbone import BATCH, inputs_of, own_backbone
from pace_edge.benchmark.methods.prompting import prompted, token_width
from pace_edge.benchmark.methods.scale import unit_variance
from pace_edge.benchmark.methods.training import cosine, train

LENGTH = 20  # tokens a block
ALPHA = 0.01  # share of the earlier prompts' mean in a session's own
CONTRAST, TEMPERATURE = 0.1, 0.8
RATE, HEAD_RATE = 0.03 * BATCH / 256, 0.003 * BATCH / 256  # of Adam, scaled by the batch as in the published program
CLIP_NORM = 1.0
ALIGN_EPOCHS, DRAWN, ALIGN_RATE = 30, 5 * BATCH, 0.005  # features drawn of a class and epoch


class HiDePrompt:
    def __init__(self, task: Task) -> None:
        self.task, self.backbone = task, own_backbone(task)
        n_blocks = self.backbone.pooled[-1] + 1
        self.prompted_blocks = max(1, round(5 / 12 * n_blocks))
        self.prompts: list[torch.Tensor] = []  # one session's: [blocks, length, width]
        self.head: nn.Linear | None = None  # psi, over the classes
        self.identity: nn.Linear | None = None  # omega, over the sessions
        self.labels: list[str] = []
        self.session_of: list[int] = []  # of each class
        self.instructed: list[Gaussian] = []  # of each class
        self.uninstructed: list[Gaussian] = []
        self.details: dict[str, list[list[float]]] = {"losses": []}
        self._trained = 0

    def learn(self, session: Session) -> None:
        task, D, t, old = self.task, self.backbone.embedding_size, len(self.prompts), len(self.labels)
        device = task.machine.device
        self.labels += session.labels
        self.session_of += [t] * len(session.labels)
        generator = seeded(task.seed, "heads", session.number)
        self.head = grown(self.head, D, len(self.labels), generator=generator).to(device)
        self.identity = grown(self.identity, D, t + 1, generator=generator).to(device)
        inputs = inputs_of(task, self.backbone, session.train)
        y = columns_of(session.train, self.labels).to(device)
        self.prompts.append(self._train_prompts(session, inputs, y, old))
        instructed = self._instructed(session.train, torch.full((len(y),), t))
        uninstructed = self._uninstructed(session.train)
        for c in range(old, len(self.labels)):
            self.instructed.append(Gaussian.of(instructed[y == c]))
            self.uninstructed.append(Gaussian.of(uninstructed[y == c]))
        if t:
            for head, classes, targets in (
                (self.head, self.instructed, list(range(len(self.labels)))),
                (self.identity, self.uninstructed, self.session_of),
            ):
                align(
                    head, classes, targets, epochs=ALIGN_EPOCHS, per_class=DRAWN, rate=ALIGN_RATE, generator=generator
                )

    def _train_prompts(self, session: Session, inputs: Inputs, y: torch.Tensor, old: int) -> torch.Tensor:
        """Within-task prediction: the session's prompts, frozen."""
        assert self.head is not None
        task, device, head = self.task, self.task.machine.device, self.head
        if self.prompts:
            start, earlier = self.prompts[-1].clone(), torch.stack(self.prompts).mean(0)
        else:
            shape = (self.prompted_blocks, LENGTH, token_width(self.backbone))
            start = (torch.rand(*shape, generator=seeded(task.seed, "prompts")) * 2 - 1).to(device)
        own = nn.Parameter(start)
        means = [gaussian.mean for gaussian in self.instructed]

        def mixed() -> torch.Tensor:
            return (1 - ALPHA) * own + ALPHA * earlier if self.prompts else own

        def loss(frozen: Frozen, rows: torch.Tensor) -> torch.Tensor:
            features = self._features(frozen, mixed().expand(len(rows), -1, -1, -1))
            within = cross_entropy(head(features)[:, old:], y[rows.to(device)] - old)
            M = torch.cat([torch.stack(means), features]) if means else features
            contrast = cross_entropy(M @ M.T / TEMPERATURE, torch.arange(len(M), device=device))
            return within + CONTRAST * contrast

        groups = [{"params": [own], "lr": RATE}, {"params": list(head.parameters()), "lr": HEAD_RATE}]
        self._trained = max(self._trained, count([own, *head.parameters()]))
        losses = train(
            task, f"session {session.number}", inputs, torch.optim.Adam(groups), loss, schedule=cosine,
            clip_norm=CLIP_NORM,
        )  # fmt: skip
        self.details["losses"].append([losses[0], losses[-1]])
        return mixed().detach()

    @torch.no_grad()
    def call(self, clips: Sequence[Clip]) -> list[str]:
        assert self.head is not None
        features = self._instructed(clips, self.infer_session(self._uninstructed(clips)))
        return [self.labels[c] for c in self.head(features).argmax(1).tolist()]

    def infer_session(self, uninstructed: torch.Tensor) -> torch.Tensor:
        """Which session's prompts each clip gets, from 0: int64 [n]."""
        assert self.identity is not None
        return self.identity(uninstructed).argmax(1)

    def cost(self) -> Cost:
        assert self.head is not None and self.identity is not None
        gaussians = [part for g in (*self.instructed, *self.uninstructed) for part in (g.mean, g.variance)]
        kept = [*self.prompts, *self.head.parameters(), *self.identity.parameters(), *gaussians]
        return Cost(self._trained, size_bytes(kept))

    def _features(self, frozen: Frozen, prompts: torch.Tensor) -> torch.Tensor:
        """Instructed representations [b, D] with each clip's prompts [b, blocks, length, width]."""
        of_tokens, _ = prompted(self.backbone, frozen, dict(enumerate(prompts.unbind(1))))
        return unit_variance(of_tokens)

    @torch.no_grad()
    def _instructed(self, clips: Sequence[Clip], sessions: torch.Tensor) -> torch.Tensor:
        """With the prompts of these sessions [n]: [n, D]."""
        inputs, prompts = inputs_of(self.task, self.backbone, clips, kept=False), torch.stack(self.prompts)
        groups = inputs.groups()
        read = zip(groups, inputs.read(groups), strict=True)
        return torch.cat([self._features(frozen, prompts[sessions[rows].to(prompts.device)]) for rows, frozen in read])

    def _uninstructed(self, clips: Sequence[Clip]) -> torch.Tensor:
        return unit_variance(torch.from_numpy(self.task.embed(clips)).to(self.task.machine.device))


HIDE_PROMPT = {"HiDe-Prompt": Entry(HiDePrompt, "Wang, Xie et al., NeurIPS 2023, arXiv 2310.07234")}
