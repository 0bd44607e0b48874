"""What can be done to what was taught: correct, remove, undo, forget, hide, rename, merge, reset. Each is one operation
in the journal, which whichever listener runs takes up at its next window, and says what it did to the other classes.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pace_edge.errors import LearningError, UsageError
from pace_edge.heard_memory import EVENTS_KEPT, HeardEvent
from pace_edge.journal import Example
from pace_edge.label_check import checked_label, tidied_label
from pace_edge.model_file import Model
from pace_edge.operations import Operation
from pace_edge.snapshot import snapshot_path
from streams.configuration.place import place
from streams.configuration.running import unmet
from streams.listening.learner import Learner, open_journal
from streams.teaching.effect import Effect, Survey, effect, survey

LAST = "last"


@dataclass(frozen=True)
class Change:
    """`did`: what was done, in one sentence; `examples`: how many the class `label` has now, built-in and taught; `id`:
    the one operation in the journal that did it and that undo takes back, 0 where there is none such.

    >>> import pace_edge
    >>> with pace_edge.Teacher() as teacher:
    ...     lesson = teacher.learn_file("bell", "ring.wav")
    ...     change = teacher.rename("bell", "doorbell")
    >>> change.did, change.examples
    ("'bell' is called 'doorbell' now", 1)
    """

    did: str
    label: str
    examples: int
    effect: Effect
    id: int = 0

    def in_words(self) -> str:
        words = f"{self.did}; {self.effect.in_words()}"
        if self.label:
            words += f"; '{self.label}' has {self.examples} example{'s' * (self.examples != 1)}"
        return words


class Changer:
    """A model with its journal open for changes. `model`, `journal` and `signed_by` (a key that the model file's
    signature is demanded of) are as configured where they are None, and `config` names the configuration file."""

    def __init__(
        self, model: str | Path | Model | None = None, *, journal: str | Path | None = None,
        signed_by: str | Path | None = None, config: str | Path | None = None,
    ) -> None:  # fmt: skip
        found = place(model, journal=journal, signed_by=signed_by, config=config)
        self._model = found.load()
        self._journal = open_journal(self._model, found.journal_of(self._model))
        self._surveyed: tuple[int, Survey] | None = None
        try:
            self._learner = Learner(self._model, self._journal)
        except BaseException:
            self._journal.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._journal.close()

    @property
    def learner(self) -> Learner:
        """The classifier as the journal makes it now."""
        self._learner.catch_up()
        return self._learner

    def warnings(self) -> list[str]:
        """What is wrong with the journal, as far as it was met: one line each."""
        return self._journal.damage()

    def unmet(self) -> list[str]:
        """Where listeners run here, and none of them uses this journal: a sentence of each, with where it listens."""
        return unmet(self._journal.path)

    def correct(self, event: str = LAST, label: str = "", *, example: int | None = None) -> Change:
        """An announced sound, by its id or the beginning of it, or the last one, was really `label`; or a taught
        example was. A sound that was corrected before is corrected again, and still counts once."""
        label, before = self._taught_label(label), self._survey()
        if example is None:
            found = self._event(event)
            words = f"the '{found.label}' heard at {found.start_s:.1f} s"
            example = self._learner.event_examples().get(found.id)
            if example is None:
                added = self._journal.add(label, found.embeddings, source=f"event {found.id} called '{found.label}'")
                return self._changed(f"{words} is an example of '{label}' now", label, before, {label}, added)
        elif example not in self._learner.state.examples:
            raise _no_example(example)
        old = self._learner.state.examples[example]
        done = self._journal.append("correct", label, target=example)
        return self._changed(f"example {example} was '{old}' and is '{label}' now", label, before, {old, label}, done)

    def remove(self, example: int) -> Change:
        """This taught example does not count any more; its class stays as its others make it."""
        before = self._survey()
        if example not in self._learner.state.examples:
            raise _no_example(example)
        label = self._learner.state.examples[example]
        done = self._journal.append("remove", label, target=example)
        return self._changed(f"example {example} of '{label}' is taken back exactly", label, before, {label}, done)

    def undo(self, steps: int = 1, *, newest: int | None = None) -> Change:
        """Take back the last `steps` operations that are in effect, whoever did them; with the id of the `newest`, only
        if nothing else was done after it."""
        before, old = self._survey(), self._learner.state
        taken = self._journal.undo(steps, newest=newest)
        self._learner.catch_up()
        new = self._learner.state
        about = {o.label for o in taken} | {o.new_label for o in taken} - {""}
        for id in old.examples.keys() | new.examples.keys():
            if old.examples.get(id) != new.examples.get(id):
                about |= {old.examples.get(id, ""), new.examples.get(id, "")}
        label = taken[0].new_label or taken[0].label
        return self._changed("undone: " + "; ".join(o.in_words() for o in taken), label, before, about)

    def forget(self, label: str, *, purge: bool = False) -> Change:
        """No example counts any more that is called so. `purge`: erase them from the disk too, for good."""
        label, before = self._known(label), self._survey()
        self._not_background(label)
        taught = sum(name == label for name in self._learner.state.examples.values())
        built_in = sum(
            count for own, count in zip(self._model.info.labels, self._model.info.counts, strict=True)
            if self._learner.state.built_in[own] == label
        )  # fmt: skip
        did, done = f"'{label}' is forgotten: {_examples(taught)} taken back exactly", None
        if built_in:
            did += (
                f"; it came with the model, which holds only the sum over its {built_in:g} examples: it is never named "
                "again, and they go on speaking, nameless, against the other classes"
            )
        if purge:
            gone = self._journal.purge(label)
            self._erase_audio(gone)
            self._journal.shrink()
            did += f"; {_examples(len(gone))} erased from the disk, which cannot be undone"
        else:
            done = self._journal.append("forget", label)
            did += "; the file keeps their embeddings, for undo: --purge erases them" if taught else ""
        return self._changed(did, label, before, {label}, done)

    def hide(self, label: str) -> Change:
        """It is not reported; its sounds are still known, so that they are not taken for another's."""
        label, before = self._known(label), self._survey()
        self._not_background(label)
        done = self._journal.append("hide", label)
        return self._changed(f"'{label}' is hidden: it is not reported", label, before, {label}, done)

    def unhide(self, label: str) -> Change:
        label, before = self._known(label), self._survey()
        done = self._journal.append("unhide", label)
        return self._changed(f"'{label}' is reported again", label, before, {label}, done)

    def rename(self, label: str, new_label: str) -> Change:
        """If there is a class `new_label` already, the two become one."""
        label, new_label, before = self._known(label), self._taught_label(new_label), self._survey()
        self._not_background(label)
        joined = ", which it joins" if new_label in self._learner.state.labels else ""
        done, about = self._journal.append("rename", label, new_label=new_label), {label, new_label}
        return self._changed(f"'{label}' is called '{new_label}' now{joined}", new_label, before, about, done)

    def merge(self, journal: Path) -> Change:
        """Another device's examples, from its journal; doing it twice changes nothing."""
        before, had = self._survey(), self._learner.state.examples
        new, damaged = self._journal.merge(journal)
        self._learner.catch_up()
        about = {label for id, label in self._learner.state.examples.items() if id not in had}
        did = f"{_examples(new)} of {journal} are new here" + (f": {', '.join(sorted(about))}" if about else "")
        if damaged:
            did += f"; {len(damaged)} damaged there and left out: " + ", ".join(damaged.values())
        return self._changed(did, "", before, about)

    def reset(self) -> Change:
        """Everything that was taught goes; a copy of the journal stays beside it."""
        before = self._survey()
        copy = self._journal.reset()
        snapshot_path(self._journal.path).unlink(missing_ok=True)
        self._journal.shrink()
        did = f"everything taught is gone; a copy is {copy}: pace-edge merge brings its examples back"
        return self._changed(did, "", before, set())

    # What they share

    def _survey(self) -> Survey:
        self._learner.catch_up()
        done = len(self._learner.operations)
        if self._surveyed is None or self._surveyed[0] != done:
            self._surveyed = done, survey(self._learner)
        return self._surveyed[1]

    def _changed(
        self, did: str, label: str, before: Survey, about: set[str], done: Operation | Example | None = None
    ) -> Change:
        others = effect(before, self._survey(), about=about)
        return Change(did, label, self._examples_of(label), others, done.id if done else 0)

    def _examples_of(self, label: str) -> int:
        classifier = self._learner.classifier
        return round(classifier.counts[classifier.labels.index(label)]) if label in classifier.labels else 0

    def _event(self, id: str) -> HeardEvent:
        events = self._journal.events()
        found = events[-1:] if id == LAST else [event for event in events if event.id.startswith(id)]
        if len(found) == 1:
            return found[0]
        if found:
            raise LearningError(f"several events begin with '{id}'", do="Give more of the id; nothing was changed.")
        raise LearningError(
            "no event is remembered" if id == LAST else f"no event '{id}' is remembered",
            expected=f"one of the last {EVENTS_KEPT} that a listener announced, or '{LAST}'",
            do="Teach a sound of longer ago from its recording: pace-edge learn --label LABEL --file FILE.",
        )

    def _taught_label(self, label: str) -> str:
        """The label as it is stored, if a class may be called so. Raises UsageError."""
        return checked_label(label, self._model.info.labels)

    def _known(self, label: str) -> str:
        self._learner.catch_up()
        if label in self._learner.state.labels:
            return label  # also one of an older journal that no class may be called any more
        label = tidied_label(label)
        if label not in self._learner.state.labels:
            raise LearningError(
                f"no class is called '{label}'", expected="one of " + ", ".join(self._learner.state.labels),
                do="Nothing was changed.",
            )  # fmt: skip
        return label

    def _not_background(self, label: str) -> None:
        if label == self._model.info.background:
            raise UsageError(
                f"'{label}' is what the model calls everything that is not to be announced", do="Nothing was changed."
            )

    def _erase_audio(self, gone: list[Operation]) -> None:
        """The recordings that `learn --keep-audio` kept; a person's own files are theirs."""
        snapshot_path(self._journal.path).unlink(missing_ok=True)
        for operation in gone:
            if operation.audio and not Path(operation.audio).is_absolute():
                with contextlib.suppress(OSError):
                    (self._journal.clips / operation.audio).unlink()


def _examples(count: int) -> str:
    return f"{count} taught example{'s' * (count != 1)}"


def _no_example(example: int) -> LearningError:
    return LearningError(f"no example {example} counts", do="Nothing was changed; see pace-edge labels --examples.")
