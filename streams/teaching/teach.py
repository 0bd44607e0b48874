"""Teaching: a clip, a recording or what was just heard becomes a labelled example in the journal."""

from __future__ import annotations

import hashlib
import io
import os
import shlex
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pace_edge.arguments import check_seconds, check_type
from pace_edge.clips import clip_windows
from pace_edge.config import HEARD_KEPT_S
from pace_edge.errors import AudioError, JournalError, LearningError, UsageError
from pace_edge.heard_memory import BLOCK_S, HeardStream
from pace_edge.kept_audio import write_kept
from pace_edge.label_check import UNKNOWN
from pace_edge.model_file import Model
from pace_edge.operations import State
from pace_edge.samples import as_sound
from streams.configuration.running import elsewhere, running
from streams.listening.classify import Classification, classify_with, clip_of, ears_for
from streams.listening.ears import Ears
from streams.listening.encoder import Encoder
from streams.listening.event_rule import EventRule
from streams.sources.source import Source, source_of
from streams.teaching.change import Changer
from streams.teaching.effect import effect
from streams.teaching.just_heard import last_seconds, moment, of_source, the_last_sound, what_there_is
from streams.teaching.label_tables import LabelTable, read_table
from streams.teaching.lesson import Lesson, TableLessons
from streams.teaching.material import SURE, Material, check, made_of_it, of_clip, of_sound
from streams.teaching.recordings import Stretch, read_recording, stretches
from streams.teaching.sounds import HeardSound, Known, meant, sounds, stretch

LONGEST_S = 600.0  # a longer recording is no clip of one sound


SoundOf = Callable[[str, float, float], np.ndarray | None]
"""The sound of a source from one second of its stream to another: PCM float32 [samples] at the model's rate."""

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


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
        rule: Callable[[State], EventRule] | None = None,
    ) -> None:  # fmt: skip
        """As `Changer`. `encoder`: the model's, where there is one already; else it is loaded when it is needed."""
        super().__init__(model, journal=journal, signed_by=signed_by, config=config, rule=rule)
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
        keep_audio: bool = False, force: bool = False, new_class: bool = False,
    ) -> Lesson:  # fmt: skip
        """Teach from an array, as one example however long it is.

        `samples`: numbers that NumPy can read, of shape [n], [n, channels] or [channels, n], at `rate_hz` samples per
        second: int8, uint8, int16 or int32, or floats in -1..1. `channel`: this one alone, the first is 1; else their
        average. `source`: what it is, in words, for the journal. Raises AudioError for what is no sound (pace_edge/
        samples.py says what is), UsageError for what is no label, JournalError.
        """
        label = self.taught_label(label, new_class=new_class)
        clip = as_sound(samples, rate_hz, to_hz=self.rate_hz, channel=channel, name=source or "this array")
        source = source or f"an array of {len(clip) / self.rate_hz:.2f} s"
        return self.learn_clip(label, clip, source=source, keep_audio=keep_audio, force=force, new_class=new_class)

    def learn_file(
        self, label: str, path: str | Path, from_s: float | None = None, to_s: float | None = None, *,
        keep_audio: bool = False, force: bool = False, new_class: bool = False,
    ) -> Lesson:  # fmt: skip
        """Teach from an audio file, or from `from_s` to `to_s` of it, in seconds, as one example however long it is.
        Only that part is decoded. The file is remembered by path and checksum.

        Raises AudioError where the file cannot be read, is too long, or ends before the stretch; UsageError for a
        stretch that is empty or reversed, and for what is no label; JournalError.
        """
        label = self.taught_label(label, new_class=new_class)
        taken = read_recording(path, self.rate_hz, from_s=from_s, to_s=to_s, longest_s=LONGEST_S)
        return self.learn_clip(
            label, taken.clip, source=taken.source, keep_audio=keep_audio, audio=taken.audio, span_s=taken.span_s,
            force=force, new_class=new_class,
        )  # fmt: skip

    def learn_table(
        self, path: str | Path, audio: str | Path | None = None, *, label_column: str | None = None,
        keep_audio: bool = False, force: bool = False, new_class: bool = False,
    ) -> TableLessons:  # fmt: skip
        """Teach every row of an Audacity label file, a Raven selection table or our own CSV of events, each as one
        example. `audio`: the recording; None: the one that a row names, else the one beside the table that has its
        name. `label_column`: the heading over the labels, where it is none of the usual ones.

        All labels are checked before anything is taught. Rows that cannot be taught are named in the result, and the
        others are. Raises UsageError for what is no table or no label, LearningError for a label that differs from a
        class in its form only, JournalError.
        """
        lessons, refused = [], []
        rows = self.table_lessons(
            path, audio, label_column=label_column, keep_audio=keep_audio, force=force, new_class=new_class
        )
        for lesson in rows:
            if isinstance(lesson, str):
                refused.append(lesson)
            else:
                lessons.append(lesson)
        return TableLessons(tuple(lessons), tuple(refused))

    def table_lessons(
        self, path: str | Path, audio: str | Path | None = None, *, label_column: str | None = None,
        keep_audio: bool = False, force: bool = False, new_class: bool = False,
    ) -> Iterator[Lesson | str]:  # fmt: skip
        """`learn_table` row by row: each one's lesson, or a sentence that says why there is none."""
        table = read_table(path, label_column=label_column)
        self._check_labels(table, new_class=new_class)
        window_s = self._model.info.window_samples / self.rate_hz
        for found in stretches(table, None if audio is None else Path(audio), window_s=window_s):
            if not isinstance(found, Stretch):
                yield "line {}: {}".format(*found)
                continue
            try:
                yield self.learn_file(
                    found.label, found.path, found.from_s, found.to_s, keep_audio=keep_audio, force=force,
                    new_class=True,
                )  # fmt: skip
            except (AudioError, LearningError, UsageError) as error:
                yield f"line {found.line}: {error}"

    def learn_recording(
        self, label: str, source: Source, seconds: float, *, gain_db: float = 0.0, keep_audio: bool = False,
        force: bool = False, new_class: bool = False,
    ) -> Lesson:  # fmt: skip
        """Teach from the next `seconds` of a source, such as an opened microphone, made louder by `gain_db` as a
        listener would."""
        check_seconds("seconds", seconds, LONGEST_S)
        source = source_of(source, to_hz=self.rate_hz, realtime=False)
        label, wanted, chunks = self.taught_label(label, new_class=new_class), round(seconds * source.rate_hz), []
        with source:
            for chunk in source:
                chunks.append(chunk)
                if sum(map(len, chunks)) >= wanted:
                    break
        clip = np.concatenate([np.empty(0, np.float32), *chunks])[:wanted]
        clip = np.clip(clip * np.float32(10 ** (gain_db / 20)), -1.0, 1.0)
        return self.learn_clip(label, clip, source=source.name, keep_audio=keep_audio, force=force, new_class=new_class)

    def learn_clip(
        self, label: str, clip: np.ndarray, *, source: str, keep_audio: bool = False,
        audio: tuple[str, str] = ("", ""), span_s: tuple[float, float] = (0.0, 0.0), force: bool = False,
        new_class: bool = False,
    ) -> Lesson:  # fmt: skip
        """Teach from mono PCM [samples] at the model's rate. `keep_audio`: a copy stays beside the journal, for
        `relearn`; `audio`: the path and checksum of a file that holds it already, from and to `span_s` where it is a
        part of it. `force`: also silence, what is clipped, and what the model calls background."""
        label = self.taught_label(label, new_class=new_class)
        clip = as_sound(clip, self.rate_hz, to_hz=self.rate_hz, name=source)
        if keep_audio and span_s[1]:  # the copy is all of it, and no whole file
            audio, span_s = ("", ""), (0.0, 0.0)
        windows = windows_of_one_sound(clip, self._model, source)
        material = of_clip(windows, self._encoder, source, audio, span_s, duration_s=len(clip) / self.rate_hz)
        self._check(label, material, force=force)
        return self._learn(label, material, keep=clip if keep_audio else None, new_class=new_class)

    def last_sound(
        self, *, source: str | None = None, sessions: Collection[str] | None = None
    ) -> tuple[HeardSound, list[HeardSound]]:
        """What `learn_last_sound` would teach now, and the quieter sounds that came after it. Raises LearningError
        where there is none."""
        return the_last_sound(self._heard(source, sessions), self._known_sounds())

    def learn_last_sound(
        self, label: str, *, source: str | None = None, sessions: Collection[str] | None = None,
        sound_of: SoundOf | None = None, force: bool = False, new_class: bool = False,
    ) -> Lesson:  # fmt: skip
        """Teach from the last sound of the last minute, whole: from the source that heard it loudest, or from this
        `source`. A sound is what a listener heard above its gate and did not call background. `sessions`: only these
        streams; `sound_of`: gives the sound, to be kept."""
        label = self.taught_label(label, new_class=new_class)
        sound, later = self.last_sound(source=source, sessions=sessions)
        return self._learn_sound(label, sound, later=later, sound_of=sound_of, force=force, new_class=new_class)

    def learn_heard(
        self, label: str, last_s: float, *, source: str | None = None, sessions: Collection[str] | None = None,
        sound_of: SoundOf | None = None, force: bool = False, new_class: bool = False,
    ) -> Lesson:  # fmt: skip
        """Teach from what a listener, in this or another process, heard in the last `last_s` seconds by the clock."""
        check_seconds("last_s", last_s, HEARD_KEPT_S)
        label = self.taught_label(label, new_class=new_class)
        found = last_seconds(self._heard(source, sessions), last_s, self._known_sounds())
        return self._learn_sound(label, found, sound_of=sound_of, force=force, new_class=new_class)

    def learn_heard_at(
        self, label: str, *, at_s: float | None = None, at_unix_s: float | None = None, source: str | None = None,
        force: bool = False, new_class: bool = False,
    ) -> Lesson:  # fmt: skip
        """Teach from what a listener heard at a moment of its last minute: seconds of its stream, or of the clock."""
        check_type("at_s", at_s, (Real, type(None)), "seconds of the stream, or None")
        check_type("at_unix_s", at_unix_s, (Real, type(None)), "seconds of the clock since 1970, or None")
        label = self.taught_label(label, new_class=new_class)
        found = moment(self._heard(source, None), self._known_sounds(), at_s=at_s, at_unix_s=at_unix_s)
        return self._learn_sound(label, found, force=force, new_class=new_class)

    def learn_heard_range(
        self, label: str, session: str, start_s: float, end_s: float, *, name: str = "",
        sound_of: SoundOf | None = None, force: bool = False, new_class: bool = False,
    ) -> Lesson:  # fmt: skip
        """Teach from seconds of the last minute of one stream of a listener, its `session`. Windows count that have
        most of the range, or most of which it has; of the range of a whole sound, those that hold it. `name`: the
        stream's, in words; `sound_of`: gives the sound of a stretch of a source, PCM float32 [samples] at the model's
        rate, to be kept."""
        label = self.taught_label(label, new_class=new_class)
        streams = self._heard(None, [session])
        streams = [replace(one, source=name or one.source) for one in streams]
        known = self._known_sounds()
        whole = [s for one in streams for s in sounds(one, known) if _is_range(s, start_s, end_s)]
        chosen = whole[0].windows if whole else meant(streams[0].windows, start_s, end_s) if streams else ()
        if not chosen:
            raise LearningError(
                f"nothing is remembered of {start_s:.1f} to {end_s:.1f} s" + (f" of {name}" if name else ""),
                expected=f"seconds of the last {HEARD_KEPT_S:g} that the model has heard",
                do="Choose a longer or a newer stretch; nothing was learned.",
            )  # fmt: skip
        found = whole[0] if whole else stretch(streams[0], chosen, known)
        clip = sound_of(name, start_s, end_s) if sound_of else None
        return self._learn_sound(label, found, sound_of=lambda *_: clip, force=force, new_class=new_class)

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

    def _check_labels(self, table: LabelTable, *, new_class: bool) -> None:
        """Raises an error that names every row whose label cannot be taught: LearningError where only another form of
        a class is to be asked about, else UsageError."""
        wrong: dict[str, list[int]] = {}
        near = []
        before: set[str] = set()
        for row in table.rows:
            try:
                before.add(self.taught_label(row.label, new_class=new_class, beside=before))
            except (UsageError, LearningError) as error:
                wrong.setdefault(str(error), []).append(row.line)
                near.append(getattr(error, "near", ""))
        if wrong:
            said = "; ".join(f"line {', '.join(map(str, at))}: {words.rstrip('.')}" for words, at in wrong.items())
            refused = LearningError if all(near) else UsageError
            raise refused(f"{table.path}, {said}", do="Nothing was learned.")

    @cached_property
    def _encoder(self) -> Encoder:
        return self._loaded or Encoder(self._model)

    def _heard(self, source: str | None, sessions: Collection[str] | None) -> Sequence[HeardStream]:
        streams = [one for one in self._journal.heard() if sessions is None or one.session in sessions]
        if not streams and (others := elsewhere(self._journal.path)):
            raise LearningError(
                f"nothing was heard in the last {HEARD_KEPT_S:g} s by a listener with the journal {self._journal.path}",
                got="; ".join(one.in_words() for one in others),
                do=f"Teach there with {others[0].options()}; nothing was learned.",
            )  # fmt: skip
        if not streams and sessions is None and any(one.uses(self._journal.path) for one in running()):
            raise LearningError(
                f"the listener that runs here heard nothing above its gate in the last {HEARD_KEPT_S:g} s",
                do="It shows the level of what it hears: where that is below windows.gate_dbfs, lower the gate; where "
                "there is none, look after the microphone. Nothing was learned.",
            )
        return of_source(streams, source)

    def _known_sounds(self) -> Known:
        return Known(self._model.info.background, UNKNOWN, SURE * self._model.info.threshold)

    def _learn_sound(
        self, label: str, sound: HeardSound, *, later: Sequence[HeardSound] = (), sound_of: SoundOf | None = None,
        force: bool, new_class: bool,
    ) -> Lesson:  # fmt: skip
        material = of_sound(sound)
        self._check(label, material, force=force)
        keep = sound_of(sound.stream.source, sound.start_s, sound.end_s) if sound_of else None
        lesson = self._learn(label, material, keep=keep, new_class=new_class)
        return replace(lesson, later=tuple(one.in_words() for one in later))

    def _check(self, label: str, material: Material, *, force: bool) -> None:
        """Raises DoubtfulError, unless it is meant whatever it is."""
        if not force:
            info = self._model.info
            check(
                material, label, background=info.background, threshold=info.threshold, call=self._learner.best,
                remembered=lambda: what_there_is(self._journal.heard(), self._known_sounds()),
            )  # fmt: skip

    def _learn(self, label: str, material: Material, *, keep: np.ndarray | None, new_class: bool) -> Lesson:
        survey, sound = self._survey(), material.heard
        before, is_new_class = self._learner.best(material.embeddings), label not in self._learner.state.labels
        with self._journal.deciding():
            label = self.taught_label(label, new_class=new_class)  # again: somebody may have taught one like it
            taught = made_of_it(material, label, self._learner.operations, self._learner.state.examples)
            if taught is None:
                audio, audio_sha256 = material.audio if keep is None or not len(keep) else self._keep(keep)
                id = self._journal.add(
                    label, material.embeddings, source=material.source, audio=audio, audio_sha256=audio_sha256,
                    session=material.session, start_s=material.start_s,
                    end_s=material.end_s,
                ).id  # fmt: skip
            else:
                id, was = taught.id, self._learner.state.examples[taught.id]
                if was != label:
                    raise LearningError(
                        f"this sound ({material.source}) is example {id} of '{was}' already",
                        do=f"If it is '{label}': pace-edge correct --example {id} --label {shlex.quote(label)}; "
                        "nothing was learned.",
                    )
        changed = effect(survey, self._survey(), about={label})
        return Lesson(
            label=label, source=material.source, windows=len(material.embeddings),
            windows_heard=material.windows_heard, examples=self._examples_of(label), is_new_class=is_new_class,
            before=before, after=self._learner.best(material.embeddings), id=id, effect=changed,
            heard_from=sound.stream.source if sound else "", at_unix_s=sound.at_unix_s if sound else None,
            duration_s=round(material.duration_s, 3), level_dbfs=round(material.level_dbfs, 2),
            known=taught is not None, confusion=self._confusion(label) if taught is None else None,
        )  # fmt: skip

    def _keep(self, clip: np.ndarray) -> tuple[str, str]:
        import soundfile

        file = io.BytesIO()
        soundfile.write(file, clip, self.rate_hz, format="FLAC", subtype="PCM_16")
        name = f"{uuid.uuid4().hex}.flac"
        try:
            write_kept(self._journal.clips, name, file.getvalue())
        except OSError as error:
            raise JournalError(
                f"the recording cannot be kept in {self._journal.clips}: {error.strerror}",
                do="Make room, or leave --keep-audio out; nothing was learned.",
            ) from error
        return name, hashlib.sha256(file.getvalue()).hexdigest()


def _is_range(sound: HeardSound, start_s: float, end_s: float) -> bool:
    return abs(sound.start_s - start_s) < BLOCK_S / 2 and abs(sound.end_s - end_s) < BLOCK_S / 2


def windows_of_one_sound(clip: np.ndarray, model: Model, source: str) -> np.ndarray:
    """The clip's windows [n, window]. Raises AudioError for what is no clip of a sound."""
    info = model.info
    if len(clip) > LONGEST_S * info.rate_hz:
        raise AudioError(
            f"{source} is too long to be one sound", expected=f"at most {LONGEST_S:g} s",
            got=f"{len(clip) / info.rate_hz:.0f} s", do="Cut the sound out of it; nothing was learned.",
        )  # fmt: skip
    return clip_windows(clip, info.window_samples, info.hop_samples)
