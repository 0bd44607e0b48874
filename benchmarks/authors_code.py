"""The authors' own learners as methods of the benchmark, beside ours on the same embeddings:

    git clone https://github.com/LAMDA-CL/LAMDA-PILOT && git -C LAMDA-PILOT checkout 5240714
    git clone https://github.com/tyler-hayes/Deep_SLDA && git -C Deep_SLDA checkout bc15797
    pip install '.[train,bench]' tqdm
    export PILOT=LAMDA-PILOT DEEP_SLDA=Deep_SLDA
    A=benchmarks/authors_code.py
    pace-edge benchmark run --data FOLDER --output RUNS --set esc10 --M 1024 --method NCM --method $A:TheirNCM \
        --method SLDA --method $A:TheirSLDA --method RanPAC --method $A:TheirRanPAC --method $A:TheirRanPACFloat32
    python -m benchmarks.authors_code RUNS

Their classes are loaded from their files and do the learning. What is replaced is the network, by the kept embeddings
(and, for RanPAC, our random projection), the data loader, by the session's clips in our order, and Deep_SLDA's GPU.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import sys
import types
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import linear, normalize, relu

from pace_edge.adapt.data import Clip
from pace_edge.adapt.sessions import Session
from pace_edge.analytic import RandomProjection
from pace_edge.benchmark.method import Cost, Task
from pace_edge.benchmark.methods.scale import unit_variance
from pace_edge.benchmark.records import Record, read_records
from pace_edge.errors import UsageError

OURS = {"TheirNCM": "NCM", "TheirSLDA": "SLDA", "TheirRanPAC": "RanPAC", "TheirRanPACFloat32": "RanPAC"}


class Kept(nn.Module):
    """A network of theirs that passes embeddings through; `fc` are the rows that their learner fills."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.fc = nn.Linear(width, classes, bias=False)
        self.fc.weight.requires_grad_(False)

    def backbone(self, z: torch.Tensor) -> torch.Tensor:
        return z

    extract_vector = backbone


class Theirs(ABC):
    """What the adapters share: embeddings in, labels out."""

    def __init__(self, task: Task) -> None:
        self.task, self.labels = task, list[str]()

    def columns(self, session: Session) -> torch.Tensor:
        """The session's classes join; each clip's number among all, int64 [n]."""
        self.labels += session.labels
        return torch.tensor([self.labels.index(clip.label) for clip in session.train])

    @abstractmethod
    def learn(self, session: Session) -> None: ...

    @abstractmethod
    def scores(self, z: torch.Tensor) -> torch.Tensor:
        """float32 [n, D] of length 1 to [n, classes], those to come behind those so far."""

    def call(self, clips: Sequence[Clip]) -> list[str]:
        scores = self.scores(torch.from_numpy(self.task.embed(clips)))
        return [self.labels[c] for c in scores[:, : len(self.labels)].argmax(1)]

    def cost(self) -> Cost:
        return Cost(0, 0)  # not what this is for


class TheirNCM(Theirs):
    """SimpleCIL of LAMDA-PILOT."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.learner = _pilot("models.simplecil")
        self.learner._network = Kept(task.backbone.embedding_size, task.classes)

    def learn(self, session: Session) -> None:
        y = self.columns(session)
        self.learner.train_dataset = types.SimpleNamespace(labels=y.numpy())
        loader = [(None, torch.from_numpy(self.task.embed(session.train)), y)]
        self.learner.replace_fc(loader, self.learner._network, None)

    def scores(self, z: torch.Tensor) -> torch.Tensor:
        """By cosine, as their CosineLinear computes it."""
        return linear(normalize(z, dim=1), normalize(self.learner._network.fc.weight, dim=1))


class TheirRanPAC(Theirs):
    """RanPAC of LAMDA-PILOT, in float64: it computes in torch's default type, as published in float32."""

    dtype = torch.float64

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        D, M, C = task.backbone.embedding_size, task.M, task.classes
        projection, unit = RandomProjection.random(D, M, seed=task.seed), np.eye(D, dtype=np.float32)
        W = (projection(unit) - projection(-unit)) * (M / 2) ** 0.5  # relu(w) - relu(-w) = w; our own scale out
        self.learner, self.order = _pilot("models.ranpac"), np.random.default_rng(task.seed)
        self.learner.args = {"nb_classes": C, "M": M, "use_RP": True}
        self.learner._network = Kept(M, C)
        self.learner.W_rand = torch.from_numpy(W).to(self.dtype)
        self.learner.Q, self.learner.G = torch.zeros(M, C, dtype=self.dtype), torch.zeros(M, M, dtype=self.dtype)

    def learn(self, session: Session) -> None:
        y, rows = self.columns(session), self.order.permutation(len(session.train))
        z = unit_variance(torch.from_numpy(self.task.embed(session.train)))
        with _default_type(self.dtype), contextlib.redirect_stdout(io.StringIO()):  # it prints its lambda
            self.learner.replace_fc([(None, z[rows].to(self.dtype), y[rows])], self.learner._network, None)

    def scores(self, z: torch.Tensor) -> torch.Tensor:
        h = relu(unit_variance(z).to(self.dtype) @ self.learner.W_rand)
        return linear(h, self.learner._network.fc.weight)


class TheirRanPACFloat32(TheirRanPAC):
    """As published."""

    dtype = torch.float32


class TheirSLDA(Theirs):
    """Deep_SLDA, its covariance begun with the first session as its program begins it, then clip by clip."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        file = _folder("DEEP_SLDA") / "SLDA_Model.py"
        module: dict[str, Any] = {}
        exec(compile(file.read_text().replace("self.device = 'cuda'", "self.device = 'cpu'"), file, "exec"), module)
        self.learner = module["StreamingLDA"](task.backbone.embedding_size, task.classes)

    def learn(self, session: Session) -> None:
        first, y = not self.labels, self.columns(session)
        z = unit_variance(torch.from_numpy(self.task.embed(session.train)))
        with contextlib.redirect_stdout(io.StringIO()):
            if first:
                self.learner.fit_base(z, y)
            else:
                for each, k in zip(z, y, strict=True):
                    self.learner.fit(each, k)

    def scores(self, z: torch.Tensor) -> torch.Tensor:
        with contextlib.redirect_stdout(io.StringIO()):
            return self.learner.predict(unit_variance(z))


def _pilot(module: str) -> Any:
    """A learner of LAMDA-PILOT without its constructor, which wants a vision transformer."""
    root = str(_folder("PILOT"))
    sys.path.insert(0, root)
    try:
        network: Any = types.ModuleType("utils.inc_net")  # theirs wants timm
        network.__getattr__ = lambda name: object
        sys.modules.setdefault("utils.inc_net", network)
        Learner = importlib.import_module(module).Learner
    finally:
        sys.path.remove(root)
    learner = Learner.__new__(Learner)
    learner._device = "cpu"
    return learner


def _folder(variable: str) -> Path:
    if not (said := os.environ.get(variable)) or not Path(said).is_dir():
        raise UsageError(
            f"the environment's {variable} names no folder", expected="that of their repository", got=str(said),
            do=f"Clone it, and export {variable}=FOLDER.",
        )  # fmt: skip
    return Path(said)


@contextlib.contextmanager
def _default_type(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def run_of(record: Record) -> tuple[str, str, int, int, int]:
    return record.set, record.backbone, record.M, record.order, record.fold


def differing(a: Record, b: Record) -> int:
    """Of how many sessions' classes the share called right differs, after any session."""
    return sum(x != y for row, other in zip(a.matrix, b.matrix, strict=True) for x, y in zip(row, other, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    records = {(run_of(record), record.method): record for record in read_records(parser.parse_args().runs)}
    print("| set | backbone | M | order | fold | theirs | shares | of them differ | ours | theirs |\n|" + "---|" * 10)
    for (run, method), theirs in records.items():
        if method in OURS and (ours := records.get((run, OURS[method]))):
            shares, last = sum(map(len, theirs.matrix)), [f"{100 * r.accuracies[-1]:.1f}" for r in (ours, theirs)]
            print("| " + " | ".join(map(str, (*run, method, shares, differing(ours, theirs), *last))) + " |")


if __name__ == "__main__":
    main()
