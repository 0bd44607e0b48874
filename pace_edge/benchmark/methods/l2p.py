"""L2P, learning to prompt (Wang et al., CVPR 2022, arXiv 2112.08654): a pool of prompts that each clip chooses from.

Symbols are the paper's: M prompts P of L_p tokens with keys k; q(x) the frozen backbone's embedding of a clip; it gets
the N prompts whose keys are nearest to q(x) by cosine (eq. 3). The head reads the mean of what the chosen prompts' own
tokens became in the last layer (section 4.3), on Whisper as on EAT: a prompt attends to the clip in every block, so it
needs no class token. As the embedding of all methods is pooled behind several of Whisper's blocks, so is this.

The loss is cross-entropy over the session's own classes (logits of old ones are masked, as in the published program)
plus lambda times the distance of the chosen keys (eq. 5). Each clip chooses for itself, in training as in the test; the
published program lets a batch vote, in the test too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from pace_edge.adapt.data import Clip
from pace_edge.adapt.inputs import Frozen
from pace_edge.adapt.seeds import seeded
from pace_edge.adapt.sessions import Session
from pace_edge.benchmark.method import Cost, Entry, Task
from pace_edge.benchmark.methods.head import columns_of, count, grown, size_bytes
from pace_edge.benchmark.methods.own_backbone import BATCH, inputs_of, own_backbone
from pace_edge.benchmark.methods.prompting import prompted, token_width
from pace_edge.benchmark.methods.scale import unit_variance
from pace_edge.benchmark.methods.training import constant, train

POOL, LENGTH, CHOSEN = 10, 5, 5  # M, L_p, N
PULL = 0.5  # lambda
RATE = 0.03 * BATCH / 256  # of Adam, scaled by the batch as in the published program; constant
CLIP_NORM = 1.0


class L2P:
    def __init__(self, task: Task) -> None:
        self.task, self.backbone = task, own_backbone(task)
        width, D, device = token_width(self.backbone), self.backbone.embedding_size, task.machine.device
        generator = seeded(task.seed, "prompts")
        draw = [torch.rand(*shape, generator=generator) * 2 - 1 for shape in ((POOL, LENGTH, width), (POOL, D))]
        self.prompts, self.keys = (nn.Parameter(values.to(device)) for values in draw)
        self.head: nn.Linear | None = None
        self.labels: list[str] = []
        self.details: dict[str, list[list[float]]] = {"losses": []}

    def learn(self, session: Session) -> None:
        task, old = self.task, len(self.labels)
        self.labels += session.labels
        generator = seeded(task.seed, "head", session.number)
        head = grown(self.head, self.backbone.embedding_size, len(self.labels), generator=generator)
        self.head = head.to(task.machine.device)
        inputs, q = inputs_of(task, self.backbone, session.train), self._queries(session.train)
        y = columns_of(session.train, self.labels).to(q.device)

        def loss(frozen: Frozen, rows: torch.Tensor) -> torch.Tensor:
            rows = rows.to(q.device)
            chosen = self.choose(q[rows])
            logits = self._logits(frozen, chosen)
            own = cross_entropy(logits[:, old:], y[rows] - old)
            cosines = torch.einsum("bd,bnd->bn", q[rows], normalize(self.keys, dim=1)[chosen])
            return own - PULL * cosines.sum(1).mean()

        optimizer = torch.optim.Adam(self._learned(), lr=RATE)  # a fresh one: what is not chosen gets no step
        losses = train(
            task, f"session {session.number}", inputs, optimizer, loss, schedule=constant, clip_norm=CLIP_NORM
        )
        self.details["losses"].append([losses[0], losses[-1]])

    @torch.no_grad()
    def call(self, clips: Sequence[Clip]) -> list[str]:
        inputs, q = inputs_of(self.task, self.backbone, clips, kept=False), self._queries(clips)
        groups, called = inputs.groups(), list[str]()
        for rows, frozen in zip(groups, inputs.read(groups), strict=True):
            logits = self._logits(frozen, self.choose(q[rows.to(q.device)]))
            called += [self.labels[c] for c in logits.argmax(1).tolist()]
        return called

    def cost(self) -> Cost:
        return Cost(count(self._learned()), size_bytes(self._learned()))

    def choose(self, q: torch.Tensor) -> torch.Tensor:
        """Which prompts each query [b, D] gets: int64 [b, N]."""
        return (q @ normalize(self.keys, dim=1).T).topk(CHOSEN, dim=1).indices

    def _queries(self, clips: Sequence[Clip]) -> torch.Tensor:
        """q(x) of length 1: [n, D]."""
        return normalize(torch.from_numpy(self.task.embed(clips)).to(self.keys.device), dim=1)

    def _logits(self, frozen: Frozen, chosen: torch.Tensor) -> torch.Tensor:
        assert self.head is not None
        _, of_prompts = prompted(self.backbone, frozen, {0: self.prompts[chosen].flatten(1, 2)})
        return self.head(unit_variance(of_prompts))

    def _learned(self) -> list[torch.Tensor]:
        assert self.head is not None
        return [self.prompts, self.keys, *self.head.parameters()]


LEARNING_TO_PROMPT = {"L2P": Entry(L2P, "Wang et al., CVPR 2022, arXiv 2112.08654")}
