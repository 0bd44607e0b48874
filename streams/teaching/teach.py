"""Teaching: a clip, a recording or what was just heard becomes a labelled example in the journal."""

from __future__ import annotations

import datetime
import hashlib
import io
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pace_edge.audio import AUDIO_SUFFIXES
from pace_edge.clips import clip_windows, loud_enough, window_levels_dbfs
from pace_edge.config import HEARD_KEPT_S
from pace_edge.errors import AudioError, JournalError, LearningError, UsageError
from pace_edge.files import write_whole
from pace_edge.journal import HeardWindow
from pace_edge.label_check import tidied_label
from pace_edge.model_file import Model
from pace_edge.samples import as_sound
from streams.listening.classify import Classification, classify_with, clip_of, ears_for
from streams.listening.ears import Ears
from streams.listening.encoder import Encoder
from streams.sources.source import Source
from streams.teaching.change import Changer
from streams.teaching.effect import Effect, effect
from streams.teaching.label_tables import LabelTable, read_table
from streams.teaching.recordings import Stretch, read_recording, stretches

AUDIBLE_DBFS = -70.0  # a clip that is nowhere louder is silence
MOST = 0.8  # of a window in a range, or of a range in a window, to be meant by it
LONGEST_S = 600.0  # a longer recording is no clip of one sound

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Lesson:
    """What teaching did. `windows` of `windows_heard` were loud enough to learn from; `before` and `after` are what
    the same sound was and is called, with the score from 0 to 1; `examples` counts the class's examples now; `id` is
    the example's in the journal; `effect` is what it did to the other classes.

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

    def in_words(self) -> str:
        (was, was_score), (now, now_score) = self.before, self.after
        kind = "new class" if self.is_new_class else "class"
        words = [
            f"{kind} '{self.label}' has {self.examples} example{'s' * (self.examples != 1)}",
            f"this sound ({self.source}) was called '{was}' ({was_score:.2f}) and is now '{now}' ({now_score:.2f})",
        ]
        if quiet := self.windows_heard - self.windows:
            words.append(f"{quiet} of {self.windows_heard} windows were too quiet beside the rest and left out")
        return "; ".join([*words, self.effect.in_words()])


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


class Teacher(Changer):
    """A model with its journal open for labels; whichever listener runs takes them up at its next window.

    >>> import pace_edge
    >>> import soundfile
    >>> samples, rate_hz = soundfile.read("ring.wav")
    >>> with pace_edge.Teacher() as teacher:
    ...     lesson = teacher.learn("doorbell", samples, rate_hz)
    ...     print(teacher.classify("ring_hall.wav").label)
    ...     print(teacher.undo().did)
    doorbell
    undone: learn 'doorbell' from an array of 3.20 s
    """

    def __init__(
        self, model: str | Path | Model | None = None, *, journal: str | Path | None = None,
        signed_by: str | Path | None = None, config: str | Path | None = None, encoder: Encoder | None = None,
    ) -> None:  # fmt: skip
        """As `Changer`. `encoder`: the model's, where there is one already; else it is loaded when it is needed."""
        super().__init__(model, journal=journal, signed_by=signed_by, config=config)
        self._loaded = encoder

    @property
    def rate_hz(self) -> int:
        return self._model.info.rate_hz

    @property
    def background(self) -> str:
        """The class of what is never announced. Raises UsageError if the model has none."""
        if not self._model.info.background:
            raise UsageError(
                f"{self._model.info.name} has no class for what is not to be announced",
                do="Teach it as a class of its own with --label, and hide that.",
            )
        return self._model.info.background

    def learn(
        self, label: str, samples: Any, rate_hz: float, *, channel: int | None = None, source: str = "",
        keep_audio: bool = False,
    ) -> Lesson:  # fmt: skip
        """Teach from an array, as one example however long it is.

        `samples`: numbers that NumPy can read, of shape [n], [n, channels] or [channels, n], at `rate_hz` samples per
        second: int8, uint8, int16 or int32, or floats in -1..1. `channel`: this one alone, the first is 1; else their
        average. `source`: what it is, in words, for the journal. Raises AudioError for what is no sound (pace_edge/
        samples.py says what is), UsageError for what is no label, JournalError.
        """
        label = self._taught_label(label)
        clip = as_sound(samples, rate_hz, to_hz=self.rate_hz, channel=channel, name=source or "this array")
        source = source or f"an array of {len(clip) / self.rate_hz:.2f} s"
        return self.learn_clip(label, clip, source=source, keep_audio=keep_audio)

    def learn_file(
        self, label: str, path: str | Path, from_s: float | None = None, to_s: float | None = None, *,
        keep_audio: bool = False,
    ) -> Lesson:  # fmt: skip
        """Teach from an audio file, or from `from_s` to `to_s` of it, in seconds, as one example however long it is.
        Only that part is decoded. The file is remembered by path and checksum.

        Raises AudioError where the file cannot be read, is too long, or ends before the stretch; UsageError for a
        stretch that is empty or reversed, and for what is no label; JournalError.
        """
        label = self._taught_label(label)
        taken = read_recording(path, self.rate_hz, from_s=from_s, to_s=to_s, longest_s=LONGEST_S)
        return self.learn_clip(label, taken.clip, source=taken.source, keep_audio=keep_audio, audio=taken.audio)

    def learn_table(
        self, path: str | Path, audio: str | Path | None = None, *, label_column: str | None = None,
        keep_audio: bool = False,
    ) -> TableLessons:  # fmt: skip
        """Teach every row of an Audacity label file, a Raven selection table or our own CSV of events, each as one
        example. `audio`: the recording; None: the one that a row names, else the one beside the table that has its
        name. `label_column`: the heading over the labels, where it is none of the usual ones.

        All labels are checked before anything is taught. Rows that cannot be taught are named in the result, and the
        others are. Raises UsageError for what is no table or no label, JournalError.
        """
        lessons, refused = [], []
        for lesson in self.table_lessons(path, audio, label_column=label_column, keep_audio=keep_audio):
            if isinstance(lesson, str):
                refused.append(lesson)
            else:
                lessons.append(lesson)
        return TableLessons(tuple(lessons), tuple(refused))

    def table_lessons(
        self, path: str | Path, audio: str | Path | None = None, *, label_column: str | None = None,
        keep_audio: bool = False,
    ) -> Iterator[Lesson | str]:  # fmt: skip
        """`learn_table` row by row: each one's lesson, or a sentence that says why there is none."""
        table = read_table(path, label_column=label_column)
        self._check_labels(table)
        window_s = self._model.info.window_samples / self.rate_hz
        for found in stretches(table, None if audio is None else Path(audio), window_s=window_s):
            if not isinstance(found, Stretch):
                yield "line {}: {}".format(*found)
                continue
            try:
                yield self.learn_file(found.label, found.path, found.from_s, found.to_s, keep_audio=keep_audio)
            except (AudioError, LearningError, UsageError) as error:
                yield f"line {found.line}: {error}"

    def learn_recording(self, label: str, source: Source, seconds: float, *, keep_audio: bool = False) -> Lesson:
        """Teach from the next `seconds` of a source, such as an opened microphone."""
        label, wanted, chunks = self._taught_label(label), round(seconds * source.rate_hz), []
        with source:
            for chunk in source:
                chunks.append(chunk)
                if sum(map(len, chunks)) >= wanted:
                    break
        clip = np.concatenate([np.empty(0, np.float32), *chunks])[:wanted]
        return self.learn_clip(label, clip, source=source.name, keep_audio=keep_audio)

    def learn_clip(
        self, label: str, clip: np.ndarray, *, source: str, keep_audio: bool = False,
        audio: tuple[str, str] = ("", ""),
    ) -> Lesson:  # fmt: skip
        """Teach from PCM float32 [samples] at the model's rate. `keep_audio`: a copy stays beside the journal, for
        `relearn`; `audio`: the path and checksum of a file that holds it already."""
        label = self._taught_label(label)
        windows, loud = clip_of_one_sound(clip, self._model, source)
        embeddings = self._encoder(windows[loud])
        if keep_audio:
            audio = self._keep(clip)
        return self._learn(label, embeddings, source, len(windows), audio)

    def learn_heard(self, label: str, last_s: float) -> Lesson:
        """Teach from what a listener heard in its last `last_s` seconds, in this or another process."""
        label = self._taught_label(label)
        return self._learn_windows(label, self._recently_heard(last_s))

    def learn_heard_at(self, label: str, *, at_s: float | None = None, at_unix_s: float | None = None) -> Lesson:
        """Teach from what a listener heard at a moment of its last minute: seconds of its stream, or of the clock."""
        label, heard = self._taught_label(label), self._recently_heard(HEARD_KEPT_S)
        if at_unix_s is not None:
            chosen = [w for w in heard if w.at_unix_s - (w.end_s - w.start_s) <= at_unix_s <= w.at_unix_s]
            first, last = (heard[0].at_unix_s - (heard[0].end_s - heard[0].start_s), heard[-1].at_unix_s)
            span = " to ".join(f"{datetime.datetime.fromtimestamp(t):%H:%M:%S}" for t in (first, last))
        else:
            chosen = [w for w in heard if at_s is not None and w.start_s <= at_s <= w.end_s]
            span = f"{heard[0].start_s:.1f} to {heard[-1].end_s:.1f} s"
        if not chosen:
            raise LearningError(
                "nothing is remembered of that moment", expected=span,
                do="Name a moment within it, or teach with --file FILE; nothing was learned.",
            )  # fmt: skip
        return self._learn_windows(label, chosen)

    def learn_heard_range(
        self, label: str, session: str, start_s: float, end_s: float, *, name: str = "", clip: np.ndarray | None = None
    ) -> Lesson:
        """Teach from seconds of the last minute of one stream of a listener, its `session`. Windows count that have
        most of the range, or most of which it has. `name`: the stream's, in words; `clip`: its sound there, PCM
        float32 [samples] at the model's rate, to be kept."""
        label, heard = self._taught_label(label), self._journal.heard_range(session, start_s, end_s)
        shared = [min(w.end_s, end_s) - max(w.start_s, start_s) for w in heard]
        enough = [s >= MOST * min(w.end_s - w.start_s, end_s - start_s) for w, s in zip(heard, shared, strict=True)]
        chosen = [w for w, is_enough in zip(heard, enough, strict=True) if is_enough]
        if not chosen:
            raise LearningError(
                f"nothing is remembered of {start_s:.1f} to {end_s:.1f} s" + (f" of {name}" if name else ""),
                expected=f"seconds of the last {HEARD_KEPT_S:g} that the model has heard",
                do="Choose a longer or a newer stretch; nothing was learned.",
            )  # fmt: skip
        audio = ("", "") if clip is None or not len(clip) else self._keep(clip)
        return self._learn_windows(label, chosen, of=name, audio=audio)

    def classify(
        self, samples: ArrayLike | str | os.PathLike[str], rate_hz: float | None = None, *, channel: int | None = None
    ) -> Classification:
        """What a clip is called, by all that was taught so far: as `pace_edge.classify`, with the model loaded once."""
        sound = clip_of(samples, rate_hz, to_hz=self.rate_hz, channel=channel)
        return classify_with(self._ears, sound)

    # What they share

    @cached_property
    def _ears(self) -> Ears:
        return ears_for(self._model, self._encoder, self._journal)

    def _check_labels(self, table: LabelTable) -> None:
        """Raises UsageError that names every row whose label cannot be taught."""
        wrong: dict[str, list[int]] = {}
        for row in table.rows:
            try:
                self._taught_label(row.label)
            except UsageError as error:
                wrong.setdefault(str(error), []).append(row.line)
        if wrong:
            said = "; ".join(f"line {', '.join(map(str, at))}: {words.rstrip('.')}" for words, at in wrong.items())
            raise UsageError(f"{table.path}, {said}", do="Nothing was learned.")

    @cached_property
    def _encoder(self) -> Encoder:
        return self._loaded or Encoder(self._model)

    def _recently_heard(self, last_s: float) -> list[HeardWindow]:
        streams = self._journal.heard()
        heard = [w for w in streams[-1].windows if streams[-1].ago_s(w) <= last_s] if streams else []
        if not heard:
            raise LearningError(
                f"nothing was heard in the last {last_s:g} s",
                do="Run `pace-edge listen` in another terminal, or teach with --file FILE or --seconds N.",
            )
        return heard

    def _learn_windows(
        self, label: str, heard: list[HeardWindow], *, of: str = "", audio: tuple[str, str] = ("", "")
    ) -> Lesson:
        loud = loud_enough(np.array([window.level_dbfs for window in heard]))
        embeddings = np.stack([window.embedding for window, is_loud in zip(heard, loud, strict=True) if is_loud])
        source = f"heard {heard[0].start_s:.1f} to {heard[-1].end_s:.1f} s" + (f" of {of}" if of else "")
        return self._learn(label, embeddings, source, len(heard), audio)

    def _learn(
        self, label: str, embeddings: np.ndarray, source: str, windows_heard: int, audio: tuple[str, str] = ("", "")
    ) -> Lesson:
        survey = self._survey()
        before, is_new_class = self._learner.best(embeddings), label not in self._learner.state.labels
        example = self._journal.add(label, embeddings, source=source, audio=audio[0], audio_sha256=audio[1])
        changed = effect(survey, self._survey(), about={label})
        return Lesson(
            label=label, source=source, windows=len(embeddings), windows_heard=windows_heard,
            examples=self._examples_of(label), is_new_class=is_new_class, before=before,
            after=self._learner.best(embeddings), id=example.id, effect=changed,
        )  # fmt: skip

    def _keep(self, clip: np.ndarray) -> tuple[str, str]:
        import soundfile

        file = io.BytesIO()
        soundfile.write(file, clip, self.rate_hz, format="FLAC", subtype="PCM_16")
        name = f"{uuid.uuid4().hex}.flac"
        try:
            write_whole(self._journal.clips / name, file.getvalue())
        except OSError as error:
            raise JournalError(
                f"the recording cannot be kept in {self._journal.clips}: {error.strerror}",
                do="Make room, or leave --keep-audio out; nothing was learned.",
            ) from error
        return name, hashlib.sha256(file.getvalue()).hexdigest()


def clip_of_one_sound(clip: np.ndarray, model: Model, source: str) -> tuple[np.ndarray, np.ndarray]:
    """The clip's windows [n, window] and which are loud enough. Raises AudioError for what is no clip of a sound."""
    info = model.info
    if len(clip) > LONGEST_S * info.rate_hz:
        raise AudioError(
            f"{source} is too long to be one sound", expected=f"at most {LONGEST_S:g} s",
            got=f"{len(clip) / info.rate_hz:.0f} s", do="Cut the sound out of it; nothing was learned.",
        )  # fmt: skip
    windows = clip_windows(clip, info.window_samples, info.hop_samples)
    levels = window_levels_dbfs(windows)
    if levels.max() < AUDIBLE_DBFS:
        raise AudioError(
            f"there is only silence in {source}", expected=f"a sound above {AUDIBLE_DBFS:g} dBFS",
            got=f"{levels.max():.0f} dBFS", do="Check the recording or the microphone; nothing was learned.",
        )  # fmt: skip
    return windows, loud_enough(levels)


def folder_of_clips(folder: Path, label: str | None = None) -> Iterator[tuple[str, Path]]:
    """(label, file) of each clip in a folder: all of one `label`, or, without it, of its subfolder's name. Raises
    UsageError where there is none."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", do="Check the path.")
    inside = [folder] if label is not None else sorted(path for path in folder.iterdir() if path.is_dir())
    found = [
        (label or tidied_label(inner.name), path)
        for inner in inside for path in sorted(inner.iterdir()) if path.suffix.lower() in AUDIO_SUFFIXES
    ]  # fmt: skip
    if not found:
        where = f"{folder}" if label is not None else f"the subfolders of {folder}, each named as a label"
        raise UsageError(
            f"there are no audio files in {where}", expected=", ".join(AUDIO_SUFFIXES),
            do="With --label, all files of the folder are of that label.",
        )  # fmt: skip
    yield from found
