"""What can be done to what was taught: correct, remove, undo, forget, hide, rename, merge, reset. Each is one operation
in the journal, which whichever listener runs takes up at its next window, and says what it did to the other classes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from numbers import Integral
from pathlib import Path
from typing import Self

from pace_edge.arguments import check_path, check_type
from pace_edge.errors import LearningError, UsageError
from pace_edge.heard_memory import EVENTS_KEPT, HeardEvent
from pace_edge.journal import Example
from pace_edge.kept_audio import is_kept_name
from pace_edge.label_check import no_class, same_form, taught_label, tidied_label
from pace_edge.model_file import Model
from pace_edge.operations import Operation, State
from pace_edge.snapshot import snapshot_path
from streams.configuration.place import place
from streams.configuration.running import unmet
from streams.listening.event_rule import EventRule
from streams.listening.learner import Learner, open_journal
from streams.teaching.confusion import Confusion, confusion, rule_here
from streams.teaching.effect import Effect, Survey, effect, survey
from streams.teaching.material import is_announced

LAST = "last"


@dataclass(frozen=True)
class Change:
    """`did`: what was done, in one sentence; `examples`: how many the class `label` has now, built-in and taught; `id`:
    the one operation in the journal that did it and that undo takes back, 0 where there is none such; `confusion`: what
    else would be announced as `label` now, where its examples changed and it is announced.

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
    confusion: Confusion | None = None

    def in_words(self) -> str:
        words = f"{self.did}; {self.effect.in_words()}"
        if self.label:
            words += f"; '{self.label}' has {self.examples} example{'s' * (self.examples != 1)}"
        confused = self.confusion.in_words() if self.confusion else ""
        return f"{words}; {confused}" if confused else words


class Changer:
    """A model with its journal open for changes. `model`, `journal` and `signed_by` (a key that the model file's
    signature is demanded of) are as configured where they are None, and `config` names the configuration file."""

    def __init__(
        self, model: str | Path | Model | None = None, *, journal: str | Path | None = None,
        signed_by: str | Path | None = None, config: str | Path | None = None,
        rule: Callable[[State], EventRule] | None = None,
    ) -> None:  # fmt: skip
        """`rule`: by what rule the classes of a state are announced; None: as configured."""
        found = place(model, journal=journal, signed_by=signed_by, config=config)
        self._model = found.load()
        self._journal = open_journal(self._model, found.journal_of(self._model))
        self._surveyed: tuple[int, Survey] | None = None
        self._config, self._rule = config, rule
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

    def correct(
        self, event: str = LAST, label: str | None = None, *, example: int | None = None, new_class: bool = False
    ) -> Change:
        """An announced sound, by its id or the beginning of it, or the last one, was really `label`; or a taught
        example was. A sound that was corrected or taught before is corrected again, and still counts once."""
        if label is None:
            raise UsageError(
                f"correct({event!r}) names an event and no label, and nothing was corrected",
                expected="correct(label='bell') for the last announced sound, or correct(EVENT, 'bell') for another",
            )
        check_type("event", event, str, "an event's id or its beginning")
        before = self._survey()
        with self._deciding() as state:
            label = self.taught_label(label, new_class=new_class)
            found = self._event(event) if example is None else None
            if found is not None:
                words = f"the '{found.label}' of {_when(found)}"
                example = self._learner.event_examples().get(found.id) or self._taught_from(found)
                if example is None:
                    source = f"event {found.id} called '{found.label}'"
                    done: Operation | Example = self._journal.add(
                        label, found.embeddings, source=source, event=found.id, session=found.session,
                        start_s=found.start_s, end_s=found.end_s,
                    )  # fmt: skip
                    did, about = f"{words} is an example of '{label}' now", {label}
            if example is not None:
                if example not in state.examples:
                    raise _no_example(example)
                old = state.examples[example]
                if old == label:
                    return Change(f"example {example} is '{label}' already; nothing was changed", label,
                                  self._examples_of(label), effect(before, before, about={label}))  # fmt: skip
                done = self._journal.append("correct", label, target=example)
                did, about = f"example {example} was '{old}' and is '{label}' now", {old, label}
        return self._changed(did, label, before, about, done)

    def remove(self, example: int) -> Change:
        """This taught example does not count any more; its class stays as its others make it."""
        before = self._survey()
        with self._deciding() as state:
            if example not in state.examples:
                raise _no_example(example)
            label = state.examples[example]
            done = self._journal.append("remove", label, target=example)
        return self._changed(f"example {example} of '{label}' is taken back exactly", label, before, {label}, done)

    def undo(self, steps: int = 1, *, newest: int | None = None) -> Change:
        """Take back the last `steps` operations that are in effect, whoever did them; with the id of the `newest`, only
        if nothing else was done after it."""
        check_type("steps", steps, Integral, "a number of steps")
        if steps < 1:
            raise UsageError(f"undo({steps}) takes nothing back", expected="1 step or more", do="Nothing was undone.")
        before = self._survey()
        with self._deciding() as old:
            taken = self._journal.undo(steps, newest=newest)
        self._learner.catch_up()
        new = self._learner.state
        about = {o.label for o in taken} | {o.new_label for o in taken} - {""}
        for id in old.examples.keys() | new.examples.keys():
            if old.examples.get(id) != new.examples.get(id):
                about |= {old.examples.get(id, ""), new.examples.get(id, "")}
        label = taken[0].label  # of a rename: what the class is called again
        return self._changed("undone: " + "; ".join(o.in_words() for o in taken), label, before, about)

    def forget(self, label: str, *, purge: bool = False) -> Change:
        """No example counts any more that is called so. `purge`: erase them from the disk too, for good."""
        before, done, gone = self._survey(), None, []
        with self._deciding() as state:
            label = self._known(label)
            self._not_background(label)
            taught = sum(name == label for name in state.examples.values())
            built_in = sum(
                count for own, count in zip(self._model.info.labels, self._model.info.counts, strict=True)
                if state.built_in[own] == label
            )  # fmt: skip
            if purge:
                gone = self._journal.purge(label)
            else:
                done = self._journal.append("forget", label)
        did = f"'{label}' is forgotten: {_examples(taught)} taken back exactly"
        if built_in:
            did += (
                f"; it came with the model, which holds only the sum over its {built_in:g} examples: it is never named "
                "again, and they go on speaking, nameless, against the other classes"
            )
        if purge:
            self._erase_audio(gone)
            self._journal.shrink()
            did += f"; {_examples(len(gone))} erased from the disk, which cannot be undone"
        elif taught:
            did += "; the file keeps their embeddings, for undo: --purge erases them"
        return self._changed(did, label, before, {label}, done)

    def hide(self, label: str) -> Change:
        """It is not reported; its sounds are still known, so that they are not taken for another's."""
        before = self._survey()
        with self._deciding():
            label = self._known(label)
            self._not_background(label)
            done = self._journal.append("hide", label)
        return self._changed(f"'{label}' is hidden: it is not reported", label, before, {label}, done)

    def unhide(self, label: str) -> Change:
        before = self._survey()
        with self._deciding():
            label = self._known(label)
            done = self._journal.append("unhide", label)
        return self._changed(f"'{label}' is reported again", label, before, {label}, done)

    def rename(self, label: str, new_label: str, *, new_class: bool = False) -> Change:
        """If there is a class `new_label` already, the two become one. `new_class`: it is meant, although there is a
        class of another form of it."""
        before, done = self._survey(), None
        with self._deciding() as state:
            label = self._known(label)
            others = [one for one in state.labels if one != label]  # its own name may be put into another form
            known = state.labels if tidied_label(new_label) == label else others
            new_label = taught_label(new_label, known, self._model.info.labels, new_class=new_class)
            self._not_background(label)
            joined = ", which it joins" if new_label in others else ""
            if new_label != label:
                done = self._journal.append("rename", label, new_label=new_label)
        did = f"'{label}' is called '{new_label}' now{joined}" if done else f"'{label}' is called so already"
        return self._changed(did, new_label, before, {label, new_label}, done, mixed=bool(joined))

    def merge(self, journal: str | Path) -> Change:
        """Another device's examples, from its journal; doing it twice changes nothing."""
        check_path("journal", journal)
        journal = Path(journal)
        before, had = self._survey(), self._learner.state.examples
        labels = self._learner.state.labels
        merged = self._journal.merge(journal, own=self._model.info.labels)
        self._learner.catch_up()
        about = {label for id, label in self._learner.state.examples.items() if id not in had}
        did = f"{_examples(merged.new)} of {journal} are new here" + (f": {', '.join(sorted(about))}" if about else "")
        if merged.recordings:
            did += f"; {merged.recordings} recording{'s' * (merged.recordings != 1)} came with them"
        if merged.left_out:
            did += f"; {len(merged.left_out)} damaged or not to be used there, and left out: "
            did += ", ".join(merged.left_out.values())
        for label in sorted(about - {*labels}):
            if near := same_form(label, labels):
                did += f"; '{label}' came beside '{near}': pace-edge rename makes the two one"
        return self._changed("; ".join([did, *merged.without]), "", before, about)

    def reset(self) -> Change:
        """Everything that was taught goes; a copy of the journal stays beside it."""
        before = self._survey()
        copy = self._journal.reset()
        snapshot_path(self._journal.path).unlink(missing_ok=True)
        self._journal.shrink()
        did = f"everything taught is gone; a copy is {copy}: pace-edge merge brings its examples back"
        return self._changed(did, "", before, set())

    def taught_label(self, label: str, *, new_class: bool = False, beside: Collection[str] = ()) -> str:
        """The label as it is stored, if something may be taught as it; every door asks here.

        `beside`: labels that will be taught before it. `new_class`: it is meant, although it differs from a class that
        there is in its form only. Raises UsageError, OtherFormError.
        """
        self._learner.catch_up()
        known = {*self._learner.state.labels, *beside}
        return taught_label(label, sorted(known), self._model.info.labels, new_class=new_class)

    def no_class(self, label: str) -> LearningError:
        """What to raise where this class is not known: with what was meant, as far as that can be told."""
        state = self._learner.state
        now = state.names_now([label])[label]
        if now in state.labels:
            return LearningError(f"no class is called {label!r}: it is called '{now}' now", do="Nothing was changed.")
        return no_class(label, state.labels)

    # What they share

    @contextmanager
    def _deciding(self) -> Iterator[State]:
        """One transaction around what is looked up, decided and written; what the journal comes to at its beginning."""
        with self._journal.deciding():
            self._learner.catch_up()
            yield self._learner.state

    def _survey(self) -> Survey:
        self._learner.catch_up()
        done = len(self._learner.operations)
        if self._surveyed is None or self._surveyed[0] != done:
            self._surveyed = done, survey(self._learner)
        return self._surveyed[1]

    def _changed(
        self, did: str, label: str, before: Survey, about: set[str], done: Operation | Example | None = None, *,
        mixed: bool = True,
    ) -> Change:  # fmt: skip
        """`mixed`: the class is another mixture of sounds now."""
        others = effect(before, self._survey(), about=about)
        confused = self._confusion(label) if mixed and label in self._learner.state.examples.values() else None
        return Change(did, label, self._examples_of(label), others, done.id if done else 0, confused)

    def _confusion(self, label: str) -> Confusion | None:
        """What else would be announced as this class now."""
        called = self._survey().called
        state, info = self._learner.state, self._model.info
        try:
            rule = self._rule(state) if self._rule else rule_here(info, state, self._config)
        except UsageError:  # a setting that is wrong stops no lesson: whoever listens is told of it
            rule = EventRule(threshold=info.threshold, background=info.background).for_classes(state)
        return confusion(self._learner, label, rule, called)

    def _examples_of(self, label: str) -> int:
        classifier = self._learner.classifier
        return round(classifier.counts[classifier.labels.index(label)]) if label in classifier.labels else 0

    def _event(self, id: str) -> HeardEvent:
        events = self._journal.events()
        found = events[-1:] if id == LAST else [event for event in events if event.id == id]
        if not found and id and "-" not in id:  # a whole id may be that of an event that is forgotten
            found = [event for event in events if event.id.startswith(id)]
        if len(found) == 1:
            return found[0]
        if found:
            raise LearningError(f"several events begin with '{id}'", do="Give the whole id; nothing was changed.")
        raise LearningError(
            "no event is remembered" if id == LAST else f"no event '{id}' is remembered",
            expected=f"one of the last {EVENTS_KEPT} that a listener announced, or '{LAST}'",
            do="Teach a sound of longer ago from its recording: pace-edge learn --label LABEL --file FILE.",
        )

    def _taught_from(self, event: HeardEvent) -> int | None:
        """The example in effect that was taught from the same sound before it was corrected."""
        window_s = self._model.info.window_samples / self._model.info.rate_hz
        here = event.heard_s
        counting = self._learner.state.examples
        for operation in reversed(self._learner.operations):
            if operation.id not in counting or operation.session != event.session or not event.session:
                continue
            if operation.event:  # of another event, which may have gone on at the same time
                continue
            if is_announced((operation.start_s, operation.end_s), here, window_s):
                return operation.id
        return None

    def _known(self, label: str) -> str:
        self._learner.catch_up()
        if label in self._learner.state.labels:
            return label  # also one of an older journal that no class may be called any more
        label = tidied_label(label)
        if label not in self._learner.state.labels:
            raise self.no_class(label)
        return label

    def _not_background(self, label: str) -> None:
        if label == self._model.info.background:
            raise UsageError(
                f"'{label}' is what the model calls everything that is not to be announced", do="Nothing was changed."
            )

    def _erase_audio(self, gone: list[Operation]) -> None:
        """The recordings that were kept beside the journal, where no other example has them; a person's own files are
        theirs."""
        snapshot_path(self._journal.path).unlink(missing_ok=True)
        still = {operation.audio for operation in self._journal.operations()}
        for operation in gone:
            if is_kept_name(operation.audio) and operation.audio not in still:
                with contextlib.suppress(OSError):
                    (self._journal.clips / operation.audio).unlink()


def _when(event: HeardEvent) -> str:
    return f"{datetime.fromtimestamp(event.at_unix_s):%H:%M:%S}" if event.at_unix_s else f"{event.start_s:.1f} s"


def _examples(count: int) -> str:
    return f"{count} taught example{'s' * (count != 1)}"


def _no_example(example: int) -> LearningError:
    return LearningError(f"no example {example} counts", do="Nothing was changed; see pace-edge labels --examples.")
