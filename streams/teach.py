"""Teaching: a clip, a recording or what was just heard becomes a labelled example in the journal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pace_edge.audio import read_audio
from pace_edge.clips import clip_windows, loud_enough, window_levels_dbfs
from pace_edge.config import STARTER_MODEL
from pace_edge.errors import AudioError, LearningError
from pace_edge.journal import checked_label
from pace_edge.model_file import Model, read_model
from streams.encoder import Encoder
from streams.learner import Learner, open_journal
from streams.sources import Source

STALE_S = 600.0  # what was heard longer ago is not "just heard"
AUDIBLE_DBFS = -70.0  # a clip that is nowhere louder is silence
LONGEST_S = 600.0  # a longer recording is no clip of one sound


@dataclass(frozen=True)
class Lesson:
    """What teaching did. `windows` of `windows_heard` were loud enough to learn from; `before` and `after` are what
    the same sound was and is called, with the score from 0 to 1; `examples` counts the class's examples now."""

    label: str
    source: str
    windows: int
    windows_heard: int
    examples: int
    is_new_class: bool
    before: tuple[str, float]
    after: tuple[str, float]


class Teacher:
    """A model with its journal open for labels; whichever listener runs takes them up at its next window."""

    def __init__(self, model: str | Path | Model = STARTER_MODEL, *, journal: Path | None = None) -> None:
        self._model = model if isinstance(model, Model) else read_model(model)
        self._journal = open_journal(self._model, journal)
        try:
            self._learner = Learner(self._model, self._journal)
        except BaseException:
            self._journal.close()
            raise

    @property
    def rate_hz(self) -> int:
        return self._model.info.rate_hz

    def __enter__(self) -> Teacher:
        return self

    def __exit__(self, *exc: object) -> None:
        self._journal.close()

    def learn_file(self, label: str, path: str | Path) -> Lesson:
        """Teach from an audio file, as one example however long it is."""
        clip = read_audio(path, self._model.info.rate_hz)
        name = str(Path(path).resolve()).encode("utf-8", "backslashreplace").decode()  # a name need not be text
        return self.learn_clip(label, clip, source=f"file {name}")

    def learn_recording(self, label: str, source: Source, seconds: float) -> Lesson:
        """Teach from the next `seconds` of a source, such as an opened microphone."""
        label, wanted, chunks = checked_label(label), round(seconds * source.rate_hz), []
        with source:
            for chunk in source:
                chunks.append(chunk)
                if sum(map(len, chunks)) >= wanted:
                    break
        return self.learn_clip(label, np.concatenate(chunks)[:wanted], source=source.name)

    def learn_clip(self, label: str, clip: np.ndarray, *, source: str) -> Lesson:
        """Teach from PCM float32 [samples] at the model's rate."""
        info = self._model.info
        label = checked_label(label)
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
        embeddings = Encoder(self._model)(windows[loud_enough(levels)])
        return self._learn(label, embeddings, source, len(windows))

    def learn_heard(self, label: str, last_s: float) -> Lesson:
        """Teach from what a listener heard in its last `last_s` seconds, in this or another process."""
        label = checked_label(label)
        heard, ago_s = self._journal.heard(last_s)
        if ago_s > STALE_S:
            raise LearningError(
                f"nothing was heard in the last {STALE_S / 60:g} minutes",
                do="Run `pace-edge listen` in another terminal, or teach with --file FILE or --seconds N.",
            )
        loud = loud_enough(np.array([window.level_dbfs for window in heard]))
        embeddings = np.stack([window.embedding for window, is_loud in zip(heard, loud, strict=True) if is_loud])
        return self._learn(label, embeddings, f"heard {heard[0].start_s:.1f} to {heard[-1].end_s:.1f} s", len(heard))

    def _learn(self, label: str, embeddings: np.ndarray, source: str, windows_heard: int) -> Lesson:
        classifier = self._learner.classifier
        before, is_new_class = self._learner.best(embeddings), label not in classifier.labels
        self._journal.add(label, embeddings, source=source)
        self._learner.catch_up()
        return Lesson(
            label=label, source=source, windows=len(embeddings), windows_heard=windows_heard,
            examples=round(classifier.counts[classifier.labels.index(label)]), is_new_class=is_new_class,
            before=before, after=self._learner.best(embeddings),
        )  # fmt: skip


@dataclass(frozen=True)
class LabelCount:
    """One class: the examples it came with, and those taught here."""

    label: str
    built_in: float
    taught: int


def labels(model: str | Path | Model = STARTER_MODEL, *, journal: Path | None = None) -> list[LabelCount]:
    """Every class that the model and its journal know, in the classifier's order."""
    model = model if isinstance(model, Model) else read_model(model)
    built_in = dict(zip(model.info.labels, model.info.counts, strict=True))
    with open_journal(model, journal) as opened:
        taught: dict[str, int] = {}
        for example in opened.examples():
            taught[example.label] = taught.get(example.label, 0) + 1
    return [
        LabelCount(name, built_in.get(name, 0.0), taught.get(name, 0)) for name in dict.fromkeys([*built_in, *taught])
    ]
