"""What a person did to a journal, and what it all comes to: a pure fold over the operations, in the order of their ids.

learn    an example: its windows' embeddings are kept beside it
correct  the example `target` is called `label`
remove   the example `target` does not count any more
undo     the operation `target` counts as if it had never been
forget   no example counts any more that is called `label`, and no class of the model file is called so
hide     what is called `label` is not reported; unhide takes it back
rename   what is called `label` is called `new_label`; if there is such a class, the two become one
merge    another journal's examples follow, as `learn` operations whose `target` this is
purge    `forget` whose examples are gone from the file: not to be undone
purged   a `learn` that was purged: only its origin is left, so that no merge brings it back
reset    all before it is void, and gone from the file: not to be undone
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal, TypeVar

T = TypeVar("T")

Kind = Literal[
    "learn", "correct", "remove", "undo", "forget", "hide", "unhide", "rename", "merge", "purge", "purged", "reset"
]  # fmt: skip
FINAL = ("purge", "reset")  # what was erased cannot be undone, nor what came before it


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One row of the journal. `windows` counts an example's embeddings; `origin` is the example's name in every journal
    it is merged into; `audio` the path of its recording, if it has one, with `audio_sha256`. What it was taken from:
    the announced sound with the id `event`, or `start_s` to `end_s` of what a listener heard in its `session`.

    >>> import pace_edge
    >>> pace_edge.Operation(kind="rename", label="bell", new_label="doorbell").in_words()
    "rename 'bell' to 'doorbell'"
    """

    kind: Kind
    id: int = 0
    at_unix_s: float = 0.0
    label: str = ""
    new_label: str = ""
    target: int = 0
    source: str = ""
    origin: str = ""
    windows: int = 0
    audio: str = ""
    audio_sha256: str = ""
    event: str = ""
    session: str = ""
    start_s: float = 0.0
    end_s: float = 0.0
    embeddings_sha256: str = ""
    sha256: str = ""  # of the row

    def in_words(self) -> str:
        about = {
            "learn": f"learn '{self.label}' from {self.source}",
            "correct": f"correct example {self.target} to '{self.label}'",
            "remove": f"remove example {self.target}",
            "undo": f"undo operation {self.target}",
            "rename": f"rename '{self.label}' to '{self.new_label}'",
            "merge": f"merge {self.source}",
            "reset": "reset",
        }
        return about.get(self.kind, f"{self.kind} '{self.label}'")


@dataclass(frozen=True)
class State:
    """What the operations come to. `examples`: id to label, of those that count; `built_in`: each class of the model
    file to what it is called, None: forgotten; `hidden`: the labels that are not reported.

    `renamed`: names that a class had, in the order in which it was last given another, to what it is called now. It is
    for names that a person wrote down elsewhere (settings), and no part of what was learned. A class that joined
    another is not in it: it takes that one's settings. A name that an undone rename gave is, so that what was set
    meanwhile is not lost."""

    examples: dict[int, str] = field(default_factory=dict)
    built_in: dict[str, str | None] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    renamed: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def labels(self) -> list[str]:
        """The classes in their order: the model file's, then as their first example was taught."""
        named = [name for name in self.built_in.values() if name is not None]
        return list(dict.fromkeys([*named, *self.examples.values()]))

    def names_now(self, names: Iterable[str]) -> dict[str, str]:
        """Each of these names to what the class is called now that a person meant by it: a name that is a class means
        that class, and one that never was a class stays as it is."""
        labels = set(self.labels)
        return {name: name if name in labels else self.renamed.get(name, name) for name in names}

    def by_label(self, settings: Mapping[str, T]) -> dict[str, T]:
        """Settings of single classes, by what these are called now. Where two names mean one class, its own name goes
        first, then the name that it had last."""
        now, order = self.names_now(settings), {name: place for place, name in enumerate(self.renamed)}
        best_last = sorted(settings, key=lambda name: (now[name] == name, order.get(name, -1)))
        return {now[name]: settings[name] for name in best_last}


def beginning(labels: Sequence[str], hidden: Iterable[str] = ()) -> State:
    """Nothing was done yet, to a model file of these classes."""
    return State({}, {label: label for label in labels}, frozenset(hidden))


def effective(operations: Sequence[Operation], start: State) -> State:
    """What the operations, in the order of their ids, make of `start`. What refers to nothing changes nothing."""
    void = undone(operations)
    examples, built_in, hidden = dict(start.examples), dict(start.built_in), set(start.hidden)
    renamed = dict(start.renamed)
    for operation in operations:
        label = operation.label
        if operation.id in void:
            if operation.kind == "rename":
                _note_undone(renamed, operation, {*examples.values(), *built_in.values()})
            continue
        match operation.kind:
            case "learn" if operation.target not in void:
                examples[operation.id] = label
            case "correct" if operation.target in examples:
                examples[operation.target] = label
            case "remove":
                examples.pop(operation.target, None)
            case "forget" | "purge":
                examples = {id: name for id, name in examples.items() if name != label}
                built_in = {own: None if name == label else name for own, name in built_in.items()}
                hidden.discard(label)
            case "hide":
                hidden.add(label)
            case "unhide":
                hidden.discard(label)
            case "rename" if operation.new_label != label:
                new, there = operation.new_label, {*examples.values(), *built_in.values()}
                renamed = _renamed_further(renamed, operation, there)
                if label in hidden and new not in there:
                    hidden.add(new)  # a class that joins another is as visible as that one
                hidden.discard(label)
                examples = {id: new if name == label else name for id, name in examples.items()}
                built_in = {own: new if name == label else name for own, name in built_in.items()}
            case "reset":
                examples, built_in, hidden = dict(start.examples), dict(start.built_in), set(start.hidden)
                renamed = dict(start.renamed)
    return State(examples, built_in, frozenset(hidden), renamed)


def _renamed_further(renamed: dict[str, str], rename: Operation, there: Set[str | None]) -> dict[str, str]:
    """`State.renamed` after one more rename, with the classes that were `there` before it."""
    label, new = rename.label, rename.new_label
    if label not in there:
        return renamed
    if new in there:
        return {old: now for old, now in renamed.items() if now != label}
    # names of a class `new` of long ago do not mean this one; `new` is a class again, and `label` the latest old name
    kept = {old: new if now == label else now for old, now in renamed.items() if now != new}
    kept.pop(label, None)
    kept.pop(new, None)
    return {**kept, label: new}


def _note_undone(renamed: dict[str, str], rename: Operation, there: Set[str | None]) -> None:
    """What was set while the class had its undone name is still meant for it."""
    meant = rename.label if rename.label in there else renamed.get(rename.label)
    if meant not in (None, rename.new_label) and rename.new_label not in there:
        renamed.setdefault(rename.new_label, str(meant))


def undone(operations: Sequence[Operation]) -> set[int]:
    """The ids that count as if they had never been. An undo can be undone; what is final cannot."""
    final = {operation.id for operation in operations if operation.kind in FINAL}
    void: set[int] = set()
    for operation in reversed(operations):
        if operation.kind == "undo" and operation.id not in void:
            void.add(operation.target)
    return void - final


def can_be_undone(operations: Sequence[Operation]) -> list[Operation]:
    """What `undo` takes back, last first: it stops at what is final."""
    void, last_first = undone(operations), []
    for operation in reversed(operations):
        if operation.kind in FINAL:
            break
        part_of_merge = operation.kind == "learn" and operation.target
        if operation.kind not in ("undo", "purged") and operation.id not in void and not part_of_merge:
            last_first.append(operation)
    return last_first
