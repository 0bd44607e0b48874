"""What teaching did, as plain values and in words."""

from __future__ import annotations

from dataclasses import dataclass

from streams.teaching.confusion import Confusion
from streams.teaching.effect import Effect


@dataclass(frozen=True)
class Lesson:
    """What teaching did. `windows` of `windows_heard` were loud enough to learn from; `before` and `after` are what
    the same sound was and is called, with the score from 0 to 1; `examples` counts the class's examples now; `id` is
    the example's in the journal; `effect` is what it did to the other classes; `confusion` is what else would be
    announced as this class, None where it is never announced.

    Of what was just heard: the source `heard_from`, the clock's time `at_unix_s` of its start, else None, its length
    `duration_s` and its level `level_dbfs`; `later` names sounds that came after it and were not taken for it.
    `known`: it was taught before, and nothing was written.

    >>> import pace_edge
    >>> with pace_edge.Teacher() as teacher:
    ...     lesson = teacher.learn_file("doorbell", "ring.wav", 0.0, 2.5)
    >>> lesson.label, lesson.examples, lesson.is_new_class, lesson.after[0]
    ('doorbell', 1, True, 'doorbell')
    """

    label: str
    source: str
    windows: int
    windows_heard: int
    examples: int
    is_new_class: bool
    before: tuple[str, float]
    after: tuple[str, float]
    id: int
    effect: Effect
    heard_from: str = ""
    at_unix_s: float | None = None
    duration_s: float = 0.0
    level_dbfs: float = 0.0
    later: tuple[str, ...] = ()
    known: bool = False
    confusion: Confusion | None = None

    def in_words(self) -> str:
        (was, was_score), (now, now_score) = self.before, self.after
        examples = f"{self.examples} example{'s' * (self.examples != 1)}"
        if self.known:
            return f"this sound ({self.source}) is example {self.id} of '{self.label}' already, which has {examples}"
        kind = "new class" if self.is_new_class else "class"
        words = [
            f"{kind} '{self.label}' has {examples}",
            f"this sound ({self.source}) was called '{was}' ({was_score:.2f}) and is now '{now}' ({now_score:.2f})",
        ]
        if now != self.label:
            words.append(f"it is still called '{now}': teach it two or three times more")
        if quiet := self.windows_heard - self.windows:
            words.append(f"{quiet} of {self.windows_heard} windows were too quiet beside the rest and left out")
        if self.later:
            words.append(f"not taken, since quieter: what came after it ({'; '.join(self.later)}): --at chooses it")
        words.append(self.effect.in_words())
        if self.confusion and (confused := self.confusion.in_words()):
            words.append(confused)
        return "; ".join(words)


@dataclass(frozen=True)
class TableLessons:
    """What came of the rows of a table: the lessons, and a sentence with its line for each row that was not taught.

    >>> import pace_edge
    >>> with pace_edge.Teacher() as teacher:
    ...     done = teacher.learn_table("ring.txt")  # Audacity's labels of ring.wav, which is beside it
    >>> done.in_words(), done.refused
    ('1 row taught; 1 not', ('line 2: the stretch from 9 to 8 s ends before it begins',))
    """

    lessons: tuple[Lesson, ...]
    refused: tuple[str, ...]

    def in_words(self) -> str:
        words = f"{len(self.lessons)} row{'s' * (len(self.lessons) != 1)} taught"
        return "; ".join([words, f"{len(self.refused)} not"] if self.refused else [words])
