"""A model that keeps up with its journal: whatever process wrote a label, the classifier has it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np

from pace_edge.config import home
from pace_edge.journal import Example, Journal
from pace_edge.model_file import Model
from pace_edge.readout import Reading


def open_journal(model: Model, path: Path | None = None) -> Journal:
    """The model's journal: `path`, or the file of the model's name in the state folder."""
    safe_name = "".join(c if c.isalnum() or c in "-_." else "_" for c in model.info.name)
    return Journal(
        path or home() / "journals" / f"{safe_name}.sqlite",
        model_name=model.info.name, model_sha256=model.sha256, embedding_size=model.embedding_size,
    )  # fmt: skip


class Learner:
    """The model's classifier with every label of its journal applied, once each, in the journal's order."""

    def __init__(self, model: Model, journal: Journal) -> None:
        self.info = model.info
        self.journal = journal
        self.classifier = deepcopy(model.classifier)  # one model may serve several learners
        self._project = model.projection
        self._applied = 0
        self.catch_up()

    def catch_up(self) -> list[Example]:
        """Apply the labels written since the last call, by any process, and return them."""
        new = self.journal.examples(after=self._applied)
        if new:
            self.classifier.learn_all([(self._project(example.embeddings), example.label) for example in new])
            self._applied = new[-1].id
        return new

    def best(self, embeddings: np.ndarray) -> tuple[str, float]:
        """What the windows [n, D] of one sound are called together, and how sure that is, from 0 to 1."""
        return self.info.read_out.best(self.classifier, self._project(embeddings))

    def read(self, embeddings: np.ndarray) -> Reading:
        """All that the windows [n, D] of one sound say together."""
        return self.info.read_out.read(self.classifier, self._project(embeddings))
