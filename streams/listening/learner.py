"""A model that keeps up with its journal: whatever process wrote an operation, the classifier has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np

from pace_edge.errors import LearningError
from pace_edge.journal import Example, Journal
from pace_edge.label_check import UNKNOWN as UNKNOWN
from pace_edge.model_file import Model
from pace_edge.operations import Operation, State, beginning, effective
from pace_edge.readout import Reading
from pace_edge.snapshot import read_snapshot, write_snapshot
from streams.configuration.place import place

SNAPSHOT_FROM = 500  # windows learned while opening; with fewer, opening is quick
BATCH = 64  # examples that are projected at once


def open_journal(model: str | Path | Model | None = None, path: str | Path | None = None) -> Journal:
    """The model's journal: `path`, else as configured, else the file of the model's name in the state folder. `model`:
    None, as configured. Raises UsageError, ModelFileError or JournalError.

    >>> import pace_edge
    >>> with pace_edge.open_journal() as journal:
    ...     journal.path.name
    'pace-starter.sqlite'
    """
    found = place(model, journal=path)
    loaded = found.load()
    return Journal(
        found.journal_of(loaded),
        model_name=loaded.info.name, model_sha256=loaded.sha256, embedding_size=loaded.embedding_size,
    )  # fmt: skip


class Learner:
    """The model's classifier with everything that its journal comes to: `state`, in which only what could be read
    counts.

    Differences are applied by exact steps forward and back; where a step cannot be made, such as for an example that
    was erased, the classifier is solved again from the model and what is left. Both are the same classifier.
    """

    def __init__(self, model: Model, journal: Journal) -> None:
        self.info = model.info
        self.journal = journal
        self.operations: list[Operation] = []
        self._unreported: list[Operation] = []  # taken from the journal, and not yet returned by `catch_up`
        self._model = model
        self._start = self.state = beginning(model.info.labels, model.info.hidden)
        self._whole = True  # the classifier is what `state` says
        self._sample_features: np.ndarray | None = None
        self._open()

    @property
    def untouched(self) -> bool:
        """The classifier is the model file's, as it was."""
        return self.state == self._start

    def event_examples(self) -> dict[str, int]:
        """The announced sounds that examples in effect were made of, by the event's id: the example."""
        counting = self.state.examples
        return {o.event: o.id for o in self.operations if o.event and o.id in counting}

    def corrections(self) -> dict[str, str]:
        """What a person said that announced sounds were, by the event's id, as that class is called now."""
        counting = self.state.examples  # read once: another thread may ask
        return {event: counting[id] for event, id in self.event_examples().items() if id in counting}

    def catch_up(self) -> list[Example | Operation]:
        """Apply what was written since the last call, by any process; the examples and other operations, in order. What
        could not be returned because the journal failed is returned by the next call that does not fail."""
        new = self.journal.operations(after=self.operations[-1].id if self.operations else 0)
        self.operations += new
        self._unreported += new
        if not self._unreported and self._whole:
            return []
        if new or not self._whole:
            self._reach(effective(self.operations, self._start))
        taught = dict(self.journal.embeddings(o.id for o in self._unreported if o.kind == "learn"))
        reported, self._unreported = self._unreported, []
        return [
            Example(o.id, o.at_unix_s, o.label, o.source, taught[o.id]) if o.kind == "learn" else o
            for o in reported
            if o.kind != "learn" or o.id in taught
        ]

    def best(self, embeddings: np.ndarray) -> tuple[str, float]:
        """What the windows [n, D] of one sound are called together, and how sure that is, from 0 to 1. A hidden class
        takes part, so that its sounds are not taken for another's, and where it wins nothing is reported."""
        label, score = self.info.read_out.best(self.classifier, self._model.projection(embeddings))
        return (UNKNOWN, 0.0) if label in self.state.hidden else (label, score)

    def read(self, embeddings: np.ndarray) -> Reading:
        """All that the windows [n, D] of one sound say together, of every class, hidden ones too."""
        return self.info.read_out.read(self.classifier, self._model.projection(embeddings))

    def uses_view(self, view: int) -> bool:
        """Whether what a sound is in this view makes a difference to any class."""
        return self.info.read_out.uses_view(self.classifier, view)

    def features_of(self, embeddings: np.ndarray) -> np.ndarray:
        """Embeddings [windows, D] to phi [windows, M]."""
        return self._model.projection(embeddings)

    @property
    def sample_names(self) -> tuple[str, ...]:
        """What the other sounds are called that the model keeps; none where it keeps none."""
        return self._model.sample.names if self._model.sample else ()

    def sample_features(self) -> np.ndarray:
        """Their features, phi [n, V M], float32; projected once."""
        if self._sample_features is None:
            sample = self._model.sample
            rows = np.empty((0, self._model.embedding_size), np.float32) if sample is None else sample.embeddings
            self._sample_features = self._model.projection(rows).astype(np.float32)
        return self._sample_features

    def features(self, ids: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
        """(id, phi [windows, M]) of each of these examples that can be read."""
        batch: list[tuple[int, np.ndarray]] = []
        for example in self.journal.embeddings(ids):
            batch.append(example)
            if len(batch) == BATCH:
                yield from self._projected(batch)
                batch = []
        yield from self._projected(batch)

    def _projected(self, batch: list[tuple[int, np.ndarray]]) -> Iterator[tuple[int, np.ndarray]]:
        if batch:
            ends = np.cumsum([len(embeddings) for _, embeddings in batch])[:-1]
            phi = self._model.projection(np.concatenate([embeddings for _, embeddings in batch]))
            yield from zip([id for id, _ in batch], np.split(phi, ends), strict=True)

    def _open(self) -> None:
        """From the snapshot, if there is one that fits; else everything is learned, and one is written."""
        self.operations = self.journal.operations()
        kept = read_snapshot(self.journal.path, model_sha256=self._model.sha256, operations=self.operations)
        if kept is not None and kept[1].built_in.keys() == self._start.built_in.keys():
            self.classifier, self.state = kept
        else:
            self.classifier = deepcopy(self._model.classifier)  # one model may serve several learners
        before = self.state.examples
        self._reach(effective(self.operations, self._start))
        if sum(o.windows for o in self.operations if (o.id in before) != (o.id in self.state.examples)) > SNAPSHOT_FROM:
            write_snapshot(
                self.journal.path, model_sha256=self._model.sha256, operations=self.operations, state=self.state,
                classifier=self.classifier,
            )  # fmt: skip

    def _reach(self, target: State) -> None:
        """The classifier becomes that of `target`, whatever it was; a failure is made up for at the next call."""
        whole, self._whole = self._whole, False
        try:
            if not whole:
                raise LearningError("an earlier step was not finished")
            learned = self._step_to(target)
        except LearningError:
            self.classifier, self.state = deepcopy(self._model.classifier), self._start
            learned = self._step_to(target)
        self.state = replace(target, examples={i: x for i, x in target.examples.items() if i in learned})
        if self.classifier.labels != self.state.labels:
            self.classifier.arrange(self.state.labels)
        self._whole = True

    def _step_to(self, target: State) -> set[int]:
        """The ids of the examples that are in the classifier then. Raises LearningError where it cannot go back."""
        have, want = self.state.examples, target.examples
        gone = {id: label for id, label in have.items() if id not in want}
        moved = {id: label for id, label in have.items() if want.get(id, label) != label}
        came = {id: label for id, label in want.items() if id not in have}
        for c, own in enumerate(self.info.labels):
            old, new = self.state.built_in[own], target.built_in[own]
            if old != new:
                source = self._model.classifier
                squares = None if source.squares is None else source.squares[:, c]
                self.classifier.move(source.Q[:, c], source.counts[c], old=old, new=new, squares=squares)
        read: set[int] = set()
        self.classifier.unlearn_all((phi, gone[id]) for id, phi in self._noted(gone, read))
        self.classifier.relabel_all((phi, moved[id], want[id]) for id, phi in self._noted(moved, read))
        if read != {*gone, *moved}:
            raise LearningError("an example to take back cannot be read any more")
        self.classifier.learn_all((phi, came[id]) for id, phi in self._noted(came, read))
        return {id for id in want if id in have or id in read}

    def _noted(self, ids: Iterable[int], read: set[int]) -> Iterator[tuple[int, np.ndarray]]:
        for id, phi in self.features(ids):
            read.add(id)
            yield id, phi
